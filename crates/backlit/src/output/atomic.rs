//! Files that appear whole or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};

use backlit_net::files::{Sync, write_whole};

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The folder is missing or may not be written to, the disk is full, ...
    #[error("cannot write {}: {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The data do not fit the format.
    #[error("cannot encode {what}: {reason}")]
    Encode {
        /// What was to be encoded.
        what: &'static str,
        /// Why not.
        reason: String,
    },
}

/// Writes `bytes` to `path`, replacing what is there.
///
/// # Errors
/// [`OutputError::Write`]; nothing is left behind.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    let error = |reason| OutputError::Write { path: path.to_owned(), reason };
    write_whole(path, Sync::No, |file| file.write_all(bytes)).map_err(error)
}
