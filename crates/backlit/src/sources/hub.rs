//! Safetensors files on the Hugging Face hub, or whatever speaks like it at another address.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backlit_net::weights::{Archive, Claims, Weights};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, http};

use super::digest::{is_sha256, sha256};
use super::download::{Download, Reply};
use super::{Progress, SourceError, Stage};

/// The hub's own address.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// Hops from the hub to the server that holds the bytes; there are one or two.
const MAX_REDIRECTS: usize = 8;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// Silence after which a connection counts as broken.
const SILENCE: Duration = Duration::from_secs(60);

/// How to reach the hub.
#[derive(Clone, PartialEq, Eq)]
pub struct Hub {
    /// Scheme and host, such as [`DEFAULT_ENDPOINT`].
    pub endpoint: String,
    /// Sent as a bearer token, to the endpoint and nowhere else.
    pub token: Option<String>,
}

impl std::fmt::Debug for Hub {
    /// Keeps the token out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let token = self.token.as_ref().map(|_| "...");
        f.debug_struct("Hub").field("endpoint", &self.endpoint).field("token", &token).finish()
    }
}

impl Hub {
    /// The hub of `$HF_ENDPOINT`, with the token of `$HF_TOKEN`, if they are set.
    pub fn from_env() -> Hub {
        let set = |name| env::var(name).ok().map(|v| v.trim().to_string()).filter(|v| !v.is_empty());
        Hub { endpoint: set("HF_ENDPOINT").unwrap_or(DEFAULT_ENDPOINT.into()), token: set("HF_TOKEN") }
    }

    /// Address of a file.
    pub(super) fn url(&self, repo: &str, revision: Option<&str>, file: Option<&str>) -> String {
        let (revision, file) = (revision.unwrap_or("main"), file.unwrap_or("model.safetensors"));
        format!("{}/{repo}/resolve/{revision}/{file}", self.endpoint.trim_end_matches('/'))
    }

    /// Downloads, checks and completes the file; returns the finished one in `staging`.
    ///
    /// Bytes that arrive are kept beside `target` until the file is complete, for a later call to go on from.
    pub(super) fn fetch(
        &self,
        url: &str,
        source: &str,
        target: &Path,
        staging: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<PathBuf, SourceError> {
        let agent = self.agent();
        let mut download = Download::beside(target);
        let linked = download.run(url, &mut |range| self.get(&agent, url, range), progress)?;

        let bytes = fs::read(download.partial()).map_err(SourceError::disk(download.partial()))?;
        let total = bytes.len() as u64;
        progress(Progress::new(Stage::Verify, 0, total));
        let ready = linked.filter(|hash| is_sha256(hash)).map_or(Ok(()), |expected| {
            let (expected, found) = (expected.to_ascii_lowercase(), sha256(&bytes));
            match found == expected {
                true => Ok(()),
                false => Err(SourceError::Hash { file: url.into(), expected, found }),
            }
        });
        let ready = ready.and_then(|()| {
            let claims = Claims { source: Some(source.into()), ..Claims::default() };
            let weights = Weights::from_archive(Archive::from_safetensors(bytes, url)?, url, &claims)?;
            progress(Progress::new(Stage::Verify, total, total));
            progress(Progress::new(Stage::Convert, 0, total));
            let ready = staging.join("model.safetensors");
            weights.save(&ready)?;
            progress(Progress::new(Stage::Convert, total, total));
            Ok(ready)
        });
        // Complete, and either converted or no good: there is nothing to go on from.
        download.discard();
        ready
    }

    fn agent(&self) -> Agent {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .user_agent(concat!("backlit/", env!("CARGO_PKG_VERSION")));
        // No proxy leads back to this machine.
        let local = ["http://127.0.0.1", "http://localhost"].iter().any(|here| self.endpoint.starts_with(here));
        let config = if local { config.proxy(None) } else { config };
        config.build().into()
    }

    /// Asks for the file from byte `range.0` on, provided that it still is the one with the ETag `range.1`.
    ///
    /// Redirects are followed here, because the hub tells the file's hash on the way to its bytes, and because the
    /// token must not travel along.
    fn get(&self, agent: &Agent, url: &str, range: Option<(u64, &str)>) -> Result<Reply, SourceError> {
        let mut url = url.to_string();
        let mut linked = None;
        for _ in 0..=MAX_REDIRECTS {
            let mut request = agent.get(&url);
            if let Some(token) = self.token.as_ref().filter(|_| origin(&url) == origin(&self.endpoint)) {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            if let Some((from, etag)) = range {
                request = request.header("range", format!("bytes={from}-")).header("if-range", etag);
            }
            let response = request.call().map_err(|error| unreachable_host(&url, error))?;
            linked = linked.or_else(|| header(&response, "x-linked-etag").map(|e| plain_etag(&e)));
            if !response.status().is_redirection() {
                return Reply::read(url, linked, response);
            }
            let Some(location) = header(&response, "location") else {
                return Err(SourceError::Protocol { url, detail: "it redirects to nowhere".into() });
            };
            let next = resolve(&url, &location);
            if url.starts_with("https:") && !next.starts_with("https:") {
                return Err(SourceError::Protocol { url, detail: format!("it redirects to {next}, without TLS") });
            }
            url = next;
        }
        Err(SourceError::Protocol { url, detail: "it redirects without end".into() })
    }
}

pub(super) fn header(response: &http::Response<Body>, name: &str) -> Option<String> {
    response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_string)
}

/// An ETag without its quotes and the mark of weakness.
pub(super) fn plain_etag(etag: &str) -> String {
    etag.trim_start_matches("W/").trim_matches('"').to_string()
}

fn unreachable_host(url: &str, error: ureq::Error) -> SourceError {
    match error {
        ureq::Error::Io(_)
        | ureq::Error::Timeout(_)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::ConnectProxyFailed(_) => SourceError::Offline { detail: format!("{url}: {error}") },
        _ => SourceError::Protocol { url: url.into(), detail: error.to_string() },
    }
}

/// Scheme and host, with its port.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find(['/', '?', '#']).map_or(url, |end| &url[..host + end])
}

/// The address that `location` means on the page `base` (RFC 3986, section 5.2, as far as servers use it).
fn resolve(base: &str, location: &str) -> String {
    let scheme = base.split_once("://").map_or("https", |(scheme, _)| scheme);
    if location.contains("://") && !location.starts_with('/') {
        location.into()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{}{location}", origin(base))
    } else {
        let page = base.split(['?', '#']).next().unwrap_or(base);
        let folder = page.rfind('/').filter(|at| *at >= origin(base).len()).map_or(page, |at| &page[..at]);
        format!("{folder}/{location}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let hub = Hub { endpoint: "https://hub/".into(), token: Some("secret".into()) };
        assert_eq!(hub.url("a/b", None, None), "https://hub/a/b/resolve/main/model.safetensors");
        assert_eq!(hub.url("a/b", Some("v1"), Some("x/y.safetensors")), "https://hub/a/b/resolve/v1/x/y.safetensors");
        assert!(!format!("{hub:?}").contains("secret"));
        let base = "https://hub:8/a/b?c=/d";
        for (location, expected) in [
            ("https://cdn/x?y=http://z", "https://cdn/x?y=http://z"),
            ("//cdn/x", "https://cdn/x"),
            ("/x/y", "https://hub:8/x/y"),
            ("/x?to=https://z", "https://hub:8/x?to=https://z"),
            ("x", "https://hub:8/a/x"),
        ] {
            assert_eq!(resolve(base, location), expected);
        }
        assert_eq!(resolve("https://hub", "x"), "https://hub/x");
        assert_eq!(origin("https://hub:8?x"), "https://hub:8");
        assert_ne!(origin("https://hub.evil/"), origin("https://hub/"));
        assert_eq!(plain_etag("W/\"abc\""), "abc");
    }
}
