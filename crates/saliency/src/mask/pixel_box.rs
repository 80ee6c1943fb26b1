//! Boxes: rectangles in pixels of the photograph.

use std::fmt;
use std::str::FromStr;

use backlit_net::SIDE;
use backlit_net::preprocess::Frame;
use serde::{Serialize, Serializer};

use super::{MaskError, Region};

/// A rectangle of the photograph; its corner may lie outside, and it has an area.
///
/// The upper left corner of the photograph is (0, 0) and a pixel is 1 wide, so pixel (3, 5) covers x 3..4, y 5..6.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelBox {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl PixelBox {
    /// The box with the upper left corner (x, y).
    ///
    /// # Errors
    /// [`MaskError::Box`] unless all are finite and width and height are above 0.
    pub fn new(x: f64, y: f64, width: f64, height: f64) -> Result<PixelBox, MaskError> {
        let area = PixelBox { x, y, width, height };
        let finite = (x + width).is_finite() && (y + height).is_finite();
        if finite && width > 0.0 && height > 0.0 { Ok(area) } else { Err(MaskError::Box { text: area.to_string() }) }
    }

    /// x, y, width, height.
    pub fn corner_and_size(&self) -> [f64; 4] {
        [self.x, self.y, self.width, self.height]
    }

    /// The pixels of the grid that show the box: those whose centre lies inside it, or, for a box that falls between
    /// centres, the one that shows its middle.
    ///
    /// `frame` is the part of the photograph, `photo_width` x `photo_height` pixels, that the grid shows.
    ///
    /// # Errors
    /// [`MaskError::BoxOutside`] if it misses the photograph, [`MaskError::BoxUnseen`] if it misses the frame.
    pub fn region(&self, photo_width: usize, photo_height: usize, frame: &Frame) -> Result<Region, MaskError> {
        let photo = PixelBox { x: 0.0, y: 0.0, width: photo_width as f64, height: photo_height as f64 };
        let seen = PixelBox { x: frame.x, y: frame.y, width: frame.width, height: frame.height };
        let (area, width, height) = (self.to_string(), photo_width, photo_height);
        let Some(within) = self.intersection(&photo) else {
            return Err(MaskError::BoxOutside { area, width, height });
        };
        let Some(visible) = within.intersection(&seen) else {
            return Err(MaskError::BoxUnseen { area, frame: seen.to_string(), width, height });
        };
        // Place on the photograph of a place on the grid, along either axis.
        let step = [frame.width / SIDE as f64, frame.height / SIDE as f64];
        let centre = |p: usize, origin: f64, step: f64| origin + (p as f64 + 0.5) * step;
        Region::from_fn(|r, c| visible.contains(centre(c, frame.x, step[0]), centre(r, frame.y, step[1]))).or_else(
            |_| {
                let cell = |middle: f64, origin: f64, step: f64| (((middle - origin) / step) as usize).min(SIDE - 1);
                let column = cell(visible.x + visible.width / 2.0, frame.x, step[0]);
                let row = cell(visible.y + visible.height / 2.0, frame.y, step[1]);
                Region::from_fn(|r, c| (r, c) == (row, column))
            },
        )
    }

    fn contains(&self, x: f64, y: f64) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }

    /// What two boxes share, if that has an area.
    fn intersection(&self, other: &PixelBox) -> Option<PixelBox> {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let width = (self.x + self.width).min(other.x + other.width) - x;
        let height = (self.y + self.height).min(other.y + other.height) - y;
        (width > 0.0 && height > 0.0).then_some(PixelBox { x, y, width, height })
    }
}

impl FromStr for PixelBox {
    type Err = MaskError;

    /// Reads `X,Y,WIDTH,HEIGHT`; fractions of a pixel are allowed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let no_box = || MaskError::Box { text: text.to_owned() };
        let numbers: Result<Vec<f64>, _> = text.split(',').map(|t| t.trim().parse()).collect();
        match numbers.map_err(|_| no_box())?[..] {
            [x, y, width, height] => PixelBox::new(x, y, width, height).map_err(|_| no_box()),
            _ => Err(no_box()),
        }
    }
}

/// `X,Y,WIDTH,HEIGHT`.
impl fmt::Display for PixelBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{},{},{},{}", self.x, self.y, self.width, self.height))
    }
}

impl Serialize for PixelBox {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A photograph of 448 x 224 pixels, stretched to the grid.
    const STRETCHED: Frame = Frame { x: 0.0, y: 0.0, width: 448.0, height: 224.0 };

    fn bounds(text: &str, frame: &Frame) -> Result<String, MaskError> {
        Ok(text.parse::<PixelBox>()?.region(448, 224, frame)?.bounds().to_string())
    }

    #[test]
    fn stretched_photograph() {
        assert_eq!(bounds("0,0,448,224", &STRETCHED).unwrap(), "0:224,0:224");
        assert_eq!(bounds("100,50,20,10", &STRETCHED).unwrap(), "50:60,50:60");
        assert_eq!(bounds(" -50 , -50 , 60 , 51.5 ", &STRETCHED).unwrap(), "0:1,0:5");
        assert_eq!(bounds("440,220,100,100", &STRETCHED).unwrap(), "220:224,220:224");
    }

    #[test]
    fn cropped_photograph() {
        // The middle 196 x 196 of 448 x 224: a grid pixel is 0.875 wide.
        let frame = Frame { x: 126.0, y: 14.0, width: 196.0, height: 196.0 };
        assert_eq!(bounds("0,0,448,224", &frame).unwrap(), "0:224,0:224");
        assert_eq!(bounds("126,14,7,7", &frame).unwrap(), "0:8,0:8");
        let error = bounds("0,0,100,100", &frame).unwrap_err().to_string();
        assert!(error.contains("126,14,196,196 of 448 x 224"), "{error}");
    }

    #[test]
    fn a_tiny_box_is_one_pixel() {
        for (text, expected) in [
            ("100.1,50.1,0.2,0.2", "50:51,50:51"),
            ("0,0,0.1,0.1", "0:1,0:1"),
            ("447.9,223.9,0.1,0.1", "223:224,223:224"),
            ("100,50,1,1", "50:51,50:51"),
        ] {
            assert_eq!(bounds(text, &STRETCHED).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn every_pixel_of_a_small_photograph_has_a_region() {
        // 5 x 3 pixels: their regions cover the grid without overlap.
        let frame = Frame { x: 0.0, y: 0.0, width: 5.0, height: 3.0 };
        let mut seen = vec![0; SIDE * SIDE];
        for (x, y) in (0..15).map(|p| (p % 5, p / 5)) {
            let region = PixelBox::new(x as f64, y as f64, 1.0, 1.0).unwrap().region(5, 3, &frame).unwrap();
            seen.iter_mut().zip(region.pixels()).for_each(|(n, &v)| *n += usize::from(v));
        }
        assert!(seen.iter().all(|&n| n == 1));
    }

    #[test]
    fn outside_the_picture() {
        for text in ["448,0,10,10", "0,224,10,10", "-10,0,10,10", "500,500,1,1", "-3,-3,2,2"] {
            let error = bounds(text, &STRETCHED).unwrap_err().to_string();
            assert_eq!(error, format!("box {text} is outside the picture: the picture is 448 x 224 pixels"));
        }
    }

    #[test]
    fn no_box() {
        for text in
            ["", "1,2,3", "1,2,3,4,5", "a,2,3,4", "1,2,0,4", "1,2,3,-4", "nan,0,1,1", "0,0,inf,1", "1e308,0,1e308,1"]
        {
            let error = text.parse::<PixelBox>().unwrap_err();
            assert_eq!(error, MaskError::Box { text: text.to_owned() });
        }
    }
}
