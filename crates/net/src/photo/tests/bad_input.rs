//! Bad input: each a typed error of one line that names the file; never a panic, never half a picture.

use std::fs;
use std::path::Path;

use image::{DynamicImage, ImageFormat, RgbImage};
use libjpeg_turbo_rs::PixelFormat;

use super::{encode, encode_jpeg, pattern};
use crate::photo::{MAX_PIXELS, MAX_SIDE, Photo, PhotoError};

/// The error for a file of these bytes; checks that it is one line that begins with the path.
fn error_for(name: &str, bytes: &[u8]) -> PhotoError {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let error = Photo::open(&path).unwrap_err();
    one_line(&error, &path);
    error
}

fn one_line(error: &PhotoError, path: &Path) {
    let text = error.to_string();
    assert!(!text.contains('\n') && text.starts_with(&path.display().to_string()), "{text}");
}

/// One file of each format, of a picture with plenty of detail.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let (width, height) = (61, 47);
    let rgb = pattern(width, height);
    let image: DynamicImage = RgbImage::from_raw(width as u32, height as u32, rgb.clone()).unwrap().into();
    let jpeg = || encode_jpeg(&rgb, width, height, PixelFormat::Rgb);
    vec![
        ("JPEG", jpeg().encode().unwrap()),
        ("progressive JPEG", jpeg().progressive(true).encode().unwrap()),
        ("PNG", encode(&image, ImageFormat::Png)),
        ("WebP", encode(&image, ImageFormat::WebP)),
        ("BMP", encode(&image, ImageFormat::Bmp)),
        ("GIF", encode(&image, ImageFormat::Gif)),
    ]
}

#[test]
fn missing_directory_and_empty() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no.jpg");
    let error = Photo::open(&missing).unwrap_err();
    one_line(&error, &missing);
    assert!(matches!(error, PhotoError::Missing { .. }), "{error:?}");
    let error = Photo::open(folder.path()).unwrap_err();
    one_line(&error, folder.path());
    assert!(matches!(error, PhotoError::Directory { .. }), "{error:?}");
    assert!(matches!(error_for("empty.jpg", b""), PhotoError::Empty { .. }));
}

#[test]
fn content_counts_not_the_name() {
    let error = error_for("photo.jpg", b"Dear all,\nthe photographs follow tomorrow.\n");
    assert!(matches!(error, PhotoError::Format { .. }), "{error:?}");
    assert!(error.to_string().contains("expected JPEG, PNG, WebP, BMP or GIF"), "{error}");
    let heif = error_for("photo.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    assert!(heif.to_string().contains("HEIF"), "{heif}");
    let tiff = error_for("photo.png", b"II*\0\x08\0\0\0\0\0\0\0\0\0\0\0");
    assert!(tiff.to_string().contains("TIFF"), "{tiff}");
    // And the other way round: every format opens under a wrong name.
    let folder = tempfile::tempdir().unwrap();
    for (format, bytes) in files() {
        let path = folder.path().join("notes.txt");
        fs::write(&path, bytes).unwrap();
        let photo = Photo::open(&path).unwrap();
        assert_eq!((photo.width, photo.height), (61, 47), "{format}");
    }
}

#[test]
fn truncated_files_are_errors_wherever_they_end() {
    for (format, bytes) in files() {
        // Past this the picture is complete: what may be missing is the trailer (JPEG's end marker, GIF's terminator,
        // PNG's checksum and IEND chunk) or the padding of WebP.
        let complete = bytes.len() - if format == "PNG" { 24 } else { 3 };
        for len in (0..complete).step_by(29).chain([1, 2, 3, 4, 8, 12, 16, 24]) {
            let error = Photo::from_bytes(&bytes[..len], "test").expect_err(format);
            let text = error.to_string();
            assert!(!text.contains('\n') && text.starts_with("test: "), "{text}");
            if len > 64 {
                assert!(matches!(error, PhotoError::Truncated { .. }), "{format} of {len} bytes: {error:?}");
            }
        }
    }
}

#[test]
fn damaged_files_never_panic() {
    // A decoder that panicked would be caught and reported in these words.
    let gave_up = "gave up";
    let mut state = 1u32;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize
    };
    for (format, bytes) in files() {
        for _ in 0..300 {
            let mut damaged = bytes.clone();
            for _ in 0..1 + random() % 3 {
                // Every other blow lands in the header.
                let range = if random() % 2 == 0 { bytes.len() } else { 200 };
                damaged[random() % range] = random() as u8;
            }
            match Photo::from_bytes(&damaged, "test") {
                Ok(photo) => assert_eq!(photo.rgb.len(), photo.width * photo.height * 3, "{format}"),
                Err(error) => {
                    let text = error.to_string();
                    assert!(!text.contains(gave_up) && !text.contains('\n'), "{format}: {text}");
                }
            }
        }
    }
}

/// A chunk of a PNG file.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [&kind[..], data].concat();
    [&(data.len() as u32).to_be_bytes()[..], &body, &crc32fast::hash(&body).to_be_bytes()].concat()
}

/// Files that announce `width` x `height` pixels and hold next to none: (format, bytes).
fn headers(width: u32, height: u32) -> Vec<(&'static str, Vec<u8>)> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    png.extend(chunk(b"IHDR", &[&size[..], &[8, 2, 0, 0, 0]].concat()));
    let bare_png = png.clone();
    png.extend([chunk(b"IDAT", &[0x78, 0x9c, 3, 0, 0, 0, 0, 1]), chunk(b"IEND", &[])].concat());

    let (w, h) = ((width as u16).to_be_bytes(), (height as u16).to_be_bytes());
    let mut jpeg = encode_jpeg(&[0; 192], 8, 8, PixelFormat::Rgb).encode().unwrap();
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[h, w].concat());
    let bare_jpeg = jpeg[..frame + 19].to_vec();

    let (w, h) = ((width as u16).to_le_bytes(), (height as u16).to_le_bytes());
    let gif = [b"GIF89a", &w[..], &h, &[0x80, 0, 0, 0, 0, 0, 255, 255, 255, 0x3b]].concat();

    let mut bmp = encode(&RgbImage::new(1, 1).into(), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&width.to_le_bytes());
    bmp[22..26].copy_from_slice(&height.to_le_bytes());

    let canvas = |side: u32| side.wrapping_sub(1).to_le_bytes();
    let mut webp = b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0".to_vec();
    webp.extend([&canvas(width)[..3], &canvas(height)[..3], b"VP8L\0\0\0\0"].concat());
    vec![
        ("PNG", png),
        ("PNG", bare_png),
        ("JPEG", jpeg),
        ("JPEG", bare_jpeg),
        ("GIF", gif),
        ("BMP", bmp),
        ("WebP", webp),
    ]
}

#[test]
fn enormous_headers_fail_before_anything_is_allocated() {
    for (format, bytes) in headers(30_000, 30_000) {
        let error = error_for("bomb", &bytes);
        assert!(
            matches!(error, PhotoError::TooLarge { width: 30_000, height: 30_000, .. }),
            "{format} of {} bytes: {error:?}",
            bytes.len()
        );
        assert!(error.to_string().contains("the limit is 65535 a side and 200 megapixels in all"), "{error}");
    }
    // Longer than a side may be, though of few pixels.
    for (format, bytes) in headers(100_000, 1).into_iter().filter(|(format, _)| ["PNG", "BMP"].contains(format)) {
        assert!(matches!(error_for("strip", &bytes), PhotoError::TooLarge { width: 100_000, .. }), "{format}");
    }
}

#[test]
fn no_pixels() {
    for (format, bytes) in headers(0, 10) {
        // A WebP canvas has one more column than its header says, and so always a pixel.
        if format != "WebP" {
            let error = error_for("flat", &bytes);
            assert!(matches!(error, PhotoError::NoPixels { width: 0, height: 10, .. }), "{format}: {error:?}");
        }
    }
}

#[test]
fn pixels_in_memory() {
    assert!(Photo::new(2, 1, vec![0; 6]).is_ok());
    let error = Photo::new(2, 1, vec![0; 5]).unwrap_err();
    assert_eq!(error.to_string(), "5 bytes are not a picture of 2 x 1 RGB pixels, expected 6 bytes");
    assert!(matches!(Photo::new(0, 1, vec![]), Err(PhotoError::NoPixels { .. })));
    assert!(matches!(Photo::new(MAX_SIDE + 1, 1, vec![]), Err(PhotoError::TooLarge { .. })));
    assert!(matches!(Photo::new(MAX_PIXELS / 2, 3, vec![]), Err(PhotoError::TooLarge { .. })));
    assert!(matches!(Photo::new(usize::MAX, usize::MAX, vec![]), Err(PhotoError::TooLarge { .. })));
}
