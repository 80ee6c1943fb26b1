//! PNG, WebP, BMP and GIF, and the reduction of what they hold to 8-bit RGB.

use std::error::Error;
use std::io::{Cursor, ErrorKind};

use image::error::LimitErrorKind;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::DecodeError;
use crate::photo::{MAX_PIXELS, Photo, check_size};

/// Decodes the first frame to RGB, not yet upright.
pub(super) fn decode(bytes: &[u8], format: ImageFormat, origin: &str) -> Result<Photo, DecodeError> {
    let mut limits = Limits::default();
    // 8 bytes a pixel is the most that a format holds (16-bit RGBA), and a GIF frame may need as much again.
    limits.max_alloc = Some(2 * 8 * MAX_PIXELS as u64);
    pixels(bytes, format, limits, origin).map_err(|error| match error {
        // The WebP decoder takes missing data for damaged data; the container's header knows better.
        DecodeError::Corrupt(_) if format == ImageFormat::WebP && riff_len(bytes) > bytes.len() => {
            DecodeError::Truncated
        }
        error => error,
    })
}

fn pixels(bytes: &[u8], format: ImageFormat, limits: Limits, origin: &str) -> Result<Photo, DecodeError> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    check_size(width.into(), height.into(), origin)?;
    let rgb = to_rgb(DynamicImage::from_decoder(decoder)?)?;
    Ok(Photo::new(width as usize, height as usize, rgb)?)
}

/// The length that a RIFF file announces, in bytes 4 to 7, for everything after them.
fn riff_len(bytes: &[u8]) -> usize {
    bytes.get(4..8).map_or(usize::MAX, |len| 8 + u32::from_le_bytes([len[0], len[1], len[2], len[3]]) as usize)
}

/// 8-bit RGB by the rules in the description of [`crate::photo`].
fn to_rgb(image: DynamicImage) -> Result<Vec<u8>, DecodeError> {
    Ok(match image {
        DynamicImage::ImageRgb8(image) => image.into_raw(),
        DynamicImage::ImageLuma8(image) => grey(image.into_raw().into_iter()),
        DynamicImage::ImageLumaA8(image) => image.pixels().flat_map(|p| [over_white(p.0[0], p.0[1]); 3]).collect(),
        DynamicImage::ImageRgba8(image) => image.pixels().flat_map(|p| composite(p.0)).collect(),
        DynamicImage::ImageLuma16(image) => grey(image.into_raw().into_iter().map(high)),
        DynamicImage::ImageLumaA16(image) => {
            image.pixels().flat_map(|p| [over_white(high(p.0[0]), high(p.0[1])); 3]).collect()
        }
        DynamicImage::ImageRgb16(image) => image.into_raw().into_iter().map(high).collect(),
        DynamicImage::ImageRgba16(image) => image.pixels().flat_map(|p| composite(p.0.map(high))).collect(),
        other => return Err(DecodeError::Unsupported(format!("pixels of type {:?}", other.color()))),
    })
}

/// One grey sample a pixel, three times.
fn grey(samples: impl Iterator<Item = u8>) -> Vec<u8> {
    samples.flat_map(|value| [value; 3]).collect()
}

/// The high byte of a 16-bit sample.
fn high(sample: u16) -> u8 {
    (sample >> 8) as u8
}

/// Red, green and blue of an RGBA pixel over white.
fn composite([red, green, blue, alpha]: [u8; 4]) -> [u8; 3] {
    [red, green, blue].map(|value| over_white(value, alpha))
}

/// `(value * alpha + 255 * (255 - alpha)) / 255`, rounded.
fn over_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

impl From<ImageError> for DecodeError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => DecodeError::Truncated,
            ImageError::Limits(error) if matches!(error.kind(), LimitErrorKind::InsufficientMemory) => {
                DecodeError::OutOfMemory
            }
            ImageError::Unsupported(error) => DecodeError::Unsupported(error.to_string()),
            // What the format's own decoder said, without the wrapping.
            ImageError::Decoding(error) => match error.source().map_or_else(|| error.to_string(), |e| e.to_string()) {
                said if is_end(&said) => DecodeError::Truncated,
                said => DecodeError::Corrupt(said),
            },
            other => DecodeError::Corrupt(other.to_string()),
        }
    }
}

/// Whether a decoder means the end of the data; some say so only in words.
fn is_end(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    ["end of file", "truncated", "eof"].iter().any(|word| said.contains(word))
}
