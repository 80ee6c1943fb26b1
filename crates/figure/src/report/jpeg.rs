//! Small JPEGs as text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libjpeg_turbo_rs::{PixelFormat, Subsampling, compress};

use crate::{FigureError, Picture};

/// Fine for a thumbnail, and small.
const QUALITY: u8 = 78;

/// A picture as a JPEG in base64.
pub(super) fn jpeg(picture: &Picture) -> Result<String, FigureError> {
    let Picture { width, height, ref rgb } = *picture;
    let bytes = compress(rgb, width, height, PixelFormat::Rgb, QUALITY, Subsampling::S420)
        .map_err(|e| FigureError::Write { path: "memory".into(), source: std::io::Error::other(e.to_string()) })?;
    Ok(STANDARD.encode(bytes))
}
