//! Every kind of pixel becomes 8-bit RGB by the documented rules.

use image::{
    DynamicImage, GrayAlphaImage, GrayImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage,
};
use libjpeg_turbo_rs::PixelFormat;

use super::{encode, encode_jpeg, pattern};
use crate::photo::Photo;

fn decode(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    Photo::from_bytes(&encode(&image.into(), format), "test").unwrap().rgb
}

#[test]
fn lossless_rgb_is_exact() {
    let rgb = pattern(13, 7);
    let image = RgbImage::from_raw(13, 7, rgb.clone()).unwrap();
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp] {
        let photo = Photo::from_bytes(&encode(&image.clone().into(), format), "test").unwrap();
        assert_eq!((photo.width, photo.height), (13, 7), "{format:?}");
        assert_eq!(photo.rgb, rgb, "{format:?}");
    }
}

#[test]
fn gif_shows_its_first_frame() {
    use image::codecs::gif::GifEncoder;
    let frame = |color: [u8; 4]| image::Frame::new(RgbaImage::from_pixel(5, 3, Rgba(color)));
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.encode_frames([frame([250, 10, 20, 255]), frame([0, 0, 255, 255])]).unwrap();
    drop(encoder);
    let photo = Photo::from_bytes(&bytes, "test").unwrap();
    assert_eq!((photo.width, photo.height), (5, 3));
    assert_eq!(photo.rgb, [250, 10, 20].repeat(15));
}

#[test]
fn sixteen_bits_keep_the_high_byte() {
    let samples = [0u16, 0x00ff, 0x0100, 0x7fff, 0xff00, 0xffff];
    let rgb = ImageBuffer::<Rgb<u16>, _>::from_raw(2, 1, samples.to_vec()).unwrap();
    assert_eq!(decode(rgb, ImageFormat::Png), [0, 0, 1, 0x7f, 0xff, 0xff]);
    let grey = ImageBuffer::<Luma<u16>, _>::from_raw(2, 1, vec![0x1234, 0xabcd]).unwrap();
    assert_eq!(decode(grey, ImageFormat::Png), [0x12, 0x12, 0x12, 0xab, 0xab, 0xab]);
}

#[test]
fn grey_is_repeated() {
    let grey = GrayImage::from_raw(2, 1, vec![7, 200]).unwrap();
    assert_eq!(decode(grey, ImageFormat::Png), [7, 7, 7, 200, 200, 200]);
}

#[test]
fn transparency_is_composited_over_white() {
    // Opaque, transparent, and (100 * 51 + 255 * 204) / 255 = 224.
    let rgba = RgbaImage::from_raw(3, 1, vec![1, 2, 3, 255, 9, 9, 9, 0, 100, 100, 100, 51]).unwrap();
    let expected = [1, 2, 3, 255, 255, 255, 224, 224, 224];
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        assert_eq!(decode(rgba.clone(), format), expected, "{format:?}");
    }
    let grey = GrayAlphaImage::from_raw(3, 1, vec![1, 255, 9, 0, 100, 51]).unwrap();
    assert_eq!(decode(grey, ImageFormat::Png), [1, 1, 1, 255, 255, 255, 224, 224, 224]);
    let deep = ImageBuffer::<Rgba<u16>, _>::from_raw(1, 1, vec![0x64ff, 0x64ff, 0x64ff, 0x33ff]).unwrap();
    assert_eq!(decode(deep, ImageFormat::Png), [224, 224, 224]);
    let deep = ImageBuffer::<LumaA<u16>, _>::from_raw(1, 1, vec![0x64ff, 0x33ff]).unwrap();
    assert_eq!(decode(deep, ImageFormat::Png), [224, 224, 224]);
}

#[test]
fn jpeg_colour_grey_and_progressive() {
    let flat = [200u8, 100, 50].repeat(24 * 16);
    for progressive in [false, true] {
        let bytes = encode_jpeg(&flat, 24, 16, PixelFormat::Rgb).progressive(progressive).encode().unwrap();
        let photo = Photo::from_bytes(&bytes, "test").unwrap();
        assert_eq!((photo.width, photo.height), (24, 16));
        let worst = photo.rgb.iter().zip(&flat).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(worst <= 1, "{worst}");
    }
    let bytes = encode_jpeg(&[77; 24 * 16], 24, 16, PixelFormat::Grayscale).encode().unwrap();
    assert_eq!(Photo::from_bytes(&bytes, "test").unwrap().rgb, [77; 24 * 16 * 3]);
}

#[test]
fn jpeg_cmyk_is_multiplied_out() {
    // Stored as Adobe does, inverted: 255 is no ink. 200 * 128 / 255 = 100.4.
    let bytes = encode_jpeg(&[200, 255, 0, 128].repeat(64), 8, 8, PixelFormat::Cmyk).encode().unwrap();
    let photo = Photo::from_bytes(&bytes, "test").unwrap();
    for pixel in photo.rgb.chunks_exact(3) {
        let worst = pixel.iter().zip([100u8, 128, 0]).map(|(a, b)| a.abs_diff(b)).max().unwrap();
        assert!(worst <= 2, "{pixel:?}");
    }
}

#[test]
fn one_pixel_is_a_picture() {
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Gif] {
        let image = RgbImage::from_pixel(1, 1, Rgb([255, 0, 0]));
        assert_eq!(decode(image, format), [255, 0, 0], "{format:?}");
    }
    let bytes = encode_jpeg(&[0, 0, 0], 1, 1, PixelFormat::Rgb).encode().unwrap();
    assert_eq!(Photo::from_bytes(&bytes, "test").unwrap().rgb, [0, 0, 0]);
}
