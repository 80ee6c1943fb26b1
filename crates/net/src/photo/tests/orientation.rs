//! All eight EXIF orientations, in every format that carries them.

use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};
use libjpeg_turbo_rs::PixelFormat;

use super::encode_jpeg;
use crate::photo::{Orientation, Photo};

/// Stored as 1 2 3 / 4 5 6; upright as EXIF 2.3, section 4.6.4, tag 274 defines it: (width, pixels).
const UPRIGHT: [(usize, [u8; 6]); 8] = [
    (3, [1, 2, 3, 4, 5, 6]),
    (3, [3, 2, 1, 6, 5, 4]),
    (3, [6, 5, 4, 3, 2, 1]),
    (3, [4, 5, 6, 1, 2, 3]),
    (2, [1, 4, 2, 5, 3, 6]),
    (2, [4, 1, 5, 2, 6, 3]),
    (2, [6, 3, 5, 2, 4, 1]),
    (2, [3, 6, 2, 5, 1, 4]),
];

/// A TIFF block with one entry: tag 274, one SHORT.
fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x01\0".to_vec();
    block.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    block.extend([0; 4]);
    block
}

/// Each pixel repeated in the three channels.
fn stored() -> Vec<u8> {
    (1..=6).flat_map(|v| [v; 3]).collect()
}

fn check(bytes: &[u8], orientation: usize, format: &str) {
    let (width, pixels) = UPRIGHT[orientation - 1];
    let photo = Photo::from_bytes(bytes, "test").unwrap();
    let found: Vec<u8> = photo.rgb.chunks_exact(3).map(|pixel| pixel[0]).collect();
    assert_eq!((photo.width, photo.height, &found[..]), (width, 6 / width, &pixels[..]), "{format} {orientation}");
    let photo = Photo::from_bytes_with(bytes, "test", Orientation::Stored).unwrap();
    assert_eq!((photo.width, photo.height, photo.rgb), (3, 2, stored()), "{format} {orientation} as stored");
}

#[test]
fn png_and_webp() {
    for orientation in 1..=8 {
        let mut png = Vec::new();
        let mut encoder = PngEncoder::new(&mut png);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder.write_image(&stored(), 3, 2, ExtendedColorType::Rgb8).unwrap();
        check(&png, orientation.into(), "PNG");

        let mut webp = Vec::new();
        let mut encoder = WebPEncoder::new_lossless(&mut webp);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder.write_image(&stored(), 3, 2, ExtendedColorType::Rgb8).unwrap();
        check(&webp, orientation.into(), "WebP");
    }
}

/// A JPEG of six flat 8x8 blocks, grey 40 to 240, with an APP1 segment holding `block`.
fn jpeg(block: &[u8]) -> Vec<u8> {
    let pixel = |i: usize| 40 * (1 + (i / 24 / 8) * 3 + i % 24 / 8) as u8;
    let pixels: Vec<u8> = (0..24 * 16).flat_map(|i| [pixel(i); 3]).collect();
    let plain = encode_jpeg(&pixels, 24, 16, PixelFormat::Rgb).encode().unwrap();
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe1, 0, (2 + 6 + block.len()) as u8];
    bytes.extend(b"Exif\0\0");
    bytes.extend(block);
    bytes.extend(&plain[2..]);
    bytes
}

#[test]
fn jpeg_blocks() {
    for (orientation, (columns, blocks)) in (1..).zip(UPRIGHT) {
        let photo = Photo::from_bytes(&jpeg(&exif(orientation)), "test").unwrap();
        assert_eq!((photo.width, photo.height), (8 * columns, 8 * (6 / columns)), "orientation {orientation}");
        for (i, block) in blocks.into_iter().enumerate() {
            let (row, column) = (8 * (i / columns) + 4, 8 * (i % columns) + 4);
            let found = photo.rgb[(row * photo.width + column) * 3];
            assert!(found.abs_diff(40 * block) <= 1, "orientation {orientation}, block {i}: {found}");
        }
    }
}

#[test]
fn damaged_exif_is_ignored() {
    for block in [&b""[..], b"II*\0", b"garbage garbage", &exif(6)[..15], &exif(0), &exif(9), &[0xff; 40]] {
        let photo = Photo::from_bytes(&jpeg(block), "test").unwrap();
        assert_eq!((photo.width, photo.height), (24, 16), "{block:?}");
    }
}

#[test]
fn names_parse_back() {
    for orientation in [Orientation::Exif, Orientation::Stored] {
        assert_eq!(orientation.as_str().parse(), Ok(orientation));
    }
    assert!("sideways".parse::<Orientation>().unwrap_err().to_string().contains("expected exif, stored"));
}
