//! What can be wrong with a photograph.

use super::{MAX_FILE_BYTES, MAX_PIXELS, MAX_SIDE};

/// A photograph that cannot be used, and why. `origin` is the path, or the name given to bytes from elsewhere.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhotoError {
    /// No such file.
    #[error("{origin}: no such file")]
    Missing {
        /// Path of the file.
        origin: String,
    },
    /// A directory where a file was expected.
    #[error("{origin}: is a directory, expected a picture file")]
    Directory {
        /// Path of the directory.
        origin: String,
    },
    /// The file system refused.
    #[error("{origin}: cannot be read: {source}")]
    Unreadable {
        /// Path of the file.
        origin: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Zero bytes.
    #[error("{origin}: the file is empty, expected a picture")]
    Empty {
        /// Where the bytes come from.
        origin: String,
    },
    /// More bytes than are read.
    #[error("{origin}: the file is larger than {MAX_FILE_BYTES} bytes, the most that is read")]
    FileTooLarge {
        /// Path of the file.
        origin: String,
    },
    /// Content of no format that is read.
    #[error("{origin}: {found}, expected JPEG, PNG, WebP, BMP or GIF (the content counts, not the file name)")]
    Format {
        /// Where the bytes come from.
        origin: String,
        /// What the content looks like.
        found: &'static str,
    },
    /// A width or height of zero.
    #[error("{origin}: {width} x {height} pixels, expected at least 1 x 1")]
    NoPixels {
        /// Where the bytes come from.
        origin: String,
        /// Columns found.
        width: u64,
        /// Rows found.
        height: u64,
    },
    /// More pixels than are decoded.
    #[error(
        "{origin}: {width} x {height} pixels are too many, the limit is {MAX_SIDE} a side and {} megapixels in all: \
         scale the picture down first",
        MAX_PIXELS / 1_000_000
    )]
    TooLarge {
        /// Where the bytes come from.
        origin: String,
        /// Columns found.
        width: u64,
        /// Rows found.
        height: u64,
    },
    /// The data ends before the picture does.
    #[error("{origin}: the {format} data end too early, the file is truncated or damaged: copy or download it again")]
    Truncated {
        /// Where the bytes come from.
        origin: String,
        /// Name of the format.
        format: &'static str,
    },
    /// The data contradict the format.
    #[error("{origin}: the {format} data are damaged: {reason}")]
    Corrupt {
        /// Where the bytes come from.
        origin: String,
        /// Name of the format.
        format: &'static str,
        /// What the decoder found, in one line.
        reason: String,
    },
    /// A rare feature of the format that the decoder does not know.
    #[error("{origin}: this kind of {format} is not supported: {reason}: save it as an 8-bit RGB PNG or JPEG")]
    Unsupported {
        /// Where the bytes come from.
        origin: String,
        /// Name of the format.
        format: &'static str,
        /// What the decoder found, in one line.
        reason: String,
    },
    /// The picture would not fit in memory.
    #[error("{origin}: there is not enough memory for {width} x {height} pixels")]
    OutOfMemory {
        /// Where the bytes come from.
        origin: String,
        /// Columns.
        width: u64,
        /// Rows.
        height: u64,
    },
    /// Pixels in memory of the wrong length.
    #[error("{found} bytes are not a picture of {width} x {height} RGB pixels, expected {expected} bytes")]
    Length {
        /// Columns said.
        width: usize,
        /// Rows said.
        height: usize,
        /// `width * height * 3`.
        expected: usize,
        /// Bytes passed.
        found: usize,
    },
}
