//! The part of a photograph that the 224 x 224 grid shows.

use crate::SIDE;

/// A rectangle in pixels of the upright photograph: `x`, `y` is its top left corner, pixel `i` spans `i` to `i + 1`.
///
/// A filter that smooths also reads a little beyond the rectangle; the rectangle is where the grid's pixels lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Extent in x, which becomes the 224 columns.
    pub width: f64,
    /// Extent in y, which becomes the 224 rows.
    pub height: f64,
}

impl Frame {
    /// A point of the photograph on the grid: 0 to 224 in either direction if it is inside the frame.
    pub fn to_grid(&self, x: f64, y: f64) -> (f64, f64) {
        let side = SIDE as f64;
        ((x - self.x) * side / self.width, (y - self.y) * side / self.height)
    }

    /// A point of the grid (0 to 224) on the photograph; the inverse of [`Frame::to_grid`].
    pub fn from_grid(&self, x: f64, y: f64) -> (f64, f64) {
        let side = SIDE as f64;
        (self.x + x * self.width / side, self.y + y * self.height / side)
    }
}
