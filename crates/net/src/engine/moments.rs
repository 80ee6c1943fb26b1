//! Moments of the gradient over samples, taken as the samples come.

use rayon::prelude::*;

use super::question::reserve;
use super::{Engine, EngineError, Images, Rule, Sampler, Seeds};
use crate::{CLASSES, IMAGE_LEN};

/// Weighted moments of the gradient over samples, each of them `[k, 224, 224, 3]` for k seeds.
///
/// Sums are taken in double precision in sample order, and rounded to single precision at the end.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Weighted mean of the logits, `[1000]`.
    pub logits: Vec<f32>,
    /// `E[g]`.
    pub mean: Vec<f32>,
    /// `E[|g|]`.
    pub mean_absolute: Vec<f32>,
    /// `E[g^2]`.
    pub mean_square: Vec<f32>,
    /// `E[g^2] - E[g]^2`, never negative, and 0 where all samples agree.
    pub variance: Vec<f32>,
    /// Samples taken.
    pub samples: usize,
}

impl Moments {
    /// Number of samples, after the checks of every [`Engine::gradient_moments`].
    ///
    /// # Errors
    /// [`EngineError::OneImage`], and those of [`Seeds::check`] and [`Sampler::check`].
    pub fn check(image: Images<'_>, sampler: &Sampler, seeds: Seeds<'_>) -> Result<usize, EngineError> {
        image.check_one()?;
        seeds.check(1)?;
        sampler.check()
    }
}

/// How a loop over samples is run; it never changes a result.
#[derive(Default)]
pub struct Pace<'a> {
    /// Copies that are made and sent through the network together; 0 stands for [`Pace::COPIES`].
    pub batch: usize,
    /// Told after every batch how many samples are done; answers whether to go on.
    pub watch: Option<&'a mut (dyn FnMut(usize) -> bool + Send)>,
}

impl Pace<'_> {
    /// Copies at a time if the caller does not mind.
    pub const COPIES: usize = 8;

    /// Copies at a time.
    pub fn copies(&self) -> usize {
        if self.batch == 0 { Self::COPIES } else { self.batch }
    }

    /// Tells how many samples are done.
    ///
    /// # Errors
    /// [`EngineError::Stopped`] if they are enough.
    pub fn step(&mut self, done: usize) -> Result<(), EngineError> {
        match self.watch.as_mut().is_none_or(|watch| watch(done)) {
            true => Ok(()),
            false => Err(EngineError::Stopped),
        }
    }
}

/// [`Engine::gradient_moments`] by way of [`Engine::gradient`].
pub(super) fn moments_by_batches<E: Engine + ?Sized>(
    engine: &E,
    image: Images<'_>,
    sampler: &Sampler,
    seeds: Seeds<'_>,
    rule: Rule,
    pace: &mut Pace<'_>,
) -> Result<Moments, EngineError> {
    let samples = Moments::check(image, sampler, seeds)?;
    let per_image = seeds.per_image();
    let copies = pace.copies().min(samples);
    let mut logits = vec![0f64; CLASSES];
    let mut sums = Sums::new(reserve_check(per_image)?);
    let mut batch = reserve(&[copies, IMAGE_LEN])?;
    let mut total = 0f64;
    for first in (0..samples).step_by(copies) {
        let count = copies.min(samples - first);
        let batch = &mut batch[..count * IMAGE_LEN];
        sampler.write(first, image.data(), batch);
        // A copy is known by its number among all samples, whatever batch it comes in.
        let write = |copy: usize, logits: &[f32], rows: &mut [f32]| match seeds {
            Seeds::Rows { data, .. } => rows.copy_from_slice(data),
            Seeds::FromLogits { write, .. } => write(first + copy, logits, rows),
        };
        let out = engine.gradient(Images::new(batch)?, Seeds::FromLogits { per_image, write: &write }, rule)?;
        let weights: Vec<Weight> = (first..first + count)
            .map(|sample| {
                let weight = sampler.weight(sample);
                total += weight;
                // A weight of 0 before all others has no share to speak of.
                Weight { weight, share: if weight > 0.0 { weight / total } else { 0.0 } }
            })
            .collect();
        for (i, w) in weights.iter().enumerate() {
            logits.iter_mut().zip(out.logits_of(i)).for_each(|(sum, &v)| *sum += w.weight * f64::from(v));
        }
        sums.add(&weights, &out.gradient);
        pace.step(first + count)?;
    }
    Ok(sums.finish(logits, total, samples))
}

/// Length of the sums, if they can be had.
fn reserve_check(per_image: usize) -> Result<usize, EngineError> {
    let too_much = |bytes| EngineError::OutOfMemory { bytes };
    let len = per_image.checked_mul(IMAGE_LEN).ok_or(too_much(usize::MAX))?;
    let bytes = len.checked_mul(3 * size_of::<f64>()).ok_or(too_much(usize::MAX))?;
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| too_much(bytes))?;
    Ok(len)
}

/// A sample's weight, and its share in the weight of all samples so far.
struct Weight {
    weight: f64,
    share: f64,
}

/// Elements that one thread adds up at a time, in all samples of a batch.
const PART: usize = 4096;

/// What is kept of the samples so far.
struct Sums {
    /// Mean.
    mean: Vec<f64>,
    /// Weighted sum of squared distances from the mean.
    spread: Vec<f64>,
    /// Weighted sum of sizes.
    absolute: Vec<f64>,
}

impl Sums {
    fn new(len: usize) -> Sums {
        Sums { mean: vec![0.0; len], spread: vec![0.0; len], absolute: vec![0.0; len] }
    }

    /// Adds samples in their order; `gradients` is `[samples, len]`.
    ///
    /// The running mean and spread are those of Welford (1962), with weights as West (1979) has them: unlike the
    /// difference of two large sums, the spread is exactly 0 for samples that agree.
    fn add(&mut self, weights: &[Weight], gradients: &[f32]) {
        let len = self.mean.len();
        let parts = self.mean.par_chunks_mut(PART).zip(self.spread.par_chunks_mut(PART));
        parts.zip(self.absolute.par_chunks_mut(PART)).enumerate().for_each(|(part, ((mean, spread), absolute))| {
            for (i, &Weight { weight, share }) in weights.iter().enumerate() {
                let gradient = &gradients[i * len + part * PART..][..mean.len()];
                for (((mean, spread), absolute), &g) in
                    mean.iter_mut().zip(&mut *spread).zip(&mut *absolute).zip(gradient)
                {
                    let g = f64::from(g);
                    let distance = g - *mean;
                    *mean += share * distance;
                    *spread += weight * distance * (g - *mean);
                    *absolute += weight * g.abs();
                }
            }
        });
    }

    fn finish(self, logits: Vec<f64>, total: f64, samples: usize) -> Moments {
        let variance = |spread: &f64| (spread / total).max(0.0);
        let round = |values: &[f64], f: &dyn Fn(f64) -> f64| values.iter().map(|&v| f(v) as f32).collect();
        Moments {
            logits: round(&logits, &|v| v / total),
            mean: round(&self.mean, &|v| v),
            mean_absolute: round(&self.absolute, &|v| v / total),
            mean_square: self.mean.iter().zip(&self.spread).map(|(m, s)| (m * m + variance(s)) as f32).collect(),
            variance: round(&self.spread, &|v| variance(&v)),
            samples,
        }
    }
}
