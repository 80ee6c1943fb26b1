//! Expected gradients.

use backlit_net::IMAGE_LEN;
use backlit_net::random::{Purpose, Random};
use rayon::prelude::*;
use serde::Serialize;

use super::copies::{Products, check_count, completeness, gradients, map_of, scores};
use super::{Baseline, BaselineError};
use crate::explain::{Attribute, Context};
use crate::{Attribution, Method, MethodError, Subject};

/// `E[(x - x') * dS(x' + a (x - x'))/dx]` over baselines x' and a uniform in 0..1
/// (Erion et al. 2019, arXiv:1906.10670).
///
/// Every sample draws a baseline and a, by the seed and the picture. What the attribution should add up to is the
/// score of the picture less the mean score of the baselines as they were drawn, for which each baseline goes forward
/// once; the residual then says how far the draws of a are from the integral over a.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExpectedGradients {
    /// Samples of baseline and a.
    pub samples: usize,
    /// The baselines drawn from, uniformly.
    pub baselines: Vec<Baseline>,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for ExpectedGradients {
    /// 100 samples over black, white, mean and blurred baselines; a folder of photographs is the better choice.
    fn default() -> Self {
        let baselines = vec![Baseline::Black, Baseline::White, Baseline::Mean, Baseline::Blur { sigma: 10.0 }];
        ExpectedGradients { samples: 100, baselines, seed: 0 }
    }
}

impl Attribute for ExpectedGradients {
    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        let method = Method::ExpectedGradients;
        check_count(method, "samples", self.samples, 1..=u32::MAX as usize)?;
        check_count(method, "number of baselines", self.baselines.len(), 1..=u32::MAX as usize)?;
        let (subject, run, batch) = (context.subject, context.run, context.run.batch());
        let made = make(&self.baselines, subject)?;
        let draws =
            Draws { random: Random::new(self.seed, subject.key(), Purpose::Choice), among: self.baselines.len() };
        let mut drawn = vec![0usize; self.baselines.len()];
        (0..self.samples).for_each(|sample| drawn[draws.baseline(sample)] += 1);
        let distinct: Vec<usize> = (0..drawn.len()).filter(|&b| drawn[b] > 0).collect();
        let total = distinct.len() + self.samples;

        let mut base = vec![0f64; context.objectives.len()];
        for (i, some) in distinct.chunks(batch).enumerate() {
            for (b, found) in some.iter().zip(scores(context, &several(&made, some, subject))?) {
                let share = drawn[*b] as f64 / self.samples as f64;
                base.iter_mut().zip(found).for_each(|(sum, score)| *sum += share * score);
            }
            run.step(i * batch + some.len(), total)?;
        }

        let mut sums = Products::new(context.objectives.len());
        for first in (0..self.samples).step_by(batch) {
            let samples: Vec<usize> = (first..self.samples.min(first + batch)).collect();
            let numbers: Vec<usize> = samples.iter().map(|&s| draws.baseline(s)).collect();
            let from = several(&made, &numbers, subject);
            let mut copies = vec![0f32; from.len()];
            let each = copies.par_chunks_mut(IMAGE_LEN).zip(from.par_chunks(IMAGE_LEN)).zip(&samples);
            each.for_each(|((copy, from), &sample)| {
                let a = draws.place(sample);
                for ((out, &x), &b) in copy.iter_mut().zip(subject.tensor).zip(from) {
                    *out = (f64::from(b) + a * (f64::from(x) - f64::from(b))) as f32;
                }
            });
            let found = gradients(context, &copies)?;
            sums.add(&found, |copy, i| f64::from(subject.tensor[i]) - f64::from(from[copy * IMAGE_LEN + i]));
            run.step(distinct.len() + first + samples.len(), total)?;
        }
        let one = |(k, values): (usize, Vec<f32>)| {
            let completeness = Some(completeness(context, k, base[k], &values));
            Attribution { completeness, samples: self.samples, ..Attribution::of(map_of(values)) }
        };
        Ok(sums.finish(1.0 / self.samples as f64).into_iter().enumerate().map(one).collect())
    }
}

/// What each sample draws.
struct Draws {
    random: Random,
    among: usize,
}

impl Draws {
    /// Which baseline.
    fn baseline(&self, sample: usize) -> usize {
        let bits = u64::from(self.random.bits(sample as u32, 0));
        (bits * self.among as u64 >> 32) as usize
    }

    /// a, the place on the path.
    fn place(&self, sample: usize) -> f64 {
        self.random.uniform(sample as u32, 1)
    }
}

/// A baseline, ready to be copied. Pictures, of which there may be many, are kept as bytes until they are needed.
enum Made<'a> {
    Tensor(Vec<f32>),
    Picture(&'a [u8]),
}

fn make<'a>(baselines: &'a [Baseline], subject: Subject<'_>) -> Result<Vec<Made<'a>>, BaselineError> {
    let one = |b: &'a Baseline| match b {
        Baseline::Picture { rgb, .. } if rgb.len() == IMAGE_LEN => Ok(Made::Picture(rgb)),
        b => b.tensor(subject).map(Made::Tensor),
    };
    baselines.iter().map(one).collect()
}

/// `[n, 224, 224, 3]`: baselines by number.
fn several(made: &[Made<'_>], numbers: &[usize], subject: Subject<'_>) -> Vec<f32> {
    let mut all = vec![0f32; numbers.len() * IMAGE_LEN];
    all.par_chunks_mut(IMAGE_LEN).zip(numbers).for_each(|(out, &n)| match &made[n] {
        Made::Tensor(tensor) => out.copy_from_slice(tensor),
        Made::Picture(rgb) => subject.preprocessing.apply(rgb, out),
    });
    all
}

#[cfg(test)]
mod tests;
