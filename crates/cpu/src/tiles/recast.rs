//! Between the layouts of the tiles and those of everybody else.

use backlit_net::Rule;
use rayon::prelude::*;

use super::finish::{Word, split_all};
use super::map::{CHANNELS, Map};
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
    token.run(GateMap { rule, words, d });
}

struct GateMap<'a, 'b> {
    rule: Rule,
    words: &'a [Word],
    d: &'a mut Map<'b>,
}

impl Job for GateMap<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let GateMap { rule, words, d } = self;
        let (layout, n, count, stride) = (d.layout, d.n, d.parts(), d.block_stride());
        let places = layout.places();
        for block in 0..d.blocks {
            for image in 0..n {
                let first = block * stride + layout.lead() + image * layout.positions();
                let words = &words[(block * n + image) * places.len()..][..places.len()];
                for (&word, &place) in words.iter().zip(&places) {
                    let at = first + place as usize;
                    let mut values = d.value(at);
                    isa.relu_dgrad(rule, word as GateWord, &mut values[0]);
                    isa.relu_dgrad(rule, (word >> LANES) as GateWord, &mut values[1]);
                    // What was the sum of parts is so again; a zero is zero in all of them.
                    let lines = split_all::<I, 3>(isa, &values);
                    d.parts_mut().into_iter().zip(lines).take(count).for_each(|(part, line)| part[at] = line);
                }
            }
        }
    }
}
