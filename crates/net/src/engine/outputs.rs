//! Answers of an engine.

use super::EngineError;
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
