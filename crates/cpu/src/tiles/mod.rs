//! The network in bfloat16 tiles: precisions `mixed` and `half`.
//!
//! A number of bfloat16 has the exponent of a float32 and eight bits of its mantissa. AMX multiplies sixteen rows of 32
//! of them with 32 columns of sixteen in sixteen cycles: fifteen times the multiplications of an AVX-512 core, at a
//! 65,000th of the precision. What can be bought back: a float32 is the sum of three bfloat16 numbers, nearly that of
//! two, and so a product is the sum of a few products of bfloat16 numbers, all added up in float32 by the same
//! instruction. The gradient of this network is as good as its gates, and these are decided in the forward pass. So
//! `mixed` pays there and saves on the way back.
//!
//! In the order in which the files read best:
//!
//! - [`Tiles`]: eight tile registers and what can be done with them; `isa::amx` by instructions, [`model`] by software.
//! - [`bf16`](crate::bf16), [`parts`]: rounding, and splitting into parts; [`scheme`]: which products of parts are
//!   worth their time.
//! - [`layout`], [`map`]: activations and gradients, 32 channels a line; [`panels`]: weights.
//! - [`op`]: which pixels meet which weights; [`conv`]: every convolution, forward and back, as a product of matrices
//!   without a copy, and [`finish`], its epilogue; [`stem`]: the first of them, which reads an image.
//! - [`block`]: the convolutions of a block in both passes, and which pixels they need; [`plan`]: the network.

mod backward;
pub(crate) mod block;
pub(crate) mod conv;
pub(crate) mod finish;
mod forward;
pub(crate) mod layout;
pub(crate) mod map;
pub(crate) mod model;
pub(crate) mod op;
pub(crate) mod panels;
pub(crate) mod parts;
pub(crate) mod plan;
pub(crate) mod pool;
pub(crate) mod recast;
pub(crate) mod scheme;
pub(crate) mod stem;

use crate::lanes::LANES;

/// Rows of a tile.
pub(crate) const TILE_ROWS: usize = 16;

/// 32 channels of a pixel in bfloat16, or 16 columns of two consecutive rows of weights: a cache line, and a row of a
/// tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u16; 32]);

impl Line {
    /// All zero.
    pub(crate) const ZERO: Line = Line([0; 32]);

    /// Its first and its last sixteen channels.
    #[inline(always)]
    pub(crate) fn halves(&self) -> &[[u16; LANES]] {
        self.0.as_chunks().0
    }

    /// The same, to be written.
    #[inline(always)]
    pub(crate) fn halves_mut(&mut self) -> &mut [[u16; LANES]] {
        self.0.as_chunks_mut().0
    }
}

/// Sums of up to sixteen positions and 32 channels, two tiles: `[half of the channels][row][16]`.
pub(crate) type TileSums = [[[f32; LANES]; TILE_ROWS]; 2];

/// Eight tile registers, all in use: four hold sums, of two tiles of pixels by two tiles of weights.
///
/// ```text
/// sums[m][n][row][column] += sum over k < 32 of  pixels[m][row][k] * weights[n][k][column]        m, n < 2
/// ```
///
/// The order of summation is that of the instruction TDPBF16PS (Intel SDM volume 2): even k and odd k are summed apart
/// from zero on, in float32 with one rounding a product, then added to each other, and this to the sum. What is
/// subnormal counts as zero, before and after.
pub(crate) trait Tiles {
    /// Clears the sums.
    fn zero_sums(&mut self);
    /// Loads tile M of the pixels: as many lines as there are rows, one behind the other.
    ///
    /// # Panics
    /// If there are fewer.
    fn load_pixels<const M: usize>(&mut self, from: &[Line]);
    /// The same with rows that overlap: row i is the 32 numbers from `i * step` on.
    ///
    /// # Panics
    /// If there are fewer.
    fn load_windows<const M: usize>(&mut self, from: &[u16], step: usize);
    /// Loads tile N of the weights: line k of sixteen columns of rows 2k and 2k + 1 in turn.
    fn load_weights<const N: usize>(&mut self, from: &[Line; TILE_ROWS]);
    /// All four products.
    fn multiply(&mut self);
    /// Writes the sums to `[m][n][row][column]`; rows that there are none of are left alone.
    fn store_sums(&mut self, to: &mut [TileSums; 2]);
}

#[cfg(test)]
mod tests;
