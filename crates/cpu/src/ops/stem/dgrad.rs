//! The stem back: what is not zero in the map's gradient is spread over the image.
//!
//! ```text
//! dx[2p+r-3, 2q+s-3, c] += dy[p,q,k] * w[r,s,c,k]        for the k where dy[p,q,k] is not zero
//! ```
//!
//! Shapes    pooled gradient `[n, 56, 56, 64]`, or the map's `[n, 112, 112, 64]`, to dx `[n, 224, 224, 3]`
//! Work      147 multiply-adds for every value that is not zero. The pool hands each gradient to one position of its
//!           window, so that is at most one value in four: 30 M multiply-adds an image instead of 118 M
//! Bound by  loads: every multiply-add reads its weights from the first cache
//!
//! For one pixel of the map, the seven rows of sums stay in registers (four, then three, where there are sixteen)
//! while the channels that hold something are walked by the bits of a mask. Three channels of seven columns are 21
//! floats, kept as 24. They are then added to seven rows of the image, of which a ring holds eight.
//!
//! A task makes some rows of the image. Every element is summed by rows of the map, then by filter position, then by
//! channel, whatever the task, and a skipped zero changes no sum.

use std::ops::Range;

use backlit_net::{CHANNELS, IMAGE_LEN, SIDE};
use rayon::prelude::*;

use super::super::max_pool::{self, Back, CODES_LEN};
use super::{C_OUT, IMAGE_ROW, KERNEL, OUTPUT_LEN, PAD, SIDE_OUT, Stem, rows_per_task};
use crate::isa::{Isa, Job, Token};
use crate::lanes::LANES;

/// Floats of a filter row, 21 and a rest of zeros.
const WIDTH: usize = 24;

/// One row of the filter for one channel of the map: `[7 columns][3]` and zeros.
#[repr(align(32))]
pub(super) struct FilterRow([f32; WIDTH]);

/// Packs `weight(column, image channel)`.
pub(super) fn filter_row(weight: impl Fn(usize, usize) -> f32) -> FilterRow {
    let at = |j| if j < KERNEL * CHANNELS { weight(j / CHANNELS, j % CHANNELS) } else { 0.0 };
    FilterRow(std::array::from_fn(at))
}

/// Rows of the image that wait for more: those that one row of the map meets, and one to make the count even.
const RING: usize = 8;
/// Floats of such a row, with room for what reaches past the image on the left and on the right.
const PADDED: usize = (SIDE + 2 * PAD) * CHANNELS + WIDTH - KERNEL * CHANNELS;

impl Stem {
    /// The pool's gradient to `dx` `[n, 224, 224, 3]`, overwritten. The gradient of the map is never whole in memory.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub fn dgrad_pooled(&self, token: Token, back: Back<'_>, dx: &mut [f32]) {
        let n = dx.len() / IMAGE_LEN;
        assert_eq!((back.codes.len(), back.dy.len()), (n * CODES_LEN, n * max_pool::OUTPUT_LEN));
        self.spread(token, &|image| MapGradient::Pool(back.image(image)), dx);
    }

    /// `dy` `[n, 112, 112, 64]`, already through the stem's ReLU, to `dx` `[n, 224, 224, 3]`, overwritten.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub fn dgrad(&self, token: Token, dy: &[f32], dx: &mut [f32]) {
        assert_eq!(dy.len(), dx.len() / IMAGE_LEN * OUTPUT_LEN);
        self.spread(token, &|image| MapGradient::Map(&dy[image * OUTPUT_LEN..][..OUTPUT_LEN]), dx);
    }

    fn spread<'a>(&self, token: Token, gradient: &(dyn Fn(usize) -> MapGradient<'a> + Sync), dx: &mut [f32]) {
        let n = dx.len() / IMAGE_LEN;
        assert_eq!(dx.len(), n * IMAGE_LEN);
        let rows = rows_per_task(n, SIDE, &[1, 2, 4, 7, 8, 14]);
        let per_image = SIDE / rows;
        dx.par_chunks_mut(rows * IMAGE_ROW).enumerate().for_each(|(task, dx)| {
            let (image, first) = (task / per_image, task % per_image * rows);
            token.run(Task { stem: self, gradient: gradient(image), first, dx });
        });
    }
}

/// Where one image's rows of the map's gradient come from.
#[derive(Clone, Copy)]
enum MapGradient<'a> {
    Map(&'a [f32]),
    Pool(Back<'a>),
}

/// Some rows of the image.
struct Task<'a> {
    stem: &'a Stem,
    gradient: MapGradient<'a>,
    /// The first of the rows, even.
    first: usize,
    dx: &'a mut [f32],
}

impl Job for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let mut ring = Ring([[0.0; PADDED]; RING]);
        let mut own = [[0f32; C_OUT]; SIDE_OUT];
        let rows = self.dx.len() / IMAGE_ROW;
        // Rows of the image with its border, as the filter counts them.
        let wanted = self.first + PAD..self.first + PAD + rows;
        let mut dx = self.dx.chunks_exact_mut(IMAGE_ROW);
        // The rows of the map that meet the wanted ones; beyond the last row of the map there is nothing to add.
        for p in (self.first / 2).saturating_sub(1)..(self.first + rows) / 2 + 2 {
            if p < SIDE_OUT {
                let dy = match self.gradient {
                    MapGradient::Map(dy) => dy[p * SIDE_OUT * C_OUT..][..SIDE_OUT * C_OUT].as_chunks().0,
                    MapGradient::Pool(back) => {
                        back.row(p, own.as_flattened_mut());
                        &own
                    }
                };
                ring.add(isa, self.stem, dy, p, &wanted);
            }
            // No further row of the map meets these two.
            for h in 2 * p..2 * p + 2 {
                if wanted.contains(&h) {
                    let dx = dx.next().expect("as many rows as are wanted");
                    dx.copy_from_slice(&ring.0[h % RING][PAD * CHANNELS..][..IMAGE_ROW]);
                }
                ring.0[h % RING].fill(0.0);
            }
        }
    }
}

/// Eight rows of the image with its border; row h is at h mod 8.
struct Ring([[f32; PADDED]; RING]);

impl Ring {
    /// Adds what row `p` of the map sends to the `wanted` rows; others may get a part of theirs.
    #[inline(always)]
    fn add<I: Isa>(&mut self, isa: I, stem: &Stem, dy: &[[f32; C_OUT]], p: usize, wanted: &Range<usize>) {
        let mut masks = [0u64; SIDE_OUT];
        for (mask, dy) in masks.iter_mut().zip(dy) {
            *mask = not_zero(isa, dy);
        }
        // As many filter rows at a time as have their sums in registers, 24 floats each.
        let mut rows = Rows { ring: self, stem, dy, masks: &masks, p, wanted };
        match I::ROWS {
            14.. => rows.add::<I, 7>(isa, 0),
            6.. => {
                rows.add::<I, 4>(isa, 0);
                rows.add::<I, 3>(isa, 4);
            }
            _ => {
                rows.add::<I, 2>(isa, 0);
                rows.add::<I, 2>(isa, 2);
                rows.add::<I, 2>(isa, 4);
                rows.add::<I, 1>(isa, 6);
            }
        }
    }
}

/// What one row of the map adds to the rows of the image in the ring.
struct Rows<'a> {
    ring: &'a mut Ring,
    stem: &'a Stem,
    dy: &'a [[f32; C_OUT]],
    /// Which channels of each pixel hold something.
    masks: &'a [u64; SIDE_OUT],
    p: usize,
    wanted: &'a Range<usize>,
}

impl Rows<'_> {
    /// By `R` rows of the filter from row `r` on.
    #[inline(always)]
    fn add<I: Isa, const R: usize>(&mut self, isa: I, r: usize) {
        let Rows { dy, masks, .. } = *self;
        let first = 2 * self.p + r;
        if first >= self.wanted.end || first + R <= self.wanted.start {
            return;
        }
        // Four columns on, the 24 floats of a filter row lie behind those of this one. Neighbours share floats, and
        // a load that takes part of what was just stored would have to wait for it.
        const APART: usize = WIDTH / (2 * CHANNELS);
        let filters: &[[FilterRow; KERNEL]; C_OUT] = &self.stem.dgrad;
        for start in 0..APART {
            for q in (start..SIDE_OUT).step_by(APART) {
                let (dy, mut rest) = (&dy[q], masks[q]);
                let mut sums = [[0f32; WIDTH]; R];
                while rest != 0 {
                    let k = rest.trailing_zeros() as usize % C_OUT;
                    rest &= rest - 1;
                    let filter = &filters[k][r..r + R];
                    for i in 0..R {
                        for j in 0..WIDTH {
                            sums[i][j] = isa.mul_add(dy[k], filter[i].0[j], sums[i][j]);
                        }
                    }
                }
                for (i, sums) in sums.iter().enumerate() {
                    let row = &mut self.ring.0[(first + i) % RING][2 * CHANNELS * q..][..WIDTH];
                    for j in 0..WIDTH {
                        row[j] += sums[j];
                    }
                }
            }
        }
    }
}

/// One bit for every channel that is not zero, or not a number.
#[inline(always)]
fn not_zero<I: Isa>(isa: I, dy: &[f32; C_OUT]) -> u64 {
    let mut mask = 0;
    for (i, lanes) in dy.as_chunks::<LANES>().0.iter().enumerate() {
        for part in 0..LANES / I::WIDTH {
            mask |= u64::from(isa.not_zero(isa.load(lanes, part))) << (i * LANES + part * I::WIDTH);
        }
    }
    mask
}
