//! What happens to the sums of 32 channels of a pixel before they are written: residual, bias, ReLU or a rule with
//! its gate bits, and rounding to bfloat16 parts.
//!
//! All of it in float32, on the sums as the tiles leave them, so a gate is decided before anything is rounded.

mod stages;

use backlit_net::Rule;

use super::TileSums;
use super::map::{CHANNELS, Map, PartsMut};
use crate::isa::Isa;
use crate::lanes::LANES;

use stages::Tile;

/// Gate bits of 32 channels of a pixel; all maps of them are `[block of 32 channels][n][pixel]`.
pub(crate) type Word = u32;

/// Halves of 32 channels, the unit of [`Isa`].
pub(crate) const HALVES: usize = CHANNELS / LANES;

/// Floats of 32 channels.
pub(crate) type Halves = [[f32; LANES]; HALVES];

/// Floats by blocks of 32.
pub(crate) fn halves(floats: &[f32]) -> Vec<Halves> {
    floats.as_chunks().0.as_chunks().0.to_vec()
}

/// What is added to the sums and what they go through.
#[derive(Clone, Copy)]
pub(crate) struct Finish<'a> {
    /// `[block of 32 channels]`.
    pub(crate) bias: Option<&'a [Halves]>,
    pub(crate) residual: Residual<'a>,
    pub(crate) gate: Gate<'a>,
}

/// What is added to the sums.
#[derive(Clone, Copy)]
pub(crate) enum Residual<'a> {
    None,
    /// The sum of the parts of a map, at the position that the table has for the pixel, if any.
    Parts(&'a Map<'a>, &'a [u32]),
    /// Floats.
    Floats {
        /// `[block of 32 channels][n][pixel][32]`.
        values: &'a [f32],
        /// Pixels of an image of them.
        pixels: usize,
        /// For every pixel written, the pixel of these, if any.
        places: &'a [u32],
    },
}

/// The last step.
#[derive(Clone, Copy)]
pub(crate) enum Gate<'a> {
    None,
    /// Forward; takes a bias.
    Relu,
    /// Backward, with what the forward pass left.
    Rule(Rule, &'a [Word]),
}

/// Where the results go, of a run of blocks of channels, or of images of one block, or of pixels of one image.
pub(crate) struct Out<'a> {
    /// The parts of a map; as many as are not empty.
    pub(crate) parts: PartsMut<'a>,
    /// `[..][pixel][32]`, or empty.
    pub(crate) floats: &'a mut [f32],
    /// `[..][pixel]`, or empty; only after a ReLU.
    pub(crate) words: &'a mut [Word],
    /// The first line of `parts`, counted over the map.
    pub(crate) first_line: usize,
    /// The first pixel of `floats` and `words`, counted over all blocks and images.
    pub(crate) first_pixel: usize,
    /// Pixels of an image.
    pub(crate) pixels: usize,
}

impl<'a> Out<'a> {
    /// Cut in two at a line and a pixel.
    pub(crate) fn split(self, line: usize, pixel: usize) -> (Out<'a>, Out<'a>) {
        let (lines, pixels) = (line - self.first_line, pixel - self.first_pixel);
        let cut = |part: &'a mut [_]| part.split_at_mut(if part.is_empty() { 0 } else { lines });
        let [a, b, c] = self.parts.map(cut);
        let floats = if self.floats.is_empty() { 0 } else { pixels * CHANNELS };
        let floats = self.floats.split_at_mut(floats);
        let words = if self.words.is_empty() { 0 } else { pixels };
        let words = self.words.split_at_mut(words);
        let part = |parts, floats, words, (first_line, first_pixel)| Out {
            parts,
            floats,
            words,
            first_line,
            first_pixel,
            pixels: self.pixels,
        };
        let left = part([a.0, b.0, c.0], floats.0, words.0, (self.first_line, self.first_pixel));
        let right = part([a.1, b.1, c.1], floats.1, words.1, (line, pixel));
        (left, right)
    }
}

/// Which sums these are: of 32 channels of some pixels of an image.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    /// Block of 32 channels.
    pub(crate) block: usize,
    /// Image of the batch.
    pub(crate) image: usize,
    /// The image's first pixel, counted over all blocks and images.
    pub(crate) first_pixel: usize,
    /// Its first line, counted over the map.
    pub(crate) first_line: usize,
    /// For every pixel, how many lines further its own is.
    pub(crate) places: &'a [u32],
}

impl Finish<'_> {
    /// Finishes the sums of a tile, which are left in disorder, and writes those that belong to pixels: `pixels` has
    /// for every row [`NONE`](super::layout::NONE) or the pixel.
    #[inline(always)]
    pub(crate) fn rows<I: Isa>(&self, isa: I, sums: &mut TileSums, pixels: &[u32], at: At<'_>, out: &mut Out<'_>) {
        let mut tile = Tile { sums, pixels };
        match self.residual {
            Residual::None => {}
            Residual::Parts(map, places) => {
                let first = at.block * map.block_stride() + map.layout.lead() + at.image * map.layout.positions();
                match map.parts_from(first) {
                    [a, [], _] => tile.add_parts(isa, &[a], places),
                    [a, b, []] => tile.add_parts(isa, &[a, b], places),
                    [a, b, c] => tile.add_parts(isa, &[a, b, c], places),
                }
            }
            Residual::Floats { values, pixels, places } => {
                let first = at.first_pixel / out.pixels * pixels;
                tile.add_floats(isa, values[first * CHANNELS..].as_chunks().0, places);
            }
        }
        // What is written may begin behind the image's first pixel, so that only the sum with a pixel or its place is
        // sure not to be negative.
        let first_pixel = at.first_pixel.wrapping_sub(out.first_pixel);
        let first_line = at.first_line.wrapping_sub(out.first_line);
        let bias = self.bias.map(|bias| &bias[at.block]);
        if let Gate::Relu = self.gate {
            tile.relu(isa, bias.expect("a bias before a ReLU"), out.words, first_pixel);
        } else if let Some(bias) = bias {
            tile.add_bias(isa, bias);
        }
        if let Gate::Rule(rule, words) = self.gate {
            tile.relu_dgrad(isa, rule, &words[at.first_pixel..]);
        }
        if !out.floats.is_empty() {
            tile.store_floats(out.floats.as_chunks_mut().0.as_chunks_mut().0, first_pixel);
        }
        match &mut out.parts {
            [[], _, _] => {}
            [a, [], _] => tile.store_parts(isa, [a], at.places, first_line),
            [a, b, []] => tile.store_parts(isa, [a, b], at.places, first_line),
            [a, b, c] => tile.store_parts(isa, [a, b, c], at.places, first_line),
        }
    }
}
