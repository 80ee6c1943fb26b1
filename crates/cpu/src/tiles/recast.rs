//! Between the layouts of the tiles and those of everybody else.

use backlit_net::Rule;
use rayon::prelude::*;

use super::finish::{HALVES, Word};
use super::layout::Layout;
use super::map::{CHANNELS, Map};
use super::{Line, parts};
use crate::isa::{Isa, Job, Token};
use crate::lanes::{GateWord, LANES};

/// `[block of 32 channels][n][pixel][32]` to `[n, pixel, channels]`.
pub(crate) fn to_nhwc(floats: &[f32], n: usize, channels: usize, nhwc: &mut [f32]) {
    let pixels = nhwc.len() / channels;
    debug_assert!(pixels.is_multiple_of(n));
    let piece = pixels.div_ceil(16) * channels;
    nhwc.par_chunks_mut(piece).enumerate().for_each(|(i, nhwc)| {
        for (pixel, nhwc) in nhwc.chunks_exact_mut(channels).enumerate() {
            for (block, nhwc) in nhwc.chunks_exact_mut(CHANNELS).enumerate() {
                let at = block * pixels + i * piece / channels + pixel;
                nhwc.copy_from_slice(&floats[at * CHANNELS..][..CHANNELS]);
            }
        }
    });
}

/// The other way.
pub(crate) fn from_nhwc(nhwc: &[f32], n: usize, channels: usize, floats: &mut [f32]) {
    let pixels = nhwc.len() / channels;
    debug_assert!(pixels.is_multiple_of(n));
    floats.par_chunks_mut(pixels * CHANNELS).enumerate().for_each(|(block, floats)| {
        for (floats, nhwc) in floats.chunks_exact_mut(CHANNELS).zip(nhwc.chunks_exact(channels)) {
            floats.copy_from_slice(&nhwc[block * CHANNELS..][..CHANNELS]);
        }
    });
}

/// Gate words of the float32 engine, `[n, pixel, channels / 16]`, to `[block of 32 channels][n][pixel]`.
pub(crate) fn words_from_nhwc(from: &[GateWord], blocks: usize, words: &mut [Word]) {
    let pixels = words.len() / blocks;
    words.par_chunks_mut(pixels).enumerate().for_each(|(block, words)| {
        for (word, from) in words.iter_mut().zip(from.chunks_exact(2 * blocks)) {
            *word = Word::from(from[2 * block]) | Word::from(from[2 * block + 1]) << 16;
        }
    });
}

/// Sends a whole map back through its ReLUs, where that could not be done while its gradients were made.
pub(crate) fn gate_map(token: Token, rule: Rule, words: &[Word], d: &mut Map<'_>) {
    let (layout, n, places) = (d.layout, d.n, &d.layout.places());
    assert_eq!(words.len(), d.blocks * n * places.len(), "gate words of a map");
    let words = words.par_chunks(n * places.len());
    d.blocks_mut().into_par_iter().zip(words).for_each(|(d, words)| {
        token.run(GateBlock { rule, words, layout, places, d });
    });
}

/// 32 channels of all images.
struct GateBlock<'a> {
    rule: Rule,
    /// `[n][pixel]`.
    words: &'a [Word],
    layout: Layout,
    /// The position of every pixel.
    places: &'a [u32],
    /// Lines of every part.
    d: Vec<&'a mut [Line]>,
}

impl Job for GateBlock<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) {
        for (image, words) in self.words.chunks_exact(self.places.len()).enumerate() {
            let first = self.layout.lead() + image * self.layout.positions();
            for (&word, &place) in words.iter().zip(self.places) {
                let at = first + place as usize;
                for half in 0..HALVES {
                    for part in 0..LANES / I::WIDTH {
                        let d = parts::load(isa, &self.d, at, half, part);
                        let d = isa.gated(self.rule, (word >> (half * LANES + part * I::WIDTH)) as GateWord, d);
                        // What was the sum of parts is so again; a zero is zero in all of them.
                        parts::store(isa, d, &mut self.d, at, half, part);
                    }
                }
            }
        }
    }
}
