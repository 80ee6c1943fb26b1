//! The maps of all classes at the last block, from one forward pass.
//!
//! The head averages over 49 positions and multiplies by W, so that `g_k = W_kc / 49` at every position for the logit of
//! class c, and with `T_k = sum A_k`:
//!
//! ```text
//! Grad-CAM, HiResCAM   sum over k of W_kc / 49 A_k       XGrad-CAM   the same: sum g A / sum A = g
//! Grad-CAM++           w_k = 49 alpha(g_k) relu(g_k)     Layer-CAM   sum over k of relu(W_kc) / 49 A_k
//! Ablation-CAM         w_k = W_kc T_k / 49 / S_c
//! ```
//!
//! One matrix product `[1000, 2048] x [2048, 49]` of weights made of W's elements one by one.

use backlit_net::engine::Head;
use backlit_net::{CLASSES, FEATURES, Tap};
use rayon::prelude::*;

use super::{Alpha, CamKind};
use crate::{MethodError, Recipe};

/// Positions of the last block.
const POSITIONS: usize = 49;
/// Classes that are worked on together: their maps stay in the cache while W streams by.
const TOGETHER: usize = 40;

/// The coarse maps of the logits of all 1000 classes, `[1000, 7, 7]`: what [`explain`](crate::explain()) would put into
/// [`Attribution::coarse`](crate::Attribution::coarse) for each of them, cut off at zero if the recipe says so.
///
/// `features` is the last block's output of one image, `[7, 7, 2048]`, from
/// [`Engine::features`](backlit_net::Engine::features), and `head` is [`Engine::head`](backlit_net::Engine::head)'s.
///
/// # Errors
/// [`MethodError::Parameter`] unless the recipe is one of `gradcam`, `gradcam++`, `hirescam`, `xgradcam`, `layercam`,
/// `ablationcam` at the last block, or if a length is wrong.
pub fn all_classes(recipe: &Recipe, features: &[f32], head: &Head<'_>) -> Result<Vec<f32>, MethodError> {
    let method = recipe.method();
    let refuse = |what, found: String, expected: &str| {
        Err(MethodError::Parameter { method, what, found, expected: expected.into() })
    };
    let (kind, layer, relu) = match recipe {
        Recipe::Cam(cam) => (Weighting::Cam(cam.kind, cam.alpha), cam.layer, cam.relu),
        Recipe::AblationCam(cam) => (Weighting::Ablation, cam.layer, cam.relu),
        _ => {
            return refuse("method", method.to_string(), "closed forms exist for gradcam and the like and ablationcam");
        }
    };
    if layer != Tap::LAST {
        let Tap::Block(index) = layer else { unreachable!("taps are blocks") };
        return refuse("layer", index.to_string(), "closed forms exist at the last block, 15 (5c), alone");
    }
    for (what, found, expected) in [
        ("features", features.len(), POSITIONS * FEATURES),
        ("weight", head.weight.len(), FEATURES * CLASSES),
        ("bias", head.bias.len(), CLASSES),
    ] {
        if found != expected {
            return refuse(what, format!("{found} floats"), &format!("{expected} floats"));
        }
    }
    let mut maps = products(kind, features, head);
    if relu {
        maps.iter_mut().for_each(|v| *v = v.max(0.0));
    }
    Ok(maps)
}

/// What is made of an element of W.
#[derive(Clone, Copy)]
enum Weighting {
    Cam(CamKind, Alpha),
    Ablation,
}

impl Weighting {
    /// The weight of a channel: `g` is W / 49, `total` the sum of the channel, `score` the logit of the class.
    fn of(self, g: f64, total: f64, score: f64) -> f64 {
        match self {
            Weighting::Cam(CamKind::GradCam | CamKind::HiResCam | CamKind::XGradCam, _) => g,
            Weighting::Cam(CamKind::LayerCam, _) => g.max(0.0),
            // The sum of alpha over 49 equal positions cancels all but g.
            Weighting::Cam(CamKind::GradCamPlusPlus, Alpha::Normalised) => g.max(0.0),
            Weighting::Cam(CamKind::GradCamPlusPlus, alpha) => POSITIONS as f64 * alpha.times_relu(g, total),
            Weighting::Ablation if score == 0.0 => 0.0,
            Weighting::Ablation => g * total / score,
        }
    }
}

fn products(kind: Weighting, features: &[f32], head: &Head<'_>) -> Vec<f32> {
    let mut activations = vec![0f64; FEATURES * POSITIONS]; // [2048, 49]
    for (p, pixel) in features.chunks_exact(FEATURES).enumerate() {
        pixel.iter().enumerate().for_each(|(k, &a)| activations[k * POSITIONS + p] = a.into());
    }
    let channels = || activations.chunks_exact(POSITIONS).zip(head.weight.chunks_exact(CLASSES));
    let totals: Vec<f64> = activations.chunks_exact(POSITIONS).map(|channel| channel.iter().sum()).collect();
    let mut scores: Vec<f64> = head.bias.iter().map(|&b| b.into()).collect();
    if let Weighting::Ablation = kind {
        for ((_, weights), total) in channels().zip(&totals) {
            scores.iter_mut().zip(weights).for_each(|(s, &w)| *s += f64::from(w) * total / POSITIONS as f64);
        }
    }
    let mut maps = vec![0f32; CLASSES * POSITIONS];
    maps.par_chunks_mut(TOGETHER * POSITIONS).enumerate().for_each(|(block, maps)| {
        let first = block * TOGETHER;
        let mut sums = vec![0f64; maps.len()];
        for ((channel, weights), &total) in channels().zip(&totals) {
            let columns = weights[first..].iter().zip(&scores[first..]);
            for ((&w, &score), sums) in columns.zip(sums.chunks_exact_mut(POSITIONS)) {
                let weight = kind.of(f64::from(w) / POSITIONS as f64, total, score);
                sums.iter_mut().zip(channel).for_each(|(sum, a)| *sum += weight * a);
            }
        }
        maps.iter_mut().zip(sums).for_each(|(map, sum)| *map = sum as f32);
    });
    maps
}
