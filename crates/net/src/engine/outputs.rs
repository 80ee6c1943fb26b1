//! Answers of an engine, and the default way to average gradients over samples.

use super::{Engine, EngineError, Images, Rule, Sampler, Seeds};
use crate::{CLASSES, FEATURES, IMAGE_LEN};

/// Scores before the softmax.
#[derive(Clone, Debug, PartialEq)]
pub struct Logits {
    /// `[n, 1000]`.
    pub data: Vec<f32>,
}

impl Logits {
    /// The 1000 logits of one image.
    pub fn row(&self, image: usize) -> &[f32] {
        &self.data[image * CLASSES..][..CLASSES]
    }
}

/// Refuses logits, `[n, 1000]`, that are not finite; `first` is the number of the first of these images.
///
/// Every engine asks this after its forward pass, so that nobody is told a class by a network that overflowed.
///
/// # Errors
/// [`EngineError::NonFiniteLogits`] with the first such image.
pub fn check_logits(first: usize, logits: &[f32]) -> Result<(), EngineError> {
    match logits.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(EngineError::NonFiniteLogits { image: first + at / CLASSES }),
        None => Ok(()),
    }
}

/// Logits and input gradients.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// `[n, 1000]`.
    pub logits: Vec<f32>,
    /// `[n, seeds_per_image, 224, 224, 3]`, in the network's channel order.
    pub gradient: Vec<f32>,
    /// Seeds an image.
    pub seeds_per_image: usize,
}

impl Gradients {
    /// The 1000 logits of one image.
    pub fn logits_of(&self, image: usize) -> &[f32] {
        &self.logits[image * CLASSES..][..CLASSES]
    }

    /// The gradient `[224, 224, 3]` of one seed of one image.
    pub fn of(&self, image: usize, seed: usize) -> &[f32] {
        &self.gradient[(image * self.seeds_per_image + seed) * IMAGE_LEN..][..IMAGE_LEN]
    }
}

/// The last block's output.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// `[n, 1000]`.
    pub logits: Vec<f32>,
    /// `[n, 7, 7, 2048]`.
    pub data: Vec<f32>,
}

impl Features {
    /// `[7, 7, 2048]` of one image.
    pub fn of(&self, image: usize) -> &[f32] {
        let len = 49 * FEATURES;
        &self.data[image * len..][..len]
    }
}

/// Activation and gradient at a block's output.
#[derive(Clone, Debug, PartialEq)]
pub struct TapGradients {
    /// `[n, 1000]`.
    pub logits: Vec<f32>,
    /// Rows and columns at the tap.
    pub side: usize,
    /// Channels at the tap.
    pub channels: usize,
    /// `[n, side, side, channels]`, after the block's ReLU.
    pub activation: Vec<f32>,
    /// `[n, seeds_per_image, side, side, channels]`, with respect to that activation (its own ReLU not yet applied).
    pub gradient: Vec<f32>,
    /// Seeds an image.
    pub seeds_per_image: usize,
}

/// Weighted first and second moments of the gradient over samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Weighted mean of the logits over the samples, `[1000]`.
    pub logits: Vec<f32>,
    /// `[k, 224, 224, 3]`.
    pub mean: Vec<f32>,
    /// `[k, 224, 224, 3]`.
    pub mean_square: Vec<f32>,
    /// Samples taken.
    pub samples: usize,
}

/// Copies that [`moments_by_batches`] materialises at a time.
const COPIES: usize = 8;

/// [`Engine::gradient_moments`] by way of [`Engine::gradient`].
pub(super) fn moments_by_batches<E: Engine + ?Sized>(
    engine: &E,
    image: Images<'_>,
    sampler: &Sampler,
    seed_rows: &[f32],
    rule: Rule,
) -> Result<Moments, EngineError> {
    if image.len() != 1 {
        return Err(EngineError::OneImage { found: image.len() });
    }
    let k = seed_rows.len() / CLASSES;
    Seeds::Rows { data: seed_rows, per_image: k }.check(1)?;
    let samples = sampler.check()?;

    // Sums in double precision, always in sample order.
    let mut logits = vec![0f64; CLASSES];
    let mut mean = vec![0f64; k * IMAGE_LEN];
    let mut mean_square = vec![0f64; k * IMAGE_LEN];
    let mut weights = 0f64;
    let mut copies = vec![0f32; COPIES.min(samples) * IMAGE_LEN];
    for first in (0..samples).step_by(COPIES) {
        let count = COPIES.min(samples - first);
        let batch = &mut copies[..count * IMAGE_LEN];
        for (i, copy) in batch.chunks_exact_mut(IMAGE_LEN).enumerate() {
            sampler.write(first + i, image.data(), copy);
        }
        let rows = seed_rows.repeat(count);
        let seeds = Seeds::Rows { data: &rows, per_image: k };
        let out = engine.gradient(Images::new(batch)?, seeds, rule)?;
        for i in 0..count {
            let w = sampler.weight(first + i);
            weights += w;
            for (sum, &v) in logits.iter_mut().zip(out.logits_of(i)) {
                *sum += w * f64::from(v);
            }
            let gradient = &out.gradient[i * k * IMAGE_LEN..][..k * IMAGE_LEN];
            for ((sum, square), &g) in mean.iter_mut().zip(&mut mean_square).zip(gradient) {
                let g = f64::from(g);
                *sum += w * g;
                *square += w * g * g;
            }
        }
    }
    let finish = |sums: Vec<f64>| sums.into_iter().map(|s| (s / weights) as f32).collect();
    Ok(Moments { logits: finish(logits), mean: finish(mean), mean_square: finish(mean_square), samples })
}
