//! The innermost loop of every convolution: a strip of pixels times a panel of sixteen channels.
//!
//! ```text
//! sums[m][l] += sum over c of  row[m][c] * panel[c][l]        m < M pixels, l < 16 channels
//! ```
//!
//! Each step loads one row of the panel, broadcasts M pixels and does M * 16 multiply-adds into registers.

use crate::isa::{Isa, Job};
use crate::lanes::{LANES, Lanes};

/// Work that goes strip by strip.
pub(super) trait Strips {
    /// Does the work with strips of M pixels; `#[inline(always)]`, as [`Job`] asks.
    fn strips<I: Isa, const M: usize>(self, isa: I);
}

/// [`Strips`] as a [`Job`], with the strip length that suits the instruction set.
pub(super) struct ByStrips<S>(pub(super) S);

impl<S: Strips> Job for ByStrips<S> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        if I::ROWS >= 6 { self.0.strips::<I, 6>(isa) } else { self.0.strips::<I, 3>(isa) }
    }
}

/// Channels summed in registers before they are added to the total.
///
/// Two levels of sums keep the rounding error of the longest layer (4608 terms) near that of a short one. The gates
/// of the network, and so its gradient, are only as good as these sums.
const BLOCK: usize = 256;

/// Adds the products of M rows with one panel; every row is as long as the panel.
#[inline(always)]
pub(super) fn accumulate<I: Isa, const M: usize>(
    isa: I,
    rows: [&[f32]; M],
    panel: &[Lanes],
    sums: &mut [[f32; LANES]; M],
) {
    let mut first = 0;
    for panel in panel.chunks(BLOCK) {
        let len = panel.len();
        // Slices of one known length: the compiler then needs no bounds check inside the loop.
        let rows = rows.map(|row| &row[first..first + len]);
        let mut partial = [[0f32; LANES]; M];
        for c in 0..len {
            let weights = panel[c].0;
            for m in 0..M {
                let x = rows[m][c];
                for l in 0..LANES {
                    partial[m][l] = isa.mul_add(x, weights[l], partial[m][l]);
                }
            }
        }
        for m in 0..M {
            for l in 0..LANES {
                sums[m][l] += partial[m][l];
            }
        }
        first += len;
    }
}
