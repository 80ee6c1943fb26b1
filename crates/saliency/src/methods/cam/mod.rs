//! The family of class activation maps: weighted sums of the channels at a block's output.
//!
//! With A the activation `[side, side, channels]` after the block's ReLU, S the score and `g = dS/dA`, a map is
//! `sum over k of w_k A_k`, and the methods differ in the weights. Activation and gradient come from the pass that all
//! methods share (`gradient`, `eigen`, `guided`), from many passes (`score`, `ablation`) or from a pass of its
//! own (`full_grad`). The map is cut off at zero where the method says so, and then `upsample`d; no value is ever
//! rescaled. What peers do to it for display is in `scaling`.
//!
//! At the last block the gradient is `W^T s / 49`, the same everywhere, and most of the family has a closed form: see
//! [`all_classes`], the maps of 1000 classes from one forward pass.

mod ablation;
mod closed_form;
mod eigen;
#[cfg(test)]
mod fake;
mod full_grad;
mod gradient;
mod guided;
mod scaling;
mod score;
mod spline;
#[cfg(test)]
mod tests;
mod upsample;

use backlit_net::SIDE;

pub use ablation::AblationCam;
pub use closed_form::all_classes;
pub use eigen::EigenCam;
pub use full_grad::{FullGrad, Rescale};
pub use gradient::{Alpha, Cam, CamKind};
pub use guided::GuidedGradCam;
pub use scaling::Scaling;
pub use score::{ChannelWeights, ScoreCam, Stretch};
pub use upsample::Upsample;

use crate::explain::TapView;
use crate::{Attribution, Map};
use upsample::Axis;

/// The attribution of a coarse map `[side, side]`.
fn attribution(mut coarse: Vec<f64>, relu: bool, upsample: Upsample, samples: usize) -> Attribution {
    if relu {
        coarse.iter_mut().for_each(|v| *v = v.max(0.0));
    }
    let side = coarse.len().isqrt();
    let values = Axis::new(upsample, side, SIDE).square(&coarse);
    Attribution { coarse: Some(map(side, coarse)), samples, ..Attribution::of(map(SIDE, values)) }
}

/// A square map, rounded to single precision.
fn map(side: usize, values: Vec<f64>) -> Map {
    Map { height: side, width: side, channels: 1, values: values.into_iter().map(|v| v as f32).collect() }
}

/// `sum over k of weight_k A_k`, `[side, side]`.
fn weighted_sum(tap: &TapView<'_>, weights: &[f64]) -> Vec<f64> {
    let dot = |pixel: &[f32]| pixel.iter().zip(weights).map(|(&a, w)| f64::from(a) * w).sum();
    tap.activation.chunks_exact(tap.channels).map(dot).collect()
}

/// For every channel the sum over positions of `f(activation, gradient)`.
fn per_channel(tap: &TapView<'_>, gradient: &[f32], f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let mut sums = vec![0.0; tap.channels];
    for (a, g) in tap.activation.chunks_exact(tap.channels).zip(gradient.chunks_exact(tap.channels)) {
        for ((sum, &a), &g) in sums.iter_mut().zip(a).zip(g) {
            *sum += f(a.into(), g.into());
        }
    }
    sums
}
