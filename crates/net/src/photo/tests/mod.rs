//! Tests of decoding.

mod bad_input;
mod orientation;
mod reduction;

use std::io::Cursor;

use image::{DynamicImage, ImageFormat};
use libjpeg_turbo_rs::{Encoder, PixelFormat, Subsampling};

/// The bytes of a lossless file.
fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    image.write_to(&mut Cursor::new(&mut bytes), format).expect("an encoder accepts its own pixel types");
    bytes
}

/// A JPEG of the highest quality.
fn encode_jpeg(pixels: &[u8], width: usize, height: usize, format: PixelFormat) -> Encoder<'_> {
    Encoder::new(pixels, width, height, format).quality(100).subsampling(Subsampling::S444)
}

/// A picture without symmetry: `[height, width, 3]`.
fn pattern(width: usize, height: usize) -> Vec<u8> {
    (0..height * width * 3).map(|i| ((i * i / 3 + 11 * i) % 251) as u8).collect()
}
