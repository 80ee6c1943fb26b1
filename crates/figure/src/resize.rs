//! Pictures at another size.

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Rgb};

use crate::{FigureError, Picture, View};

/// `view` at `width` x `height`, by bicubic (Catmull-Rom) interpolation that averages when it shrinks.
///
/// Far larger pictures are first averaged in blocks down to twice the goal: the eye sees no difference, and the
/// floating-point copy that the resampler makes stays as small as the result instead of as large as the photograph.
pub(crate) fn resize(view: View<'_>, width: usize, height: usize) -> Result<Picture, FigureError> {
    view.check()?;
    let mut resized = Picture::filled(width, height, [0; 3])?;
    if (view.width, view.height) == (width, height) {
        resized.rgb.copy_from_slice(view.rgb);
        return Ok(resized);
    }
    let (found_width, found_height) = (view.width, view.height);
    let too_large = |_| FigureError::Size { width: found_width, height: found_height };
    let sides = (u32::try_from(view.width).map_err(too_large)?, u32::try_from(view.height).map_err(too_large)?);
    let Some(source) = ImageBuffer::<Rgb<u8>, &[u8]>::from_raw(sides.0, sides.1, view.rgb) else {
        return Err(FigureError::Size { width: found_width, height: found_height });
    };
    let (to_width, to_height) = (width as u32, height as u32);
    let (near_width, near_height) = (sides.0.min(to_width * 2), sides.1.min(to_height * 2));
    let picture = if (near_width, near_height) == sides {
        imageops::resize(&source, to_width, to_height, FilterType::CatmullRom)
    } else {
        let near = imageops::thumbnail(&source, near_width, near_height);
        imageops::resize(&near, to_width, to_height, FilterType::CatmullRom)
    };
    resized.rgb = picture.into_raw();
    Ok(resized)
}

/// The largest size with the shape of `width` x `height` that fits a box; each side at least one pixel.
pub(crate) fn fit(width: usize, height: usize, box_width: usize, box_height: usize) -> (usize, usize) {
    let scale = (box_width as f64 / width as f64).min(box_height as f64 / height as f64);
    let side = |length: usize, limit: usize| ((length as f64 * scale).round() as usize).clamp(1, limit.max(1));
    (side(width, box_width), side(height, box_height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_shape_and_never_vanishes() {
        assert_eq!(fit(451, 300, 224, 224), (224, 149));
        assert_eq!(fit(333, 500, 1024, 500), (333, 500));
        assert_eq!(fit(10_000, 50, 100, 100), (100, 1));
        assert_eq!(fit(1, 1, 224, 224), (224, 224));
    }

    #[test]
    fn a_flat_picture_stays_flat_at_any_size() {
        let flat = Picture::filled(37, 11, [12, 200, 99]).unwrap();
        for (width, height) in [(1, 1), (5, 200), (300, 3), (37, 11), (36, 11)] {
            let resized = resize(flat.view(), width, height).unwrap();
            assert_eq!((resized.width, resized.height), (width, height));
            assert!(resized.rgb.chunks(3).all(|pixel| pixel == [12, 200, 99]), "{width} x {height}");
        }
    }

    #[test]
    fn a_thousandfold_reduction_keeps_the_mean() {
        let rgb = (0..1000 * 600).flat_map(|n| [if n % 2 == 0 { 40 } else { 60 }; 3]).collect();
        let resized = resize(Picture::new(1000, 600, rgb).unwrap().view(), 25, 15).unwrap();
        assert!(resized.rgb.iter().all(|&byte| (49..=51).contains(&byte)));
    }

    #[test]
    fn no_pixels_is_an_error() {
        assert!(resize(View { width: 0, height: 4, rgb: &[] }, 3, 3).is_err());
        assert!(resize(View { width: 1, height: 1, rgb: &[1, 2, 3] }, 0, 3).is_err());
    }
}
