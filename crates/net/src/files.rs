//! Files that appear whole or not at all, and hashes as they are written.

use std::io::{self, BufWriter};
use std::path::Path;

use sha2::{Digest, Sha256};

/// Whether a file must have reached the disk before it takes its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Yes: it would be tedious to get again.
    Yes,
    /// No: it can be made again.
    No,
}

/// Writes a file under another name in the same folder, then renames it: a reader never sees half of it, and on
/// failure whatever was there before stays.
///
/// # Errors
/// What the system says, without the temporary file's name.
pub fn write_whole(
    path: &Path,
    sync: Sync,
    fill: impl FnOnce(&mut BufWriter<tempfile::NamedTempFile>) -> io::Result<()>,
) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "there is a folder of that name"));
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".backlit-").suffix(".part");
    // A temporary file is private by default; this one is to become an ordinary file, as the user's umask allows.
    #[cfg(unix)]
    builder.permissions(<std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666));
    let mut buffer = BufWriter::new(builder.tempfile_in(folder).map_err(without_path)?);
    fill(&mut buffer)?;
    let file = buffer.into_inner().map_err(io::IntoInnerError::into_error)?;
    if sync == Sync::Yes {
        file.as_file().sync_all()?;
    }
    file.persist(path).map_err(|e| without_path(e.error))?;
    Ok(())
}

/// The system's reason alone: the name of a temporary file means nothing to the reader of the message.
fn without_path(error: io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

/// SHA-256 in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_whole_or_what_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for sync in [Sync::Yes, Sync::No] {
            write_whole(&path, sync, |f| f.write_all(b"first")).unwrap();
            let broken = write_whole(&path, sync, |f| {
                f.write_all(b"sec")?;
                Err(io::Error::other("interrupted"))
            });
            assert_eq!(broken.unwrap_err().to_string(), "interrupted");
            assert_eq!(std::fs::read(&path).unwrap(), b"first");
            assert_eq!(names(folder.path()), ["a"]);
        }
    }

    #[test]
    fn reasons_name_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        for bad in [folder.path().to_owned(), folder.path().join("missing/a")] {
            let error = write_whole(&bad, Sync::No, |f| f.write_all(b"x")).unwrap_err();
            assert!(!error.to_string().contains(".backlit"), "{error}");
        }
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn hash_of_nothing() {
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
