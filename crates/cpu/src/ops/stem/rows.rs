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

use super::super::strip::accumulate;
use super::{BLOCKS, C_OUT, IMAGE_ROW, KERNEL, PAD, SIDE_OUT, Stem};
use crate::isa::Isa;
use crate::lanes::LANES;

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
    /// The row of the map.
    p: usize,
    columns: [[f32; COLUMN]; COLUMNS],
}

impl<'a> Window<'a> {
    /// Under row `p`.
    #[inline(always)]
    pub(super) fn new(image: &'a [f32], p: usize) -> Window<'a> {
        let mut window = Window { image, p, columns: [[0.0; COLUMN]; COLUMNS] };
        (0..KERNEL).for_each(|r| window.put(r));
        window
    }

    /// Goes on to the next row.
    #[inline(always)]
    pub(super) fn advance(&mut self) {
        const STAY: usize = KERNEL - 2;
        self.p += 1;
        for column in &mut self.columns {
            column.copy_within(2 * CHANNELS.., 0);
        }
        (STAY..KERNEL).for_each(|r| self.put(r));
    }

    /// Copies one row of the image, or zeros if it lies outside.
    #[inline(always)]
    fn put(&mut self, r: usize) {
        let columns = self.columns[PAD..PAD + SIDE].iter_mut().map(|column| &mut column[r * CHANNELS..][..CHANNELS]);
        match (2 * self.p + r).checked_sub(PAD).filter(|&h| h < SIDE) {
            Some(h) => {
                let row = self.image[h * IMAGE_ROW..][..IMAGE_ROW].as_chunks::<CHANNELS>().0;
                columns.zip(row).for_each(|(column, pixel)| column.copy_from_slice(pixel));
            }
            None => columns.for_each(|column| column.fill(0.0)),
        }
    }

    /// What the filter meets at column `q` of the map.
    #[inline(always)]
    fn under(&self, q: usize) -> &[f32] {
        self.columns[2 * q..2 * q + KERNEL].as_flattened()
    }
}

/// One row of the map before its ReLU, `[1 + 112][64]`; the first column is a border of zeros for the pool.
#[repr(align(64))]
pub(in super::super) struct MapRow([[f32; C_OUT]; 1 + SIDE_OUT]);

impl MapRow {
    /// Zeros.
    pub(super) const ZEROS: MapRow = MapRow([[0.0; C_OUT]; 1 + SIDE_OUT]);

    /// Channels of a column, the border being the first.
    #[inline(always)]
    pub(in super::super) fn column(&self, at: usize) -> &[f32; C_OUT] {
        &self.0[at]
    }

    /// Computes the row that `window` lies under.
    #[inline(always)]
    pub(super) fn compute<I: Isa, const M: usize>(&mut self, isa: I, stem: &Stem, window: &Window<'_>) {
        for block in 0..BLOCKS {
            let bias = &stem.bias[block * LANES..][..LANES];
            for (strip, out) in self.0[1..].chunks_mut(M).enumerate() {
                let mut sums = [[0f32; LANES]; M];
                // Columns past the end repeat the last one and are not stored.
                let rows = std::array::from_fn(|m| window.under((strip * M + m).min(SIDE_OUT - 1)));
                accumulate(isa, rows, &stem.forward[block], &mut sums);
                for (out, sums) in out.iter_mut().zip(&sums) {
                    let out = &mut out[block * LANES..][..LANES];
                    for l in 0..LANES {
                        out[l] = sums[l] + bias[l];
                    }
                }
            }
        }
    }
}
