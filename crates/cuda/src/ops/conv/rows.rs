//! The order in which a kernel walks the pixels of the tensor it writes, and in which gate words are kept.

/// Rows of a tensor `[n, side, side]`; every stretch of rows is padded to whole tiles of [`RowOrder::TILE`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RowOrder {
    /// `row = (image * side + y) * side + x`.
    #[default]
    Raster,
    /// Four classes one after the other, class `k = 2 * (y & 1) + (x & 1)`, and inside a class
    /// `row = (image * side / 2 + y / 2) * side / 2 + x / 2`: a convolution with stride 2 treats the pixels of a class
    /// alike in its gradient. Needs an even side.
    Parity,
}

impl RowOrder {
    /// The largest tile of rows that a block computes, and the unit of padding.
    pub const TILE: usize = 128;

    /// Stretches that are padded by themselves.
    pub fn classes(self) -> usize {
        match self {
            RowOrder::Raster => 1,
            RowOrder::Parity => 4,
        }
    }

    /// Rows of one class that are pixels.
    pub fn class_pixels(self, n: usize, side: usize) -> usize {
        n * side * side / self.classes()
    }

    /// Rows of one class with its padding.
    pub fn class_rows(self, n: usize, side: usize) -> usize {
        self.class_pixels(n, side).next_multiple_of(RowOrder::TILE)
    }

    /// All rows, padding included.
    pub fn rows(self, n: usize, side: usize) -> usize {
        self.classes() * self.class_rows(n, side)
    }

    /// The pixel `(image, y, x)` of a row; none if it is padding.
    pub fn pixel(self, n: usize, side: usize, row: usize) -> Option<(usize, usize, usize)> {
        let (class, row) = (row / self.class_rows(n, side), row % self.class_rows(n, side));
        if class >= self.classes() || row >= self.class_pixels(n, side) {
            return None;
        }
        let split = |row: usize, side: usize| (row / (side * side), row / side % side, row % side);
        Some(match self {
            RowOrder::Raster => split(row, side),
            RowOrder::Parity => {
                let (image, y, x) = split(row, side / 2);
                (image, 2 * y + class / 2, 2 * x + class % 2)
            }
        })
    }

    /// The row of a pixel.
    pub fn row(self, n: usize, side: usize, (image, y, x): (usize, usize, usize)) -> usize {
        match self {
            RowOrder::Raster => (image * side + y) * side + x,
            RowOrder::Parity => {
                let class = 2 * (y & 1) + (x & 1);
                class * self.class_rows(n, side) + (image * (side / 2) + y / 2) * (side / 2) + x / 2
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_and_pixel_are_inverse_and_all_pixels_occur_once() {
        for (order, n, side) in [(RowOrder::Raster, 3, 7), (RowOrder::Parity, 3, 14), (RowOrder::Parity, 1, 2)] {
            let pixels: Vec<_> = (0..order.rows(n, side)).filter_map(|r| Some((r, order.pixel(n, side, r)?))).collect();
            assert_eq!(pixels.len(), n * side * side);
            for (row, pixel) in pixels {
                assert_eq!(order.row(n, side, pixel), row);
            }
        }
    }
}
