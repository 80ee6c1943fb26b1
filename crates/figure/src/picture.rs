//! Eight-bit RGB pictures: one that owns its bytes, and a view that borrows somebody else's.

use backlit_net::photo::Photo;

use crate::FigureError;
use crate::palette::PAPER;
use crate::resize::{fit, resize};

/// The longest side of any picture made here; keeps a wrong number from asking for all memory.
pub(crate) const MAX_SIDE: usize = 65_535;
/// The most pixels of any picture made here: 768 MiB of RGB.
pub(crate) const MAX_PIXELS: usize = 1 << 28;

/// An 8-bit RGB picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes, row-major `[height, width, 3]`.
    pub rgb: Vec<u8>,
}

/// A borrowed 8-bit RGB picture: what drawing functions take, so that a photograph need not be copied.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes, row-major `[height, width, 3]`.
    pub rgb: &'a [u8],
}

impl Picture {
    /// A picture from its bytes `[height, width, 3]`.
    ///
    /// # Errors
    /// [`FigureError::PictureLength`] when the bytes do not match the sides or a side is zero.
    pub fn new(width: usize, height: usize, rgb: Vec<u8>) -> Result<Picture, FigureError> {
        View { width, height, rgb: &rgb }.check()?;
        Ok(Picture { width, height, rgb })
    }

    /// A picture of one colour.
    ///
    /// # Errors
    /// [`FigureError::Size`] when a side is 0 or above 65,535 pixels, or the area above 2^28.
    pub fn filled(width: usize, height: usize, color: [u8; 3]) -> Result<Picture, FigureError> {
        if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS {
            return Err(FigureError::Size { width, height });
        }
        Ok(Picture { width, height, rgb: color.repeat(width * height) })
    }

    /// The colour at row `y`, column `x`.
    ///
    /// # Panics
    /// When the position is outside the picture.
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        assert!(x < self.width && y < self.height, "({x}, {y}) is outside a {} x {} picture", self.width, self.height);
        let at = (y * self.width + x) * 3;
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// The same picture as large as fits a box of `width` x `height` pixels, its shape kept.
    ///
    /// # Errors
    /// [`FigureError::Size`] for a box of nothing or too much.
    pub fn fitted(&self, width: usize, height: usize) -> Result<Picture, FigureError> {
        let (own_width, own_height) = fit(self.width, self.height, width, height);
        match (own_width, own_height) == (self.width, self.height) {
            true => Ok(self.clone()),
            false => resize(self.view(), own_width, own_height),
        }
    }

    /// The same picture [fitted](Picture::fitted) and centred on paper of exactly `width` x `height` pixels.
    ///
    /// # Errors
    /// [`FigureError::Size`] for a page of nothing or too much.
    pub fn letterboxed(&self, width: usize, height: usize) -> Result<Picture, FigureError> {
        let mut page = Picture::filled(width, height, PAPER)?;
        let fitted = self.fitted(width, height)?;
        page.paste(fitted.view(), (width - fitted.width) / 2, (height - fitted.height) / 2);
        Ok(page)
    }

    /// The same picture, borrowed.
    pub fn view(&self) -> View<'_> {
        View { width: self.width, height: self.height, rgb: &self.rgb }
    }
}

impl View<'_> {
    /// Sides and bytes agree, and there is at least one pixel.
    pub(crate) fn check(&self) -> Result<(), FigureError> {
        let expected = self.width.saturating_mul(self.height).saturating_mul(3);
        if expected == 0 || self.rgb.len() != expected {
            let (width, height, found) = (self.width, self.height, self.rgb.len());
            return Err(FigureError::PictureLength { width, height, expected, found });
        }
        Ok(())
    }

    /// A copy that owns its bytes.
    pub fn to_picture(&self) -> Picture {
        Picture { width: self.width, height: self.height, rgb: self.rgb.to_vec() }
    }
}

impl<'a> From<&'a Picture> for View<'a> {
    fn from(picture: &'a Picture) -> View<'a> {
        picture.view()
    }
}

impl<'a> From<&'a Photo> for View<'a> {
    fn from(photo: &'a Photo) -> View<'a> {
        View { width: photo.width, height: photo.height, rgb: &photo.rgb }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_must_match_the_sides() {
        assert!(Picture::new(2, 1, vec![0; 6]).is_ok());
        for (width, height, len) in [(2, 1, 5), (2, 1, 7), (0, 3, 0), (3, 0, 0), (usize::MAX, 2, 6)] {
            let error = Picture::new(width, height, vec![0; len]).unwrap_err();
            assert!(matches!(error, FigureError::PictureLength { .. }), "{error}");
        }
    }

    #[test]
    fn fills_within_bounds_only() {
        assert_eq!(Picture::filled(3, 2, [1, 2, 3]).unwrap().pixel(2, 1), [1, 2, 3]);
        assert!(matches!(Picture::filled(0, 2, [0; 3]), Err(FigureError::Size { .. })));
        assert!(matches!(Picture::filled(usize::MAX, 2, [0; 3]), Err(FigureError::Size { .. })));
    }
}
