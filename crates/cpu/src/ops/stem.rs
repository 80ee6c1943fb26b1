//! The 7x7 stride-2 convolution that reads the image, and the gradient that it sends to the pixels.
//!
//! With three channels a pixel is too short to be a tap. But seven pixels of a row lie side by side in memory:
//! 21 floats. So the filter has seven taps (its rows) of 21 channels, over an image copied into a border of zeros.
//!
//! ```text
//! forward   y[p,q,k] = relu(bias[k] + sum over r<7, j<21 of padded[2p+r][6q+j] * w[r][j][k])
//! ```
//!
//! The gradient gathers over filter rows, which leaves 21 numbers for every column q, and scatters these:
//!
//! ```text
//! backward  t[q][j] = sum over rows p with 2p + r = h + 3, channels k of  dy[p,q,k] * w[r][j][k]
//!           dx[h][6q + j - 9] += t[q][j]
//! ```
//!
//! Scattering stays within an image row, so rows are independent of each other.

use backlit_net::arch::Conv;
use backlit_net::weights::FoldedConv;
use backlit_net::{CHANNELS, IMAGE_LEN, SIDE};
use rayon::prelude::*;

use super::strip::{ByStrips, Strips, accumulate};
use crate::gates;
use crate::isa::{Isa, Token};
use crate::lanes::{LANES, Lanes};

const KERNEL: usize = 7;
const PAD: usize = 3;
/// Floats under one row of the filter.
const ROW: usize = KERNEL * CHANNELS;
/// Rows and columns of the output.
pub(crate) const SIDE_OUT: usize = 112;
/// Channels of the output.
pub(crate) const C_OUT: usize = 64;
/// Floats of one image's output.
pub(crate) const OUTPUT_LEN: usize = SIDE_OUT * SIDE_OUT * C_OUT;
/// Floats in a row of the padded image.
const PADDED_ROW: usize = (SIDE + 2 * PAD) * CHANNELS;
/// Panels of the forward pass, and of the 21 numbers of the gradient.
const BLOCKS: usize = C_OUT / LANES;
const ROW_BLOCKS: usize = ROW.div_ceil(LANES);

/// Packed weights of the stem.
pub struct Stem {
    bias: Vec<f32>,
    /// `[4 blocks of k][7 rows][21]`.
    forward: Vec<Lanes>,
    /// For even and odd image rows: `[2 blocks of j][filter rows that meet them][64 k]`.
    dgrad: [Vec<Lanes>; 2],
}

/// The filter rows that meet image rows of a parity, first to last.
fn meeting(h: usize) -> std::iter::StepBy<std::ops::Range<usize>> {
    ((h + PAD) % 2..KERNEL).step_by(2)
}

impl Stem {
    /// Packs both passes.
    ///
    /// # Panics
    /// If `conv` is not the stem of the table.
    pub fn new(conv: &Conv, folded: &FoldedConv) -> Stem {
        assert_eq!((conv.kernel, conv.pad, conv.stride, conv.c_out), (KERNEL, PAD, 2, C_OUT));
        // The weights are [r][s][c][k], so a filter row is already [21][64].
        let weight = |r: usize, j: usize, k: usize| folded.weight[(r * ROW + j) * C_OUT + k] as f32;
        let mut forward = Vec::new();
        for block in 0..BLOCKS {
            for r in 0..KERNEL {
                for j in 0..ROW {
                    forward.push(Lanes(std::array::from_fn(|l| weight(r, j, block * LANES + l))));
                }
            }
        }
        let dgrad = [0, 1].map(|parity| {
            let mut panels = Vec::new();
            for block in 0..ROW_BLOCKS {
                for r in meeting(parity) {
                    for k in 0..C_OUT {
                        let at = |l| block * LANES + l;
                        panels
                            .push(Lanes(std::array::from_fn(|l| if at(l) < ROW { weight(r, at(l), k) } else { 0.0 })));
                    }
                }
            }
            panels
        });
        Stem { bias: folded.bias.iter().map(|&b| b as f32).collect(), forward, dgrad }
    }

    /// `[64]`.
    pub(crate) fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// `images` `[n, 224, 224, 3]` to `y` `[n, 112, 112, 64]`, after ReLU.
    pub fn forward(&self, token: Token, images: &[f32], y: &mut [f32]) {
        y.par_chunks_mut(OUTPUT_LEN).zip(images.par_chunks(IMAGE_LEN)).for_each(|(y, image)| {
            let mut padded = vec![0f32; PADDED_ROW * (SIDE + 2 * PAD)];
            for (h, row) in image.chunks_exact(SIDE * CHANNELS).enumerate() {
                padded[(h + PAD) * PADDED_ROW + PAD * CHANNELS..][..row.len()].copy_from_slice(row);
            }
            let rows = y.par_chunks_mut(SIDE_OUT * C_OUT).enumerate();
            rows.for_each(|(p, y)| {
                token.run(ByStrips(ForwardRow { stem: self, padded: &padded[2 * p * PADDED_ROW..], y }))
            });
        });
    }

    /// `dy` `[n, 112, 112, 64]`, already through the stem's ReLU, to `dx` `[n, 224, 224, 3]`, overwritten.
    pub fn dgrad(&self, token: Token, dy: &[f32], dx: &mut [f32]) {
        dx.par_chunks_mut(SIDE * CHANNELS).enumerate().for_each(|(row, dx)| {
            let (image, h) = (row / SIDE, row % SIDE);
            token.run(ByStrips(DgradRow { stem: self, dy: &dy[image * OUTPUT_LEN..][..OUTPUT_LEN], h, dx }));
        });
    }
}

/// One output row; `padded` begins at the first image row under the filter.
struct ForwardRow<'a> {
    stem: &'a Stem,
    padded: &'a [f32],
    y: &'a mut [f32],
}

impl Strips for ForwardRow<'_> {
    #[inline(always)]
    fn strips<I: Isa, const M: usize>(self, isa: I) {
        for block in 0..BLOCKS {
            let panel = &self.stem.forward[block * KERNEL * ROW..][..KERNEL * ROW];
            let bias = &self.stem.bias[block * LANES..][..LANES];
            for q in (0..SIDE_OUT).step_by(M) {
                let mut sums = [[0f32; LANES]; M];
                for r in 0..KERNEL {
                    // Columns past the end repeat the last one and are not stored.
                    let rows = std::array::from_fn(|m| {
                        let q = (q + m).min(SIDE_OUT - 1);
                        &self.padded[r * PADDED_ROW + 2 * CHANNELS * q..][..ROW]
                    });
                    accumulate(isa, rows, &panel[r * ROW..][..ROW], &mut sums);
                }
                let y = self.y[q * C_OUT..].chunks_exact_mut(C_OUT);
                for (y, sums) in y.zip(&mut sums) {
                    for l in 0..LANES {
                        sums[l] += bias[l];
                    }
                    gates::relu_fwd(sums);
                    y[block * LANES..][..LANES].copy_from_slice(sums);
                }
            }
        }
    }
}

/// One image row of the gradient.
struct DgradRow<'a> {
    stem: &'a Stem,
    dy: &'a [f32],
    h: usize,
    dx: &'a mut [f32],
}

impl Strips for DgradRow<'_> {
    #[inline(always)]
    fn strips<I: Isa, const M: usize>(self, isa: I) {
        let panels = &self.stem.dgrad[self.h % 2];
        let depth = panels.len() / ROW_BLOCKS;
        // The last block of lanes reaches past the 21 numbers, hence the slack at the end.
        let mut padded = [0f32; PADDED_ROW + ROW_BLOCKS * LANES];
        for q in (0..SIDE_OUT).step_by(M) {
            for block in 0..ROW_BLOCKS {
                let panel = &panels[block * depth..][..depth];
                let mut sums = [[0f32; LANES]; M];
                for (r, panel) in meeting(self.h).zip(panel.chunks_exact(C_OUT)) {
                    // 2p + r = h + 3; rows above and below the map hold nothing.
                    let Some(p) = (self.h + PAD).checked_sub(r).map(|p| p / 2).filter(|&p| p < SIDE_OUT) else {
                        continue;
                    };
                    let rows = std::array::from_fn(|m| {
                        let q = (q + m).min(SIDE_OUT - 1);
                        &self.dy[(p * SIDE_OUT + q) * C_OUT..][..C_OUT]
                    });
                    accumulate(isa, rows, panel, &mut sums);
                }
                for m in 0..M.min(SIDE_OUT - q) {
                    let at = (q + m) * 2 * CHANNELS + block * LANES;
                    for (dx, &t) in padded[at..at + LANES].iter_mut().zip(&sums[m]) {
                        *dx += t;
                    }
                }
            }
        }
        self.dx.copy_from_slice(&padded[PAD * CHANNELS..][..SIDE * CHANNELS]);
    }
}
