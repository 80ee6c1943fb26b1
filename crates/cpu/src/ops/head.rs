//! Global average and the fully connected layer, forward and back.
//!
//! ```text
//! forward   average[c] = 1/49 * sum over pixels of x[pixel,c],   logits[k] = bias[k] + sum over c of average[c] * w[c,k]
//! backward  dx[pixel,c] = 1/49 * sum over k of seed[k] * w[c,k], through the gate of x
//! ```
//!
//! Shapes    x `[n, 7, 7, 2048]`, logits and seeds `[n, 1000]`
//! Work      2 M multiply-adds an image each way; 8 MB of weights, whatever n
//! Bound by  memory: the weights are read once, in the order in which they lie there
//!
//! Both ways are a row of numbers times a matrix. The matrix is cut into panels of 64 columns, each a run of memory
//! of its own and a task of its own, so that all threads work on one image and the images of a batch share what a
//! thread has read. Rows that meet a zero are not read: a seed that asks for one class costs one row of the 1000.

use backlit_net::weights::FoldedDense;
use backlit_net::{CLASSES, FEATURES, Rule};
use rayon::prelude::*;

use crate::isa::{Isa, Job, Token};
use crate::lanes::{GateWord, LANES, Lanes};
use crate::ops::DEPTH;

/// Positions averaged.
const PIXELS: usize = 49;
/// Floats of one image's last block.
const INPUT_LEN: usize = PIXELS * FEATURES;
/// Columns of a panel: their sums fill half of sixteen registers of eight floats.
const WIDTH: usize = 64;

/// 64 columns of a matrix for one row.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Columns([f32; WIDTH]);

/// A matrix of `depth` rows by panels of 64 columns, the last filled up with zeros: `[panels][depth][64]`.
struct Matrix {
    depth: usize,
    panels: Vec<Columns>,
}

impl Matrix {
    fn new(depth: usize, width: usize, at: impl Fn(usize, usize) -> f32 + Sync) -> Matrix {
        let columns = |index: usize| {
            let (panel, row) = (index / depth, index % depth);
            let value = |column| if column < width { at(row, column) } else { 0.0 };
            Columns(std::array::from_fn(|j| value(panel * WIDTH + j)))
        };
        Matrix { depth, panels: (0..width.div_ceil(WIDTH) * depth).into_par_iter().map(columns).collect() }
    }

    /// `x` `[n, depth]` times the matrix, `[panels][n][64]`.
    fn times(&self, token: Token, x: &[f32]) -> Vec<[f32; WIDTH]> {
        let n = x.len() / self.depth;
        let mut out = vec![[0f32; WIDTH]; self.panels.len() / self.depth * n];
        let tasks = out.par_chunks_mut(n).zip(self.panels.par_chunks(self.depth));
        tasks.for_each(|(out, panel)| token.run(Times { x, panel, out }));
        out
    }
}

/// Rows times one panel.
struct Times<'a> {
    x: &'a [f32],
    panel: &'a [Columns],
    out: &'a mut [[f32; WIDTH]],
}

impl Job for Times<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        // One image after the other reads these rows while they are near.
        for (block, panel) in self.panel.chunks(DEPTH).enumerate() {
            for (out, x) in self.out.iter_mut().zip(self.x.chunks_exact(self.panel.len())) {
                let mut sums = [0f32; WIDTH];
                for (&x, columns) in x[block * DEPTH..].iter().zip(panel) {
                    if x != 0.0 {
                        for j in 0..WIDTH {
                            sums[j] = isa.mul_add(x, columns.0[j], sums[j]);
                        }
                    }
                }
                for j in 0..WIDTH {
                    out[j] += sums[j];
                }
            }
        }
    }
}

/// Weights of the head.
pub struct Head {
    /// `[2048]` rows of classes.
    forward: Matrix,
    /// `[1000]` rows of channels.
    dgrad: Matrix,
    /// `[1000]`.
    bias: Vec<f32>,
}

impl Head {
    /// Packs both passes.
    pub fn new(dense: &FoldedDense) -> Head {
        let weight = |c: usize, k: usize| dense.weight[c * CLASSES + k] as f32;
        Head {
            forward: Matrix::new(FEATURES, CLASSES, weight),
            dgrad: Matrix::new(CLASSES, FEATURES, |k, c| weight(c, k)),
            bias: dense.bias.iter().map(|&b| b as f32).collect(),
        }
    }

    /// Weight `[2048, 1000]` and bias.
    pub(crate) fn parts(&self) -> (Vec<f32>, &[f32]) {
        let row = |c: usize| (0..CLASSES).map(move |k| self.forward.panels[k / WIDTH * FEATURES + c].0[k % WIDTH]);
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
        let products = self.forward.times(token, &averages);
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
        let products = self.dgrad.times(token, seeds);
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
                    let mut lanes = Lanes(*dx);
                    isa.relu_dgrad(rule, word, &mut lanes);
                    *dx = lanes.0;
                }
            }
        }
    }
}
