//! Regions: sets of pixels of the network's grid.

use std::fmt;

use backlit_net::SIDE;
use serde::Serialize;

use super::MaskError;

/// At least one pixel of the 224 x 224 grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// `[224, 224]`, row by row.
    inside: Vec<bool>,
}

/// The smallest rectangle around a region, half-open as in NumPy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bounds {
    /// First row.
    pub top: usize,
    /// One past the last row.
    pub bottom: usize,
    /// First column.
    pub left: usize,
    /// One past the last column.
    pub right: usize,
}

impl Bounds {
    /// Pixels in the rectangle.
    pub fn area(&self) -> usize {
        (self.bottom - self.top) * (self.right - self.left)
    }
}

/// `32:55,116:146`: rows and columns, as [`Slices`](super::Slices) read them.
impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{},{}:{}", self.top, self.bottom, self.left, self.right)
    }
}

impl Region {
    /// Wraps `[224, 224]` flags, row by row.
    ///
    /// # Errors
    /// [`MaskError::RegionLength`], [`MaskError::EmptyRegion`].
    pub fn new(inside: Vec<bool>) -> Result<Region, MaskError> {
        if inside.len() != SIDE * SIDE {
            Err(MaskError::RegionLength { found: inside.len() })
        } else if !inside.contains(&true) {
            Err(MaskError::EmptyRegion)
        } else {
            Ok(Region { inside })
        }
    }

    /// The pixels for which `belongs(row, column)`.
    ///
    /// # Errors
    /// [`MaskError::EmptyRegion`].
    pub fn from_fn(mut belongs: impl FnMut(usize, usize) -> bool) -> Result<Region, MaskError> {
        Region::new((0..SIDE * SIDE).map(|p| belongs(p / SIDE, p % SIDE)).collect())
    }

    /// The flags, `[224, 224]`.
    pub fn pixels(&self) -> &[bool] {
        &self.inside
    }

    /// Whether a pixel belongs; row and column are below 224.
    pub fn contains(&self, row: usize, column: usize) -> bool {
        self.inside[row * SIDE + column]
    }

    /// All pixels that belong to either.
    pub fn union(&self, other: &Region) -> Region {
        Region { inside: self.inside.iter().zip(&other.inside).map(|(a, b)| a | b).collect() }
    }

    /// Number of pixels.
    pub fn area(&self) -> usize {
        self.inside.iter().filter(|&&v| v).count()
    }

    /// Share of the picture, above 0 and at most 1.
    pub fn share(&self) -> f64 {
        self.area() as f64 / self.inside.len() as f64
    }

    /// The smallest rectangle around it.
    pub fn bounds(&self) -> Bounds {
        let mut b = Bounds { top: SIDE, bottom: 0, left: SIDE, right: 0 };
        for (p, _) in self.inside.iter().enumerate().filter(|&(_, &v)| v) {
            let (row, column) = (p / SIDE, p % SIDE);
            b.top = b.top.min(row);
            b.bottom = b.bottom.max(row + 1);
            b.left = b.left.min(column);
            b.right = b.right.max(column + 1);
        }
        b
    }

    /// One line for people: `32:55,116:146 (690 pixels, 1.4 %)`, or `... within ROWS,COLUMNS` if it is no rectangle.
    pub fn describe(&self) -> String {
        let (area, bounds, percent) = (self.area(), self.bounds(), 100.0 * self.share());
        let pixels = if area == 1 { "pixel" } else { "pixels" };
        if area == bounds.area() {
            format!("{bounds} ({area} {pixels}, {percent:.1} %)")
        } else {
            format!("{area} {pixels} ({percent:.1} %) within {bounds}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rectangle(top: usize, bottom: usize, left: usize, right: usize) -> Region {
        Region::from_fn(|r, c| (top..bottom).contains(&r) && (left..right).contains(&c)).unwrap()
    }

    #[test]
    fn rectangle_and_union() {
        let ball = rectangle(32, 55, 116, 146);
        assert_eq!((ball.area(), ball.bounds().area()), (690, 690));
        assert_eq!(ball.describe(), "32:55,116:146 (690 pixels, 1.4 %)");
        assert!(ball.contains(32, 116) && ball.contains(54, 145) && !ball.contains(55, 116) && !ball.contains(32, 146));

        let both = ball.union(&rectangle(0, 1, 0, 2));
        assert_eq!(both.area(), 692);
        assert_eq!(both.bounds(), Bounds { top: 0, bottom: 55, left: 0, right: 146 });
        assert_eq!(both.describe(), "692 pixels (1.4 %) within 0:55,0:146");
        assert_eq!(both.union(&ball), both);
    }

    #[test]
    fn extremes() {
        let all = rectangle(0, 224, 0, 224);
        assert_eq!((all.area(), all.share()), (224 * 224, 1.0));
        assert_eq!(rectangle(223, 224, 223, 224).describe(), "223:224,223:224 (1 pixel, 0.0 %)");
    }

    #[test]
    fn no_region() {
        assert_eq!(Region::new(vec![true; 5]), Err(MaskError::RegionLength { found: 5 }));
        assert_eq!(Region::new(vec![false; 224 * 224]), Err(MaskError::EmptyRegion));
        assert_eq!(Region::from_fn(|_, _| false), Err(MaskError::EmptyRegion));
    }
}
