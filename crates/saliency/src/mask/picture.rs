//! Mask pictures: the object painted white.

use backlit_net::SIDE;
use backlit_net::photo::Photo;
use backlit_net::preprocess::Frame;

use super::{MaskError, Region};

/// The pixels of the grid that show a light pixel of `mask`: luma `(299 R + 587 G + 114 B) / 1000` of at least 128.
///
/// The mask covers the whole photograph, whatever its own size in pixels; each pixel of the grid looks up the one mask
/// pixel under its centre. `frame` is the part of the photograph, `photo_width` x `photo_height`, that the grid shows.
///
/// # Errors
/// [`MaskError::BlackPicture`] if no light pixel is in view.
pub fn from_picture(mask: &Photo, photo_width: usize, photo_height: usize, frame: &Frame) -> Result<Region, MaskError> {
    // Mask pixels under the centres of the grid, along one axis.
    let line = |origin: f64, extent: f64, photo: usize, len: usize| -> Vec<usize> {
        let place = |p: usize| (origin + (p as f64 + 0.5) * extent / SIDE as f64) * len as f64 / photo as f64;
        (0..SIDE).map(|p| (place(p) as usize).min(len.saturating_sub(1))).collect()
    };
    let rows = line(frame.y, frame.height, photo_height, mask.height);
    let columns = line(frame.x, frame.width, photo_width, mask.width);
    let light = |r: usize, c: usize| {
        let at = (rows[r] * mask.width + columns[c]) * 3;
        matches!(mask.rgb.get(at..at + 3), Some(&[r, g, b]) if luma(r, g, b) >= 128_000)
    };
    Region::from_fn(light).map_err(|_| MaskError::BlackPicture)
}

/// Luma of ITU-R BT.601, times 1000.
fn luma(r: u8, g: u8, b: u8) -> u32 {
    299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: usize, height: usize, level: impl Fn(usize, usize) -> u8) -> Photo {
        let rgb = (0..width * height).flat_map(|p| [level(p % width, p / width); 3]).collect();
        Photo::new(width, height, rgb).unwrap()
    }

    fn full(width: usize, height: usize) -> Frame {
        Frame { x: 0.0, y: 0.0, width: width as f64, height: height as f64 }
    }

    #[test]
    fn threshold() {
        assert_eq!((luma(128, 128, 128), luma(255, 255, 255)), (128_000, 255_000));
        for (level, light) in [(0, false), (127, false), (128, true), (255, true)] {
            let found = from_picture(&grey(4, 4, |_, _| level), 4, 4, &full(4, 4));
            assert_eq!(found.is_ok(), light, "{level}");
        }
        let error = from_picture(&grey(4, 4, |_, _| 0), 4, 4, &full(4, 4)).unwrap_err();
        assert_eq!(error, MaskError::BlackPicture);
    }

    #[test]
    fn nearest_pixel_as_in_a_box() {
        let mask = grey(448, 112, |x, y| if (100..120).contains(&x) && (20..30).contains(&y) { 255 } else { 0 });
        let region = from_picture(&mask, 448, 112, &full(448, 112)).unwrap();
        assert_eq!(region.describe(), "40:60,50:60 (200 pixels, 0.4 %)");
        let area: super::super::PixelBox = "100,20,20,10".parse().unwrap();
        assert_eq!(area.region(448, 112, &full(448, 112)).unwrap(), region);
    }

    #[test]
    fn mask_of_another_size_covers_the_whole_photograph() {
        // Left half of a two-pixel mask, over a photograph of 100 x 50 whose middle 50 x 50 is in view.
        let mask = grey(2, 1, |x, _| if x == 0 { 255 } else { 0 });
        let frame = Frame { x: 25.0, y: 0.0, width: 50.0, height: 50.0 };
        let region = from_picture(&mask, 100, 50, &frame).unwrap();
        assert_eq!(region.bounds().to_string(), "0:224,0:112");
    }

    #[test]
    fn an_object_out_of_view() {
        let mask = grey(100, 50, |x, _| if x < 10 { 255 } else { 0 });
        let frame = Frame { x: 25.0, y: 0.0, width: 50.0, height: 50.0 };
        assert_eq!(from_picture(&mask, 100, 50, &frame), Err(MaskError::BlackPicture));
    }
}
