//! One row of the 7x7 convolution.
//!
//! ```text
//! map[p,q,k] = bias[k] + sum over r<7, s<7, c<3 of image[2p+r-3, 2q+s-3, c] * w[r,s,c,k]
//! ```
//!
//! Shapes    image `[224, 224, 3]`; a row of the map `[112, 64]`
//! Work      1.05 M multiply-adds a row, 118 M an image
//! Bound by  multiply-adds: weights (38 KB) and the window (19 KB) stay in the caches
//!
//! Three channels are too short for a tap. The seven image rows under a row of the map are therefore kept column by
//! column, `[230 columns][7 rows][3]`, with their border of zeros. Then the 147 floats under every filter position lie
//! side by side, 42 floats after those of its neighbour: one long tap, summed in registers from end to end. From one
//! row of the map to the next, five of the seven image rows stay.

use backlit_net::{CHANNELS, SIDE};

use super::{BLOCKS, C_OUT, IMAGE_ROW, KERNEL, PAD, SIDE_OUT, Stem};
use crate::isa::{Isa, MOST_ROWS, Sums};
use crate::lanes::{LANES, Lanes};

/// Floats in a column of the window.
const COLUMN: usize = KERNEL * CHANNELS;
/// Columns with the border.
const COLUMNS: usize = SIDE + 2 * PAD;
/// Floats under the filter.
const DEPTH: usize = KERNEL * COLUMN;

/// Filter row, filter column and channel in the order in which a window holds what they meet.
pub(super) fn window_order() -> impl Iterator<Item = (usize, usize, usize)> {
    (0..DEPTH).map(|at| (at / CHANNELS % KERNEL, at / COLUMN, at % CHANNELS))
}

/// The seven image rows under one row of the map.
pub(super) struct Window<'a> {
    image: &'a [f32],
    /// The next row of the map.
    next: usize,
    columns: [[f32; COLUMN]; COLUMNS],
}

/// Rows of a window that are in the next one too.
const STAY: usize = KERNEL - 2;

impl<'a> Window<'a> {
    /// Before row `p`.
    #[inline(always)]
    pub(super) fn before(image: &'a [f32], p: usize) -> Window<'a> {
        let mut window = Window { image, next: p, columns: [[0.0; COLUMN]; COLUMNS] };
        for r in 0..STAY {
            window.put(r, r + 2);
        }
        window
    }

    /// Goes on to the next row.
    #[inline(always)]
    pub(super) fn advance(&mut self) {
        for column in &mut self.columns {
            // By way of registers: the ranges overlap.
            let stay: [f32; STAY * CHANNELS] = std::array::from_fn(|i| column[2 * CHANNELS + i]);
            column[..STAY * CHANNELS].copy_from_slice(&stay);
        }
        for r in STAY..KERNEL {
            self.put(r, r);
        }
        self.next += 1;
    }

    /// Copies the image row that filter row `r` meets at the next row of the map, or zeros where there is none, to
    /// where that of filter row `to` is.
    #[inline(always)]
    fn put(&mut self, r: usize, to: usize) {
        let row = (2 * self.next + r).checked_sub(PAD).filter(|&h| h < SIDE);
        let row = row.map_or(&[0.0; IMAGE_ROW][..], |h| &self.image[h * IMAGE_ROW..][..IMAGE_ROW]);
        for (column, pixel) in self.columns[PAD..].iter_mut().zip(row.as_chunks::<CHANNELS>().0) {
            column[to * CHANNELS..][..CHANNELS].copy_from_slice(pixel);
        }
    }

    /// What the filter meets at column `q` of the map.
    #[inline(always)]
    fn under(&self, q: usize) -> &[f32] {
        self.columns[2 * q..2 * q + KERNEL].as_flattened()
    }
}

/// Whoever computes the map: one row after the other, from top to bottom.
pub(crate) trait MapRows {
    /// Overwrites `row` with the next one.
    fn next<I: Isa>(&mut self, isa: I, row: &mut MapRow);
}

/// One row of the map before its ReLU, `[1 + 112][64]`; the first column is a border of zeros for the pool.
#[repr(align(64))]
pub(crate) struct MapRow([[f32; C_OUT]; 1 + SIDE_OUT]);

impl MapRow {
    /// Zeros.
    pub(super) const ZEROS: MapRow = MapRow([[0.0; C_OUT]; 1 + SIDE_OUT]);

    /// Channels of a column, the border being the first.
    #[inline(always)]
    pub(in super::super) fn column(&self, at: usize) -> &[f32; C_OUT] {
        &self.0[at]
    }

    /// The columns of the map, without the border, to be written.
    #[inline(always)]
    pub(crate) fn columns_mut(&mut self) -> &mut [[f32; C_OUT]] {
        &mut self.0[1..]
    }

    /// Computes the row that `window` lies under.
    #[inline(always)]
    pub(super) fn compute<I: Isa>(&mut self, isa: I, stem: &Stem, window: &Window<'_>) {
        const { assert!(I::ROWS <= MOST_ROWS && I::PANELS <= BLOCKS) };
        let mut sums = [Lanes::default(); MOST_ROWS * BLOCKS];
        for (group, panels) in stem.forward.chunks_exact(DEPTH * I::PANELS).enumerate() {
            let first = group * I::PANELS * LANES;
            let bias = stem.bias[first..][..I::PANELS * LANES].as_chunks::<LANES>().0;
            // As few strips as there can be, as even as they can be.
            let strip = SIDE_OUT.div_ceil(SIDE_OUT.div_ceil(I::ROWS));
            for (i, out) in self.0[1..].chunks_mut(strip).enumerate() {
                let mut rows: [&[f32]; MOST_ROWS] = [&[]; MOST_ROWS];
                for (m, row) in rows[..out.len()].iter_mut().enumerate() {
                    *row = window.under(i * strip + m);
                }
                let sums = &mut sums[..out.len() * I::PANELS];
                for (sum, bias) in sums.iter_mut().zip(bias.iter().cycle()) {
                    sum.0 = *bias;
                }
                isa.accumulate(&rows[..out.len()], panels, sums, Sums::Running, &[]);
                for (out, sums) in out.iter_mut().zip(sums.chunks_exact(I::PANELS)) {
                    let out = out[first..][..I::PANELS * LANES].as_chunks_mut::<LANES>().0;
                    for (out, sum) in out.iter_mut().zip(sums) {
                        *out = sum.0;
                    }
                }
            }
        }
    }
}
