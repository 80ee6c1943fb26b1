//! Files that appear whole or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};

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

/// Writes `bytes` beside `path` under a temporary name, then renames.
///
/// # Errors
/// [`OutputError::Write`]; nothing is left behind.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    let error = |reason| OutputError::Write { path: path.to_owned(), reason };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // Temporary files are private by default; this one is to become an ordinary file, as the umask has it.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.prefix(".backlit-").tempfile_in(folder).map_err(|e| error(plain(e)))?;
    file.write_all(bytes).map_err(error)?;
    file.persist(path).map_err(|e| error(plain(e.error)))?;
    Ok(())
}

/// The system's own words, without the temporary file's name.
fn plain(error: std::io::Error) -> std::io::Error {
    error.kind().into()
}
