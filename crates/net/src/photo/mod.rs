//! Photographs: from a file on disk to upright 8-bit RGB.
//!
//! JPEG, PNG, WebP, BMP and GIF (its first frame) are told apart by their content; the file name plays no part.
//! What a file holds beyond three 8-bit channels is reduced by fixed rules:
//!
//! - the EXIF orientation of JPEG, PNG and WebP is applied, so that `width` and `height` are those a viewer shows.
//!   Keras' `load_img` and Pillow's `Image.open` do not apply it: [`Orientation::Stored`] reproduces them;
//! - 16-bit samples keep their high byte, as Pillow does for 16-bit RGB (Pillow clips 16-bit grey to 255 instead,
//!   which turns nearly all of such a picture white; here it is treated like RGB);
//! - grey is repeated in the three channels, CMYK is multiplied out, `c * k / 255` with Adobe's inverted samples;
//! - transparency is composited over **white**: `(c * a + 255 * (255 - a)) / 255`, rounded. Pillow's
//!   `convert("RGB")` drops the alpha channel instead and shows whatever colour lies under transparent pixels;
//! - colour profiles are ignored, as in the usual training pipelines.
//!
//! JPEG decoding follows libjpeg-turbo bit for bit (accurate integer DCT, smooth upsampling of the chroma), so
//! that the pixels equal Pillow's.
//!
//! A decoder allocates only after the dimensions in the header have passed [`MAX_SIDE`] and [`MAX_PIXELS`]. A file
//! that ends too early or whose data break off in the middle is an error, never half a picture; here this is stricter
//! than Pillow, which passes some damaged JPEGs on.

mod decode;
mod error;
mod orientation;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

pub use error::PhotoError;
pub use orientation::Orientation;

/// The longest side accepted, in pixels: what JPEG can express.
pub const MAX_SIDE: usize = 65_535;
/// The most pixels accepted: 200 megapixels, 600 MB as 8-bit RGB.
pub const MAX_PIXELS: usize = 200_000_000;
/// The largest file accepted, in bytes: 1 GiB, above any 200 megapixels worth reading.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

/// A photograph, 8-bit RGB; upright, unless it was asked for as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Photo {
    /// Columns, 1 to [`MAX_SIDE`].
    pub width: usize,
    /// Rows, 1 to [`MAX_SIDE`].
    pub height: usize,
    /// `[height, width, 3]`, red first.
    pub rgb: Vec<u8>,
}

impl Photo {
    /// Reads and decodes a file, and turns it upright.
    ///
    /// # Errors
    /// Everything that [`PhotoError`] lists; each names the path.
    pub fn open(path: &Path) -> Result<Photo, PhotoError> {
        Photo::open_with(path, Orientation::Exif)
    }

    /// Reads and decodes a file.
    ///
    /// # Errors
    /// As for [`Photo::open`].
    pub fn open_with(path: &Path, orientation: Orientation) -> Result<Photo, PhotoError> {
        let origin = path.display().to_string();
        Photo::from_bytes_with(&read(path, &origin)?, &origin, orientation)
    }

    /// Decodes the bytes of a file and turns them upright. `origin` is the name that errors give them: a path, or
    /// `standard input`.
    ///
    /// # Errors
    /// Everything that [`PhotoError`] lists except what concerns the file system.
    pub fn from_bytes(bytes: &[u8], origin: &str) -> Result<Photo, PhotoError> {
        Photo::from_bytes_with(bytes, origin, Orientation::Exif)
    }

    /// Decodes the bytes of a file.
    ///
    /// # Errors
    /// As for [`Photo::from_bytes`].
    pub fn from_bytes_with(bytes: &[u8], origin: &str, orientation: Orientation) -> Result<Photo, PhotoError> {
        decode::decode(bytes, origin, orientation)
    }

    /// A photograph from pixels in memory: `rgb` is `[height, width, 3]`, red first.
    ///
    /// # Errors
    /// Zero or too large dimensions, or a length other than `height * width * 3`.
    pub fn new(width: usize, height: usize, rgb: Vec<u8>) -> Result<Photo, PhotoError> {
        check_size(width as u64, height as u64, "the pixels")?;
        if rgb.len() != width * height * 3 {
            return Err(PhotoError::Length { width, height, expected: width * height * 3, found: rgb.len() });
        }
        Ok(Photo { width, height, rgb })
    }
}

/// Refuses dimensions that are zero or beyond the limits.
fn check_size(width: u64, height: u64, origin: &str) -> Result<(), PhotoError> {
    let origin = || origin.to_owned();
    if width == 0 || height == 0 {
        return Err(PhotoError::NoPixels { origin: origin(), width, height });
    }
    let side = MAX_SIDE as u64;
    if width > side || height > side || width * height > MAX_PIXELS as u64 {
        return Err(PhotoError::TooLarge { origin: origin(), width, height });
    }
    Ok(())
}

/// The bytes of a file, or what is wrong with it. Reads no more than the limit, whatever size the system reports.
fn read(path: &Path, origin: &str) -> Result<Vec<u8>, PhotoError> {
    let origin = || origin.to_owned();
    let unreadable = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => PhotoError::Missing { origin: origin() },
        ErrorKind::IsADirectory => PhotoError::Directory { origin: origin() },
        _ => PhotoError::Unreadable { origin: origin(), source },
    };
    // Asked before opening: some systems refuse to open a directory, with an error that does not say why.
    if std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Err(PhotoError::Directory { origin: origin() });
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(PhotoError::FileTooLarge { origin: origin() });
    }
    Ok(bytes)
}
