//! Weights from a hub on this machine that redirects, breaks off, lies and fails.

use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use backlit::sources::{Hub, Manifest, Progress, Source, SourceError, Stage, Store, verify};
use backlit_net::Variant;
use backlit_net::weights::{Naming, Weights};
use backlit_testkit::server::{Request, Response, Server};
use backlit_testkit::synthetic::weights_bytes;
use sha2::{Digest, Sha256};

static FILE: LazyLock<Arc<Vec<u8>>> = LazyLock::new(|| Arc::new(weights_bytes(Variant::V1_5, Naming::Torchvision, 3)));
static HASH: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::digest(FILE.as_slice());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
});

fn store(folder: &Path, endpoint: &str) -> Store {
    let hub = Hub { endpoint: endpoint.into(), token: Some("hf_secret".into()) };
    Store { folder: folder.into(), npm: "/nowhere/npm".into(), hub, manifest: Manifest::published() }
}

fn source() -> Source {
    "hf:timm/resnet50.tv_in1k".parse().unwrap()
}

fn silent(_: Progress) {}

/// Files in a folder, but for the lock.
fn left_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name != ".lock").collect();
    names.sort();
    names
}

/// The file, or its rest if that is asked for.
fn serve(request: &Request, etag: &str) -> Response {
    match request.from() {
        Some(from) if request.header("if-range") == Some(etag) => {
            let range = format!("bytes {from}-{}/{}", FILE.len() - 1, FILE.len());
            Response::new(206, &[("etag", etag), ("content-range", &range)], &FILE[from..])
        }
        _ => Response::new(200, &[("etag", etag)], &FILE),
    }
}

#[test]
fn a_redirected_file_is_checked_completed_and_kept() {
    let bytes = Server::start(|request| Some(serve(request, "\"e\"")));
    // The same machine under another name: another origin.
    let elsewhere = bytes.address.replace("127.0.0.1", "localhost");
    let linked = format!("\"{}\"", *HASH);
    let hub = Server::start(move |_| {
        let location = format!("{elsewhere}/signed?x=1");
        Some(Response::new(302, &[("x-linked-etag", &linked), ("location", &location)], b""))
    });
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder.path().join("new/cache"), &hub.address);
    let mut seen = Vec::new();
    let path = store.ensure(&source(), &mut |p| seen.push(p)).unwrap();

    assert_eq!(left_in(&store.folder), ["hf--timm--resnet50.tv_in1k.safetensors"]);
    let weights = Weights::open(&path).unwrap();
    assert_eq!((weights.source(), weights.variant()), ("hf:timm/resnet50.tv_in1k", Variant::V1_5));
    let original = Weights::from_bytes(FILE.to_vec(), "original").unwrap();
    assert!(weights.network().convs().all(|c| weights.conv(c) == original.conv(c)));
    assert!(verify(&path).unwrap().data_matches);

    let stages = [Stage::Download, Stage::Verify, Stage::Convert];
    let finished = |stage| seen.iter().any(|p| p.stage == stage && p.done > 0 && Some(p.done) == p.total);
    assert!(stages.into_iter().all(finished));
    assert_eq!(hub.requests()[0].path, "/timm/resnet50.tv_in1k/resolve/main/model.safetensors");
    assert_eq!(hub.requests()[0].header("authorization"), Some("Bearer hf_secret"));
    assert_eq!(bytes.requests()[0].path, "/signed?x=1");
    assert_eq!(bytes.requests()[0].header("authorization"), None, "the token stays with the hub");

    assert_eq!(store.ensure(&source(), &mut silent).unwrap(), path);
    assert_eq!(hub.requests().len(), 1, "what is there is not fetched again");
}

#[test]
fn an_interrupted_download_is_resumed_by_the_next_call() {
    const CUT: usize = 1_234_567;
    let mut count = 0;
    let server = Server::start(move |request| {
        count += 1;
        match count {
            1 => Some(serve(request, "\"e\"").cut_after(CUT)),
            2 => None,
            _ => Some(serve(request, "\"e\"")),
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), &server.address);
    let error = store.ensure(&source(), &mut silent).unwrap_err();
    assert!(
        matches!(error, SourceError::Interrupted { received, total, .. }
            if received == CUT as u64 && total == Some(FILE.len() as u64)),
        "{error}"
    );
    assert!(!store.holds(&source()));
    assert_eq!(
        fs::metadata(folder.path().join(".hf--timm--resnet50.tv_in1k.safetensors.partial")).unwrap().len(),
        CUT as u64
    );

    let mut first = None;
    let path = store.ensure(&source(), &mut |p| first = first.or(Some(p.done))).unwrap();
    assert_eq!(first, Some(CUT as u64));
    assert_eq!(server.requests().last().and_then(|r| r.from()), Some(CUT));
    assert!(verify(&path).unwrap().data_matches);
    assert_eq!(left_in(folder.path()).len(), 1);
}

#[test]
fn a_broken_connection_is_taken_up_again_within_one_call() {
    let mut count = 0;
    let server = Server::start(move |request| {
        count += 1;
        let cut = if count < 4 { 1000 * count } else { usize::MAX };
        let response = serve(request, "\"e\"");
        Some(if cut < response.body.len() { response.cut_after(cut) } else { response })
    });
    let folder = tempfile::tempdir().unwrap();
    let path = store(folder.path(), &server.address).ensure(&source(), &mut silent).unwrap();
    let ranges: Vec<_> = server.requests().iter().map(Request::from).collect();
    assert_eq!(ranges, [None, Some(1000), Some(3000), Some(6000)]);
    assert!(Weights::open(&path).is_ok());
}

#[test]
fn a_file_that_changed_meanwhile_is_fetched_from_the_beginning() {
    for honours_if_range in [true, false] {
        let mut count = 0;
        let server = Server::start(move |request| {
            count += 1;
            match (count, request.from()) {
                (1, _) => Some(serve(request, "\"old\"").cut_after(5000)),
                (2, _) => None,
                // A server that ignores `if-range` sends the rest of another file; its ETag gives it away.
                (_, Some(from)) if !honours_if_range => {
                    let range = format!("bytes {from}-{}/{}", FILE.len() - 1, FILE.len());
                    Some(Response::new(206, &[("etag", "\"new\""), ("content-range", &range)], &FILE[from..]))
                }
                _ => Some(serve(request, "\"new\"")),
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), &server.address);
        assert!(matches!(store.ensure(&source(), &mut silent), Err(SourceError::Interrupted { .. })));
        let path = store.ensure(&source(), &mut silent).unwrap();
        assert!(verify(&path).unwrap().data_matches);
        let last = server.requests().pop().unwrap();
        assert_eq!(last.from().is_some(), honours_if_range);
    }
}

#[test]
fn a_server_without_ranges_still_delivers_in_the_end() {
    let mut count = 0;
    let server = Server::start(move |_| {
        count += 1;
        let whole = Response::new(200, &[], &FILE);
        Some(if count == 1 { whole.cut_after(5000) } else { whole })
    });
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), &server.address).ensure(&source(), &mut silent).unwrap();
    assert!(server.requests().iter().all(|r| r.from().is_none()));
}

#[test]
fn refusals_name_the_status_and_leave_nothing() {
    for (status, advice) in [(404, "check the names"), (401, "HF_TOKEN"), (503, "try again later")] {
        let server = Server::start(move |_| Some(Response::new(status, &[], b"no")));
        let folder = tempfile::tempdir().unwrap();
        let error = store(folder.path(), &server.address).ensure(&source(), &mut silent).unwrap_err();
        assert!(matches!(error, SourceError::Status { status: found, .. } if found == status), "{error}");
        assert!(error.to_string().contains(advice) && !error.to_string().contains('\n'), "{error}");
        assert_eq!(left_in(folder.path()), [""; 0]);
    }
}

#[test]
fn bytes_with_another_hash_are_thrown_away() {
    let mut altered = FILE.to_vec();
    *altered.last_mut().unwrap() ^= 1;
    let linked = format!("\"{}\"", *HASH);
    let server = Server::start(move |_| Some(Response::new(200, &[("x-linked-etag", &linked)], &altered)));
    let folder = tempfile::tempdir().unwrap();
    let error = store(folder.path(), &server.address).ensure(&source(), &mut silent).unwrap_err();
    assert!(matches!(&error, SourceError::Hash { expected, found, .. } if *expected == *HASH && found != expected));
    assert_eq!(left_in(folder.path()), [""; 0]);
}

#[test]
fn what_is_no_resnet_50_is_thrown_away() {
    let server = Server::start(|_| Some(Response::new(200, &[("etag", "\"e\"")], b"<html>please log in</html>")));
    let folder = tempfile::tempdir().unwrap();
    let error = store(folder.path(), &server.address).ensure(&source(), &mut silent).unwrap_err();
    assert!(matches!(error, SourceError::Weights(_)), "{error}");
    assert_eq!(left_in(folder.path()), [""; 0]);
}

#[test]
fn endless_files_and_endless_redirects_are_refused() {
    let huge =
        Server::start(|_| Some(Response::new(206, &[("content-range", "bytes 0-9/99999999999")], b"0123456789")));
    let around = Server::start(|_| Some(Response::new(302, &[("location", "/again")], b"")));
    let nowhere = Server::start(|_| Some(Response::new(302, &[], b"")));
    for server in [huge, around, nowhere] {
        let folder = tempfile::tempdir().unwrap();
        let error = store(folder.path(), &server.address).ensure(&source(), &mut silent).unwrap_err();
        assert!(matches!(error, SourceError::Protocol { .. } | SourceError::Status { .. }), "{error}");
        assert!(server.requests().len() < 20);
        assert_eq!(left_in(folder.path()), [""; 0]);
    }
}

#[test]
fn nobody_there_is_called_no_network() {
    // Bound and dropped: nobody listens on this port.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for endpoint in [format!("http://{address}"), "http://host.invalid".into()] {
        let error = store(folder.path(), &endpoint).ensure(&source(), &mut silent).unwrap_err();
        assert!(matches!(error, SourceError::Offline { .. }), "{error:?}");
        assert!(error.to_string().starts_with("no network? ") && error.to_string().contains("--weights"), "{error}");
        assert_eq!(left_in(folder.path()), [""; 0]);
    }
}
