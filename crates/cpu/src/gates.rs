//! Gate bits: all that the backward pass needs to know of a ReLU's output.

use backlit_net::Rule;
use rayon::prelude::*;

use crate::isa::{Isa, Portable};
use crate::lanes::{GateWord, LANES};

/// Sends a whole map back through its ReLUs, where that could not be done while the gradients were made.
pub(crate) fn relu_dgrad_all(rule: Rule, words: &[GateWord], d: &mut [f32]) {
    const WORDS: usize = 4096;
    d.par_chunks_mut(WORDS * LANES).zip(words.par_chunks(WORDS)).for_each(|(d, words)| {
        for (d, &word) in d.as_chunks_mut::<LANES>().0.iter_mut().zip(words) {
            Portable.relu_dgrad(rule, word, d);
        }
    });
}
