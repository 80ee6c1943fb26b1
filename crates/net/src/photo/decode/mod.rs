//! Decoding: the format from the content, the size from the header, then the pixels.

mod jpeg;
mod other;

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::ImageFormat;

use super::{Orientation, Photo, PhotoError, check_size, orientation};

/// What went wrong inside a decoder; the caller adds the origin and the format.
enum DecodeError {
    Truncated,
    Corrupt(String),
    Unsupported(String),
    OutOfMemory,
    /// Already complete.
    Photo(PhotoError),
}

impl From<PhotoError> for DecodeError {
    fn from(error: PhotoError) -> Self {
        DecodeError::Photo(error)
    }
}

/// Decodes the bytes of a file.
pub(super) fn decode(bytes: &[u8], origin: &str, orientation: Orientation) -> Result<Photo, PhotoError> {
    let (format, name) = format(bytes, origin)?;
    // The decoders are written to return errors on any input. Should one of them panic all the same, one damaged
    // file must not end a run over a folder of a thousand.
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        // The size that the first bytes announce, before a decoder reads on: a file that is nothing but an enormous
        // header is called too large, not truncated. The decoders check their own idea of the size once more.
        if let Ok(size) = imagesize::blob_size(bytes) {
            check_size(size.width as u64, size.height as u64, origin)?;
        }
        let photo = match format {
            ImageFormat::Jpeg => jpeg::decode(bytes, origin)?,
            _ => other::decode(bytes, format, origin)?,
        };
        Ok(match (orientation, format) {
            (Orientation::Exif, ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP) => {
                orientation::upright(photo, bytes)
            }
            _ => photo,
        })
    }))
    .unwrap_or_else(|_| Err(DecodeError::Corrupt("the decoder gave up on them".into())));

    let (origin, format) = (origin.to_owned(), name);
    decoded.map_err(|error| match error {
        DecodeError::Truncated => PhotoError::Truncated { origin, format },
        DecodeError::Corrupt(reason) => PhotoError::Corrupt { origin, format, reason: one_line(&reason) },
        DecodeError::Unsupported(reason) => PhotoError::Unsupported { origin, format, reason: one_line(&reason) },
        DecodeError::OutOfMemory => {
            let (width, height) = imagesize::blob_size(bytes).map_or((0, 0), |size| (size.width, size.height));
            PhotoError::OutOfMemory { origin, width: width as u64, height: height as u64 }
        }
        DecodeError::Photo(error) => error,
    })
}

/// The format of the content, with its name; an error that says what else the content looks like.
fn format(bytes: &[u8], origin: &str) -> Result<(ImageFormat, &'static str), PhotoError> {
    let origin = || origin.to_owned();
    if bytes.is_empty() {
        return Err(PhotoError::Empty { origin: origin() });
    }
    let found = match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => return Ok((ImageFormat::Jpeg, "JPEG")),
        Ok(ImageFormat::Png) => return Ok((ImageFormat::Png, "PNG")),
        Ok(ImageFormat::WebP) => return Ok((ImageFormat::WebP, "WebP")),
        Ok(ImageFormat::Bmp) => return Ok((ImageFormat::Bmp, "BMP")),
        Ok(ImageFormat::Gif) => return Ok((ImageFormat::Gif, "GIF")),
        Ok(ImageFormat::Tiff) => "this is a TIFF file",
        Ok(ImageFormat::Avif) => "this is an AVIF file",
        Ok(ImageFormat::Ico) => "this is an icon file",
        Ok(ImageFormat::Pnm) => "this is a PNM file",
        _ if bytes.get(4..8) == Some(b"ftyp") => "this is a HEIF or video file",
        _ if bytes.starts_with(b"%PDF") => "this is a PDF file",
        _ => "this is not a picture of a known format",
    };
    Err(PhotoError::Format { origin: origin(), found })
}

/// A decoder's message on one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
