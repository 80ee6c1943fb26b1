//! What happens to the sums of 32 channels of a pixel before they are written: bias, residual, ReLU or a rule with
//! its gate bits, and rounding to bfloat16 parts.
//!
//! All of it in float32, on the sums as the tiles leave them, so a gate is decided before anything is rounded.

use backlit_net::Rule;

use super::Line;
use super::bf16::split;
use super::map::{CHANNELS, Map, NONE};

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
    pub(crate) fn apply(&self, mut sums: [f32; CHANNELS], at: At, out: &mut Out<'_>) {
        if let Some(bias) = self.bias {
            let bias = &bias[at.block];
            for l in 0..CHANNELS {
                sums[l] += bias[l];
            }
        }
        match self.residual {
            Residual::None => {}
            Residual::Parts(map, places) => {
                let place = places[at.pixel];
                if place != NONE {
                    let first = at.block * map.block_stride() + map.layout.lead() + at.image * map.layout.positions();
                    let residual = map.value(first + place as usize);
                    for l in 0..CHANNELS {
                        sums[l] += residual[l];
                    }
                }
            }
            Residual::Floats { values, pixels, places } => {
                let place = places[at.pixel];
                if place != NONE {
                    let first = (at.flat - at.pixel) / out.pixels * pixels;
                    let residual = &values[(first + place as usize) * CHANNELS..][..CHANNELS];
                    for l in 0..CHANNELS {
                        sums[l] += residual[l];
                    }
                }
            }
        }
        match self.gate {
            Gate::None => {}
            Gate::Relu => {
                out.words[at.flat - out.first_pixel] = relu(&mut sums);
            }
            Gate::Rule(rule, words) => apply_rule(rule, words[at.flat], &mut sums),
        }
        if !out.floats.is_empty() {
            out.floats[(at.flat - out.first_pixel) * CHANNELS..][..CHANNELS].copy_from_slice(&sums);
        }
        let line = at.line - out.first_line;
        let [a, b, c] = &mut out.parts;
        if !c.is_empty() {
            let parts = split_all::<3>(&sums);
            (a[line], b[line], c[line]) = (parts[0], parts[1], parts[2]);
        } else if !b.is_empty() {
            let parts = split_all::<2>(&sums);
            (a[line], b[line]) = (parts[0], parts[1]);
        } else if !a.is_empty() {
            a[line] = split_all::<1>(&sums)[0];
        }
    }
}

/// Splits 32 numbers, lane by lane.
#[inline(always)]
pub(crate) fn split_all<const P: usize>(values: &[f32; CHANNELS]) -> [Line; P] {
    let mut lines = [Line::ZERO; P];
    for l in 0..CHANNELS {
        let parts = split::<P>(values[l]);
        for p in 0..P {
            lines[p].0[l] = parts[p];
        }
    }
    lines
}

/// ReLU; returns which lanes passed.
#[inline(always)]
fn relu(v: &mut [f32; CHANNELS]) -> Word {
    let mut word = 0;
    for l in 0..CHANNELS {
        word |= Word::from(v[l] > 0.0) << l;
    }
    for v in v {
        // Not `max`, which would turn a NaN into a zero and hide it.
        *v = if *v < 0.0 { 0.0 } else { *v };
    }
    word
}

/// Sends gradients back through ReLUs whose outputs left `word`.
#[inline(always)]
pub(crate) fn apply_rule(rule: Rule, word: Word, d: &mut [f32; CHANNELS]) {
    if rule != Rule::Plain {
        for d in d.iter_mut() {
            *d = if *d > 0.0 { *d } else { 0.0 };
        }
    }
    if rule != Rule::Rectified {
        for l in 0..CHANNELS {
            // All ones where the gate is open: a mask instead of a branch for every lane.
            let open = 0u32.wrapping_sub(word >> l & 1);
            d[l] = f32::from_bits(d[l].to_bits() & open);
        }
    }
}
