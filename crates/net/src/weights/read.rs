//! A weights file, from the disk into memory.
//!
//! A file that was used a moment ago lies in the system's cache, and reading it is a copy: 102 MB, and a page fault for
//! every 4 KiB of fresh memory. That is bound by one core long before memory is, so several threads copy.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::Problem;

/// A ResNet-50 file is 102 MB in single precision and 205 MB in double; nothing above this is one.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// Bytes that one thread reads at a time.
#[cfg(unix)]
const PIECE: usize = 4 << 20;

/// Reads a whole file, unless it is far too large to be what it should be.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, Problem> {
    let mut file = File::open(path).map_err(Problem::Read)?;
    let about = file.metadata().map_err(Problem::Read)?;
    if about.len() > MAX_FILE_BYTES {
        return Err(Problem::TooLarge { bytes: about.len() });
    }
    let length = about.len() as usize;
    #[cfg(unix)]
    if about.is_file() && length > PIECE {
        return read_in_pieces(&file, length).map_err(Problem::Read);
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length + 1).map_err(|_| Problem::Read(io::ErrorKind::OutOfMemory.into()))?;
    // A pipe does not tell its length beforehand.
    file.by_ref().take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(Problem::Read)?;
    match bytes.len() as u64 {
        ..=MAX_FILE_BYTES => Ok(bytes),
        bytes => Err(Problem::TooLarge { bytes }),
    }
}

/// Reads the `length` bytes of a file, many pieces at once.
#[cfg(unix)]
fn read_in_pieces(file: &File, length: usize) -> io::Result<Vec<u8>> {
    use std::os::unix::fs::FileExt;

    use rayon::prelude::*;

    Vec::<u8>::new().try_reserve_exact(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    // Zeros that the system gives need not be written.
    let mut bytes = vec![0; length];
    let pieces = bytes.par_chunks_mut(PIECE).enumerate();
    pieces.try_for_each(|(i, piece)| file.read_exact_at(piece, (i * PIECE) as u64))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_length_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for length in [0, 1, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, (9 << 20) + 5] {
            let expected: Vec<u8> = (0..length).map(|i: usize| (i * 31 + (i >> 16)) as u8).collect();
            std::fs::write(&path, &expected).unwrap();
            assert!(read_file(&path).unwrap() == expected, "{length} bytes");
        }
    }
}
