//! Masks: bits, enlarged and cropped.
//!
//! As the authors' code makes them: `s x s` bits, resized bilinearly to `(s + 1) ceil(224 / s)` on a side with
//! half-pixel centres and mirrored borders (`d c b | a b c d | c b a`, scikit-image's `reflect`), and cropped at an
//! offset of 0 to `ceil(224 / s) - 1` rows and columns.

use backlit_net::SIDE;
use backlit_net::random::{Purpose, Random};

/// The masks of one picture, each by its number.
pub(super) struct Masks {
    cells: usize,
    probability: f64,
    random: Random,
    /// Side of a cell in pixels: the number of offsets.
    cell: usize,
    /// For every row or column of the enlarged grid, the two cells between which it lies, and its share of the second.
    places: Vec<(usize, usize, f64)>,
}

impl Masks {
    /// `key` belongs to the picture; cells are 1 to 224.
    pub(super) fn new(cells: usize, probability: f64, seed: u64, key: u64) -> Masks {
        let cell = SIDE.div_ceil(cells);
        let large = (cells + 1) * cell;
        let place = |i: usize| {
            let at = (i as f64 + 0.5) * cells as f64 / large as f64 - 0.5;
            let below = at.floor();
            (mirror(below as isize, cells), mirror(below as isize + 1, cells), at - below)
        };
        let random = Random::new(seed, key, Purpose::Choice);
        Masks { cells, probability, random, cell, places: (0..large).map(place).collect() }
    }

    /// Writes mask `sample`, `[224, 224]`, values 0 to 1.
    pub(super) fn write(&self, sample: u32, mask: &mut [f32]) {
        let open = |cell: usize| self.random.uniform(sample, cell) < self.probability;
        let grid: Vec<f64> = (0..self.cells * self.cells).map(|cell| f64::from(u8::from(open(cell)))).collect();
        // Multiplied and shifted, so that every offset is as likely as another, to one in 2^32 / 224.
        let offset =
            |axis: usize| (u64::from(self.random.bits(sample, grid.len() + axis)) * self.cell as u64 >> 32) as usize;
        self.enlarge(&grid, offset(0), offset(1), mask);
    }

    /// The crop of the enlarged grid that begins at `top`, `left`.
    pub(super) fn enlarge(&self, grid: &[f64], top: usize, left: usize, mask: &mut [f32]) {
        let row_of = |cell: usize| &grid[cell * self.cells..][..self.cells];
        let mut line = vec![0f64; self.cells];
        for (row, &(above, below, share)) in mask.chunks_exact_mut(SIDE).zip(&self.places[top..]) {
            for (out, (a, b)) in line.iter_mut().zip(row_of(above).iter().zip(row_of(below))) {
                *out = a + (b - a) * share;
            }
            for (out, &(before, after, share)) in row.iter_mut().zip(&self.places[left..]) {
                *out = (line[before] + (line[after] - line[before]) * share) as f32;
            }
        }
    }
}

/// `d c b | a b c d | c b a`, one step beyond the edge.
fn mirror(i: isize, len: usize) -> usize {
    let last = len as isize - 1;
    let i = i.abs();
    if i > last { (2 * last - i).max(0) as usize } else { i as usize }.min(len - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scikit-image 0.26's `resize(grid, (256, 256), order=1, mode="reflect", anti_aliasing=False)`.
    #[test]
    fn enlarged_as_scikit_image_does() {
        let grid: Vec<f64> = (0..49).map(|i| f64::from(u8::from(i * 37 % 11 % 3 == 0))).collect();
        let masks = Masks::new(7, 0.5, 0, 0);
        assert_eq!((masks.cell, masks.places.len()), (32, 256));
        let at = |row: usize, column: usize| {
            let (top, left) = (row.min(32), column.min(32));
            let mut mask = vec![0f32; SIDE * SIDE];
            masks.enlarge(&grid, top, left, &mut mask);
            f64::from(mask[(row - top) * SIDE + column - left])
        };
        #[rustfmt::skip]
        let expected = [
            (0, 0, 0.513671875), (2, 5, 0.650390625), (1, 15, 0.923828125), (0, 20, 0.939453125), (2, 35, 0.529296875),
            (250, 200, 0.3434638977050781), (250, 254, 0.16046524047851562), (255, 209, 0.3751945495605469),
            (255, 236, 0.016147613525390625),
        ];
        for (row, column, value) in expected {
            assert!((at(row, column) - value).abs() <= 1e-6, "{row}, {column}: {} for {value}", at(row, column));
        }
    }

    #[test]
    fn any_number_of_cells() {
        for cells in [1, 2, 3, 8, 100, 223, 224] {
            let masks = Masks::new(cells, 0.5, 0, 0);
            let mut mask = vec![f32::NAN; SIDE * SIDE];
            masks.enlarge(&vec![1.0; cells * cells], masks.cell - 1, 0, &mut mask);
            assert!(mask.iter().all(|&v| (v - 1.0).abs() <= 1e-6), "{cells}");
        }
    }

    /// Mean `p`, and covariance `p (1 - p) E[sum over cells of a_i a_j]` over the offsets, a being the weights of
    /// bilinear interpolation.
    #[test]
    fn moments() {
        let (p, n) = (0.3, 6000);
        let masks = Masks::new(7, p, 5, 77);
        let pixels = [(0, 0), (111, 90), (113, 99), (223, 223)].map(|(r, c)| r * SIDE + c);
        let mut mask = vec![0f32; SIDE * SIDE];
        let (mut mean, mut square, mut product) = ([0f64; 4], [0f64; 4], 0f64);
        for sample in 0..n {
            masks.write(sample, &mut mask);
            assert!(mask.iter().all(|v| (0.0..=1.0).contains(v)));
            for (k, &pixel) in pixels.iter().enumerate() {
                mean[k] += f64::from(mask[pixel]) / f64::from(n);
                square[k] += f64::from(mask[pixel]).powi(2) / f64::from(n);
            }
            product += f64::from(mask[pixels[1]]) * f64::from(mask[pixels[2]]) / f64::from(n);
        }
        // Five standard deviations of the mean of numbers between 0 and 1, whose variance is at most p (1 - p).
        let tolerance = 5.0 * (p * (1.0 - p) / f64::from(n)).sqrt();
        for (k, &pixel) in pixels.iter().enumerate() {
            assert!((mean[k] - p).abs() <= tolerance, "pixel {pixel}: {}", mean[k]);
            let expected = p * p + p * (1.0 - p) * masks.overlap(pixel, pixel);
            assert!((square[k] - expected).abs() <= tolerance, "pixel {pixel}: {} for {expected}", square[k]);
        }
        let expected = p * p + p * (1.0 - p) * masks.overlap(pixels[1], pixels[2]);
        assert!((product - expected).abs() <= tolerance, "{product} for {expected}");
    }

    impl Masks {
        /// `E[sum over cells of a_i a_j]` over the offsets: the product of two axes.
        pub(in crate::methods::rise) fn overlap(&self, i: usize, j: usize) -> f64 {
            let axis = |i: usize, j: usize| {
                let of = |offset: usize| {
                    let weights = |(before, after, share): (usize, usize, f64)| {
                        let mut w = vec![0.0; self.cells];
                        w[before] += 1.0 - share;
                        w[after] += share;
                        w
                    };
                    let (a, b) = (weights(self.places[i + offset]), weights(self.places[j + offset]));
                    a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>()
                };
                (0..self.cell).map(of).sum::<f64>() / self.cell as f64
            };
            axis(i / SIDE, j / SIDE) * axis(i % SIDE, j % SIDE)
        }
    }
}
