//! Global average and the fully connected layer, forward and back.
//!
//! ```text
//! forward   average[c] = 1/49 * sum over pixels of x[pixel,c],   logits[k] = bias[k] + sum over c of average[c] * w[c][k]
//! backward  dx[pixel,c] = 1/49 * sum over k of seed[k] * w[c][k]
//! ```
//!
//! 4 MFLOP and 8 MB of weights each way: next to nothing beside the convolutions, so one thread does an image.

use backlit_net::weights::FoldedDense;
use backlit_net::{CLASSES, FEATURES, Rule};
use rayon::prelude::*;

use crate::gates;
use crate::isa::{Isa, Job, Token};
use crate::lanes::{GateWord, LANES};

/// Positions averaged.
const PIXELS: usize = 49;
/// Floats of one image's last block.
const INPUT_LEN: usize = PIXELS * FEATURES;

/// Weights of the head.
pub(crate) struct Head {
    /// `[2048][1000]`.
    weight: Vec<f32>,
    /// `[1000]`.
    bias: Vec<f32>,
}

impl Head {
    pub(crate) fn new(dense: &FoldedDense) -> Head {
        let cast = |v: &[f64]| v.iter().map(|&v| v as f32).collect();
        Head { weight: cast(&dense.weight), bias: cast(&dense.bias) }
    }

    /// Weight and bias.
    pub(crate) fn parts(&self) -> (&[f32], &[f32]) {
        (&self.weight, &self.bias)
    }

    /// `x` `[n, 7, 7, 2048]` to logits `[n, 1000]`, overwritten.
    pub(crate) fn forward(&self, token: Token, x: &[f32], logits: &mut [f32]) {
        logits.par_chunks_mut(CLASSES).zip(x.par_chunks(INPUT_LEN)).for_each(|(logits, x)| {
            logits.copy_from_slice(&self.bias);
            token.run(Forward { head: self, x, logits });
        });
    }

    /// One seed `[1000]` an image to `dx` `[n, 7, 7, 2048]`, through the last block's ReLU if there is a gate.
    pub(crate) fn dgrad(&self, token: Token, seeds: &[f32], gate: Option<(Rule, &[GateWord])>, dx: &mut [f32]) {
        dx.par_chunks_mut(INPUT_LEN).zip(seeds.par_chunks(CLASSES)).enumerate().for_each(|(i, (dx, seed))| {
            let words = INPUT_LEN / LANES;
            let gate = gate.map(|(rule, all)| (rule, &all[i * words..][..words]));
            token.run(Dgrad { head: self, seed, gate, dx });
        });
    }
}

struct Forward<'a> {
    head: &'a Head,
    x: &'a [f32],
    logits: &'a mut [f32],
}

impl Job for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let mut average = vec![0f32; FEATURES];
        for pixel in self.x.chunks_exact(FEATURES) {
            for (sum, &x) in average.iter_mut().zip(pixel) {
                *sum += x;
            }
        }
        for (sum, weights) in average.iter().zip(self.head.weight.chunks_exact(CLASSES)) {
            let average = sum / PIXELS as f32;
            for (logit, &w) in self.logits.iter_mut().zip(weights) {
                *logit = isa.mul_add(average, w, *logit);
            }
        }
    }
}

struct Dgrad<'a> {
    head: &'a Head,
    seed: &'a [f32],
    gate: Option<(Rule, &'a [GateWord])>,
    dx: &'a mut [f32],
}

impl Job for Dgrad<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let mut average = vec![0f32; FEATURES];
        for (d, weights) in average.iter_mut().zip(self.head.weight.chunks_exact(CLASSES)) {
            // 1000 = 62 * 16 + 8: sixteen partial sums, then what is left.
            let (weights, weights_rest) = weights.as_chunks::<LANES>();
            let (seed, seed_rest) = self.seed.as_chunks::<LANES>();
            let mut sums = [0f32; LANES];
            for (w, s) in weights.iter().zip(seed) {
                for l in 0..LANES {
                    sums[l] = isa.mul_add(w[l], s[l], sums[l]);
                }
            }
            let rest: f32 = weights_rest.iter().zip(seed_rest).map(|(&w, &s)| w * s).sum();
            *d = (sums.iter().sum::<f32>() + rest) / PIXELS as f32;
        }
        for (pixel, dx) in self.dx.chunks_exact_mut(FEATURES).enumerate() {
            dx.copy_from_slice(&average);
            if let Some((rule, words)) = self.gate {
                let words = &words[pixel * FEATURES / LANES..][..FEATURES / LANES];
                for (dx, &word) in dx.as_chunks_mut::<LANES>().0.iter_mut().zip(words) {
                    gates::relu_dgrad(rule, word, dx);
                }
            }
        }
    }
}
