//! JPEG: baseline and progressive, colour, grey, CMYK and YCCK, bit for bit as libjpeg-turbo decodes them.

use libjpeg_turbo_rs::{DecodeLimits, Decoder, JpegError, PixelFormat};

use super::DecodeError;
use crate::photo::{MAX_PIXELS, MAX_SIDE, Photo, check_size};

/// More scans than any encoder writes; a file of thousands decodes the whole picture once for each.
const MAX_SCANS: usize = 256;

/// Decodes a JPEG to RGB, not yet upright.
pub(super) fn decode(bytes: &[u8], origin: &str) -> Result<Photo, DecodeError> {
    let limits = DecodeLimits {
        max_width: MAX_SIDE,
        max_height: MAX_SIDE,
        max_pixels: MAX_PIXELS as u64,
        max_scans: MAX_SCANS,
        ..DecodeLimits::default()
    };
    let mut decoder = Decoder::new_with_limits(bytes, limits)?;
    let header = decoder.header();
    check_size(header.width() as u64, header.height() as u64, origin)?;
    if header.precision != 8 {
        return Err(DecodeError::Unsupported(format!("{} bits a sample", header.precision)));
    }
    decoder.set_output_format(PixelFormat::Rgb);
    let image = decoder.decode_image()?;
    Ok(Photo::new(image.width, image.height, image.data)?)
}

impl From<JpegError> for DecodeError {
    fn from(error: JpegError) -> Self {
        match error {
            JpegError::UnexpectedEof => DecodeError::Truncated,
            JpegError::CorruptData(what) => DecodeError::Corrupt(what),
            JpegError::Unsupported(what) => DecodeError::Unsupported(what),
            JpegError::AllocationFailed { .. } => DecodeError::OutOfMemory,
            other => DecodeError::Corrupt(other.to_string()),
        }
    }
}
