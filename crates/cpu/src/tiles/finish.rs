//! What happens to the sums of 32 channels of a pixel before they are written: bias, residual, ReLU or a rule with
//! its gate bits, and rounding to bfloat16 parts.
//!
//! All of it in float32, on the sums as the tiles leave them, so a gate is decided before anything is rounded.

use backlit_net::Rule;

use super::Line;
use super::layout::NONE;
use super::map::{CHANNELS, Map};
use crate::isa::Isa;
use crate::lanes::{GateWord, LANES, Lanes};

/// Gate bits of 32 channels of a pixel; all maps of them are `[block of 32 channels][n][pixel]`.
pub(crate) type Word = u32;

/// What is added to the sums and what they go through.
#[derive(Clone, Copy)]
pub(crate) struct Finish<'a> {
    /// `[block of 32 channels]`.
    pub(crate) bias: Option<&'a [[f32; CHANNELS]]>,
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
    /// Forward.
    Relu,
    /// Backward, with what the forward pass left.
    Rule(Rule, &'a [Word]),
}

/// Where the results go, of a run of blocks of channels, or of images of one block, or of pixels of one image.
pub(crate) struct Out<'a> {
    /// The parts of a map; as many as are not empty.
    pub(crate) parts: [&'a mut [Line]; 3],
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
        let cut = |part: &'a mut [Line]| part.split_at_mut(if part.is_empty() { 0 } else { lines });
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

/// Which sums these are.
#[derive(Clone, Copy)]
pub(crate) struct At {
    /// Block of 32 channels.
    pub(crate) block: usize,
    /// Image of the batch.
    pub(crate) image: usize,
    /// Pixel of the image.
    pub(crate) pixel: usize,
    /// The pixel, counted over all blocks and images.
    pub(crate) flat: usize,
    /// Its line, counted over the map.
    pub(crate) line: usize,
}

impl Finish<'_> {
    /// Finishes 32 sums and writes them.
    #[inline(always)]
    pub(crate) fn apply<I: Isa>(&self, isa: I, mut sums: [Lanes; 2], at: At, out: &mut Out<'_>) {
        if let Some(bias) = self.bias {
            add(&mut sums, bias[at.block].as_chunks().0);
        }
        match self.residual {
            Residual::None => {}
            Residual::Parts(map, places) => {
                let place = places[at.pixel];
                if place != NONE {
                    let first = at.block * map.block_stride() + map.layout.lead() + at.image * map.layout.positions();
                    add(&mut sums, &map.value(first + place as usize).map(|half| half.0));
                }
            }
            Residual::Floats { values, pixels, places } => {
                let place = places[at.pixel];
                if place != NONE {
                    let first = (at.flat - at.pixel) / out.pixels * pixels;
                    let at = (first + place as usize) * CHANNELS;
                    add(&mut sums, values[at..][..CHANNELS].as_chunks().0);
                }
            }
        }
        match self.gate {
            Gate::None => {}
            Gate::Relu => {
                let [low, high] = sums.each_mut().map(|half| Word::from(isa.relu(half)));
                out.words[at.flat - out.first_pixel] = low | high << LANES;
            }
            Gate::Rule(rule, words) => {
                let word = words[at.flat];
                isa.relu_dgrad(rule, word as GateWord, &mut sums[0]);
                isa.relu_dgrad(rule, (word >> LANES) as GateWord, &mut sums[1]);
            }
        }
        if !out.floats.is_empty() {
            let floats = &mut out.floats[(at.flat - out.first_pixel) * CHANNELS..][..CHANNELS];
            floats[..LANES].copy_from_slice(&sums[0].0);
            floats[LANES..].copy_from_slice(&sums[1].0);
        }
        let line = at.line - out.first_line;
        let [a, b, c] = &mut out.parts;
        if !c.is_empty() {
            let parts = split_all::<I, 3>(isa, &sums);
            (a[line], b[line], c[line]) = (parts[0], parts[1], parts[2]);
        } else if !b.is_empty() {
            let parts = split_all::<I, 2>(isa, &sums);
            (a[line], b[line]) = (parts[0], parts[1]);
        } else if !a.is_empty() {
            a[line] = split_all::<I, 1>(isa, &sums)[0];
        }
    }
}

/// Splits 32 numbers, lane by lane.
#[inline(always)]
pub(crate) fn split_all<I: Isa, const P: usize>(isa: I, values: &[Lanes; 2]) -> [Line; P] {
    let mut rest = *values;
    std::array::from_fn(|_| {
        let mut line = Line::ZERO;
        for (part, rest) in line.0.as_chunks_mut::<LANES>().0.iter_mut().zip(&mut rest) {
            *part = isa.take_bf16(rest);
        }
        line
    })
}

#[inline(always)]
fn add(sums: &mut [Lanes; 2], values: &[[f32; LANES]]) {
    for (sums, values) in sums.iter_mut().zip(values) {
        for l in 0..LANES {
            sums.0[l] += values[l];
        }
    }
}
