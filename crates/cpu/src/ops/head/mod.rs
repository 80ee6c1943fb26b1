//! Global average and the fully connected layer, forward and back.
//!
//! ```text
//! forward   average[c] = 1/49 * sum over pixels of x[pixel,c],   logits[k] = bias[k] + sum over c of average[c] * w[c,k]
//! backward  dx[pixel,c] = 1/49 * sum over k of seed[k] * w[c,k], through the gate of x
//! ```
//!
//! Shapes    x `[n, 7, 7, 2048]`, logits and seeds `[n, 1000]`
//! Work      2 M multiply-adds an image each way; 8 MB of weights, whatever n
//! Bound by  memory: the weights are read once, forward in the order in which they lie there. A seed that asks for one
//!           class reads 131 KB of them
//!
//! Both ways use one copy of the weights, cut into panels of 64 classes, `[panels][2048][64]`. Forward is a row of
//! numbers times the matrix; a task is a panel. Backward is a row times the transposed matrix; a task is 64 channels of
//! all panels, and sums run in 16 lanes, by class, which are added at the end. So all threads work on one image, and
//! the images of a batch share what a thread has read. Forward, weights that meet a zero are not read; backward, those
//! that meet sixteen in a line are not.

mod matrix;

use backlit_net::weights::FoldedDense;
use backlit_net::{CLASSES, FEATURES, Rule};
use rayon::prelude::*;

use crate::isa::{Isa, Job, Token};
use crate::lanes::{GateWord, LANES};
use matrix::{Matrix, WIDTH};

/// Positions averaged.
const PIXELS: usize = 49;
/// Floats of one image's last block.
const INPUT_LEN: usize = PIXELS * FEATURES;

/// Weights of the head.
pub struct Head {
    /// `[2048]` rows of classes, for both passes.
    weight: Matrix,
    /// `[1000]`.
    bias: Vec<f32>,
}

impl Head {
    /// Packs the weights.
    pub fn new(dense: &FoldedDense) -> Head {
        let weight = |c: usize, k: usize| dense.weight[c * CLASSES + k] as f32;
        Head { weight: Matrix::new(FEATURES, CLASSES, weight), bias: dense.bias.iter().map(|&b| b as f32).collect() }
    }

    /// Weight `[2048, 1000]` and bias.
    pub(crate) fn parts(&self) -> (Vec<f32>, &[f32]) {
        let row = |c: usize| (0..CLASSES).map(move |k| self.weight.at(c, k));
        ((0..FEATURES).flat_map(row).collect(), &self.bias)
    }

    /// `x` `[n, 7, 7, 2048]` to `logits` `[n, 1000]`, overwritten.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub fn forward(&self, token: Token, x: &[f32], logits: &mut [f32]) {
        const PART: usize = 256;
        let n = x.len() / INPUT_LEN;
        assert_eq!((x.len(), logits.len()), (n * INPUT_LEN, n * CLASSES), "maps of 7x7x2048, and logits for each");
        let mut averages = vec![0f32; n * FEATURES];
        averages.par_chunks_mut(PART).enumerate().for_each(|(part, out)| {
            let (image, first) = (part * PART / FEATURES, part * PART % FEATURES);
            token.run(Average { x: &x[image * INPUT_LEN..][..INPUT_LEN], first, out });
        });
        let products = self.weight.times(token, &averages);
        for (image, logits) in logits.chunks_exact_mut(CLASSES).enumerate() {
            for (k, logit) in logits.iter_mut().enumerate() {
                *logit = products[k / WIDTH * n + image][k % WIDTH] + self.bias[k];
            }
        }
    }

    /// One seed `[1000]` an image to `dx` `[n, 7, 7, 2048]`, through the last block's ReLU if there is a gate.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub fn dgrad(&self, token: Token, seeds: &[f32], gate: Option<(Rule, &[u16])>, dx: &mut [f32]) {
        const PART: usize = 7;
        let n = seeds.len() / CLASSES;
        assert_eq!((seeds.len(), dx.len()), (n * CLASSES, n * INPUT_LEN), "seeds, and a map of 7x7x2048 for each");
        if let Some((_, words)) = gate {
            assert_eq!(words.len(), dx.len() / LANES, "gate bits of the maps written");
        }
        let products = self.weight.transposed_times(token, seeds);
        dx.par_chunks_mut(PART * FEATURES).enumerate().for_each(|(part, dx)| {
            let gate = gate.map(|(rule, words)| (rule, &words[part * PART * FEATURES / LANES..]));
            let average = products[part * PART / PIXELS..].iter().step_by(n);
            token.run(Spread { average, gate, dx });
        });
    }
}

/// Some channels of one image's average.
struct Average<'a> {
    x: &'a [f32],
    first: usize,
    out: &'a mut [f32],
}

impl Job for Average<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        for pixel in self.x.chunks_exact(FEATURES) {
            for (sum, &x) in self.out.iter_mut().zip(&pixel[self.first..]) {
                *sum += x;
            }
        }
        for sum in self.out {
            *sum /= PIXELS as f32;
        }
    }
}

/// Some pixels of one image's gradient; `average` walks the panels of what all of them get.
struct Spread<'a, A> {
    average: A,
    gate: Option<(Rule, &'a [GateWord])>,
    dx: &'a mut [f32],
}

impl<'a, A: Iterator<Item = &'a [f32; WIDTH]>> Job for Spread<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let mut average = [0f32; FEATURES];
        for (out, sums) in average.as_chunks_mut::<WIDTH>().0.iter_mut().zip(self.average) {
            *out = sums.map(|sum| sum / PIXELS as f32);
        }
        for (pixel, dx) in self.dx.chunks_exact_mut(FEATURES).enumerate() {
            dx.copy_from_slice(&average);
            if let Some((rule, words)) = self.gate {
                let words = &words[pixel * FEATURES / LANES..];
                for (dx, &word) in dx.as_chunks_mut::<LANES>().0.iter_mut().zip(words) {
                    isa.relu_dgrad(rule, word, dx);
                }
            }
        }
    }
}
