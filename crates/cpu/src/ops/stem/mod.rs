//! The 7x7 stride-2 convolution that reads the image, with the max-pool behind it, and the gradient of both.
//!
//! - `rows`: one row of the convolution, the unit of all that follows.
//! - `forward`: rows go into the pool as they are made; the 112x112x64 map is never written. `tiles::stem`, which makes
//!   them in another way, shares all that comes after.
//! - `dgrad`: rows of the map's gradient come out of the pool's gradient and are spread over the image.
//!
//! Shapes: images `[n, 224, 224, 3]`, map `[n, 112, 112, 64]`, pooled `[n, 56, 56, 64]`.

mod dgrad;
mod forward;
mod rows;

use backlit_net::arch::Conv;
use backlit_net::weights::FoldedConv;
use backlit_net::{CHANNELS, SIDE};

use crate::isa::Token;
use crate::lanes::{LANES, Lanes};
pub(crate) use forward::{PoolTask, pool_images};
pub(crate) use rows::{MapRow, MapRows};

pub(crate) const KERNEL: usize = 7;
pub(crate) const PAD: usize = 3;
/// Floats of an image row.
pub(crate) const IMAGE_ROW: usize = SIDE * CHANNELS;
/// Rows and columns of the map.
pub(crate) const SIDE_OUT: usize = 112;
/// Channels of the map.
pub(crate) const C_OUT: usize = 64;
/// Floats of one image's map.
pub(crate) const OUTPUT_LEN: usize = SIDE_OUT * SIDE_OUT * C_OUT;
/// Panels of channels.
const BLOCKS: usize = C_OUT / LANES;

/// Packed weights of the stem.
pub struct Stem {
    bias: Vec<f32>,
    /// `[groups of panels][147][panels side by side]`, the 147 in the order in which [`rows::Window`] holds the image.
    forward: Vec<Lanes>,
    /// `[64 channels][7 filter rows]`.
    dgrad: Box<[[dgrad::FilterRow; KERNEL]; C_OUT]>,
}

impl Stem {
    /// Packs both passes for an instruction set.
    ///
    /// # Panics
    /// If `conv` is not the stem of the table.
    pub fn new(token: Token, conv: &Conv, folded: &FoldedConv) -> Stem {
        assert_eq!((conv.kernel, conv.pad, conv.stride, conv.c_out), (KERNEL, PAD, 2, C_OUT));
        let weight = |r: usize, s: usize, c: usize, k: usize| {
            folded.weight[((r * KERNEL + s) * CHANNELS + c) * C_OUT + k] as f32
        };
        let mut forward = Vec::new();
        for first in (0..C_OUT).step_by(token.panels() * LANES) {
            for (r, s, c) in rows::window_order() {
                for panel in 0..token.panels() {
                    let k = first + panel * LANES;
                    forward.push(Lanes(std::array::from_fn(|l| weight(r, s, c, k + l))));
                }
            }
        }
        Stem {
            bias: folded.bias.iter().map(|&b| b as f32).collect(),
            forward,
            dgrad: Box::new(std::array::from_fn(|k| {
                std::array::from_fn(|r| dgrad::filter_row(|s, c| weight(r, s, c, k)))
            })),
        }
    }

    /// `[64]`.
    pub(crate) fn bias(&self) -> &[f32] {
        &self.bias
    }
}

/// How many of an image's `rows` a task takes: all of them, or the largest part of `parts` that keeps all threads busy.
///
/// Neighbouring parts both compute what lies at their edge, so a part should be no smaller than it must. What is
/// computed does not depend on it.
fn rows_per_task(n: usize, rows: usize, parts: &[usize]) -> usize {
    let threads = rayon::current_num_threads();
    // Two tasks a thread: one thread that is held up does not hold up the others for long.
    let enough = if threads == 1 { 1 } else { 2 * threads };
    let part = parts.iter().copied().find(|part| n * part >= enough);
    rows / part.or(parts.last().copied()).unwrap_or(1)
}
