//! Gate bits: all that the backward pass needs to know of a ReLU's output.

use backlit_net::Rule;
use rayon::prelude::*;

use crate::lanes::{GateWord, LANES};

/// Applies ReLU and returns which lanes passed.
#[inline(always)]
pub(crate) fn relu_fwd(v: &mut [f32; LANES]) -> GateWord {
    let mut word = 0;
    for l in 0..LANES {
        word |= GateWord::from(v[l] > 0.0) << l;
    }
    for v in v {
        // Not `max`, which would turn a NaN into a zero and hide it.
        *v = if *v < 0.0 { 0.0 } else { *v };
    }
    word
}

/// Sends sixteen gradients back through ReLUs whose outputs left `word`.
#[inline(always)]
pub(crate) fn relu_dgrad(rule: Rule, word: GateWord, d: &mut [f32; LANES]) {
    if rule != Rule::Plain {
        for d in d.iter_mut() {
            *d = if *d > 0.0 { *d } else { 0.0 };
        }
    }
    if rule != Rule::Rectified {
        let word = u32::from(word);
        for l in 0..LANES {
            // All ones where the gate is open: a mask instead of a branch for every lane.
            let open = 0u32.wrapping_sub((word >> l) & 1);
            d[l] = f32::from_bits(d[l].to_bits() & open);
        }
    }
}

/// Sends a whole map back through its ReLUs, where that could not be done while the gradients were made.
pub(crate) fn relu_dgrad_all(rule: Rule, words: &[GateWord], d: &mut [f32]) {
    const WORDS: usize = 4096;
    d.par_chunks_mut(WORDS * LANES).zip(words.par_chunks(WORDS)).for_each(|(d, words)| {
        for (d, &word) in d.as_chunks_mut::<LANES>().0.iter_mut().zip(words) {
            relu_dgrad(rule, word, d);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_does_not_pass_forward_or_back() {
        let mut v: [f32; LANES] = std::array::from_fn(|l| l as f32 - 8.0);
        let word = relu_fwd(&mut v);
        assert_eq!(word, 0b1111_1110_0000_0000);
        assert_eq!(v[8..11], [0.0, 1.0, 2.0]);
    }

    #[test]
    fn the_three_rules() {
        let d = [-1.0f32, 2.0, -3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let apply = |rule| {
            let mut d = d;
            relu_dgrad(rule, 0b0011, &mut d);
            [d[0], d[1], d[2], d[3]]
        };
        assert_eq!(apply(Rule::Plain), [-1.0, 2.0, 0.0, 0.0]);
        assert_eq!(apply(Rule::Guided), [0.0, 2.0, 0.0, 0.0]);
        assert_eq!(apply(Rule::Rectified), [0.0, 2.0, 0.0, 4.0]);
    }
}
