//! FullGrad.

use backlit_net::engine::ConvGradient;
use backlit_net::{CHANNELS, Rule, SIDE, Seeds, named};
use rayon::prelude::*;
use serde::Serialize;

use super::Upsample;
use super::upsample::Axis;
use crate::explain::{Attribute, Context};
use crate::{Attribution, Completeness, Map, MethodError, Score};

/// How the maps of the layers are made comparable before they are added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rescale {
    /// `(v - min) / (max - min + 1e-7)` over each channel: the paper's formula read literally, and pytorch-grad-cam.
    /// Then every channel counts the same, and how large its bias is cancels out.
    #[default]
    Channel,
    /// The same over all channels of a layer together: every layer counts the same.
    Layer,
    /// Not at all: the absolute contributions to the score are added up.
    None,
}

named!(Rescale, "rescaling", { Channel = "channel", Layer = "layer", None = "none" });

/// Contributions of the input and of every bias (Srinivas and Fleuret 2019, arXiv:1905.00780):
///
/// ```text
/// sum over colours of psi(x dS/dx) + sum over layers and channels of psi(bias dS/d(conv + bias)),   psi = upsample . rescale . abs
/// ```
///
/// The biases are those of the 53 convolutions with BatchNorm folded in: all constants of the network but for the head's
/// bias, which has no place in the picture. With the head's, and without psi, they add up to the score exactly
/// (the paper's proposition 1): see [`Attribution::completeness`].
///
/// pytorch-grad-cam takes the biases of convolutions and BatchNorms as layers of their own. Where the convolutions have
/// none, or zeros as in Keras' weights, that is the same as this; else it counts such layers twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct FullGrad {
    /// How the maps of the layers are made comparable.
    pub rescale: Rescale,
    /// How they are brought to the size of the picture.
    pub upsample: Upsample,
}

/// What keeps a division finite, as in pytorch-grad-cam.
const EPSILON: f32 = 1e-7;

/// What was found about one objective.
struct Found {
    /// `[224, 224]`.
    map: Vec<f64>,
    /// Of all contributions, signed.
    sum: f64,
}

impl Attribute for FullGrad {
    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        let objectives = context.objectives;
        let mut all: Vec<Found> = objectives.iter().map(|_| Found { map: vec![0.0; SIDE * SIDE], sum: 0.0 }).collect();
        let write = context.write_seeds();
        let seeds = Seeds::FromLogits { per_image: objectives.len(), write: &write };
        let mut see = |at: ConvGradient<'_>| {
            let (found, c) = (&mut all[at.seed], at.bias.len());
            let (layer, sum) = self.layer(c, at.gradient, |k, g| at.bias[k] * g);
            let side = layer.len().isqrt();
            add(&mut found.map, &Axis::new(self.upsample, side, SIDE).square(&layer));
            found.sum += sum;
        };
        let image = context.subject.image()?;
        let gradients = context.engine.conv_gradients(image, seeds, Rule::Plain, &mut see)?;
        for (k, found) in all.iter_mut().enumerate() {
            let products: Vec<f32> = gradients.of(0, k).iter().zip(image.data()).map(|(g, x)| g * x).collect();
            let (layer, sum) = self.layer(CHANNELS, &products, |_, v| v);
            add(&mut found.map, &layer);
            found.sum += sum;
        }
        let head = context.engine.head().ok();
        let one = |(k, found): (usize, Found)| {
            let values = found.map.into_iter().map(|v| v as f32).collect();
            let map = Map { height: SIDE, width: SIDE, channels: 1, values };
            let mut seed = vec![0.0; context.logits.len()];
            objectives[k].write_seed(context.logits, &mut seed);
            // A probability is no piecewise linear function of the picture: it does not add up.
            let completeness = head.as_ref().filter(|_| objectives[k].score == Score::Logit).map(|head| {
                let bias: f64 = head.bias.iter().zip(&seed).map(|(&b, &s)| f64::from(b) * f64::from(s)).sum();
                Completeness::new(objectives[k].value(context.logits), found.sum + bias)
            });
            Attribution { completeness, ..Attribution::of(map) }
        };
        Ok(all.into_iter().enumerate().map(one).collect())
    }
}

fn add(map: &mut [f64], layer: &[f64]) {
    map.iter_mut().zip(layer).for_each(|(map, v)| *map += v);
}

/// Positions that are worked on together. Sums are taken by groups, so the number is part of the result.
const TOGETHER: usize = 784;

impl FullGrad {
    /// The rescaled contributions of a layer, `[positions, c]`, added over channels, and the sum of all of them, signed;
    /// `contribution(channel, value)`.
    fn layer(&self, c: usize, values: &[f32], contribution: impl Fn(usize, f32) -> f32 + Sync) -> (Vec<f64>, f64) {
        let groups = || values.par_chunks(TOGETHER * c);
        let ranges: Vec<(Vec<f32>, Vec<f32>, f64)> = groups()
            .map(|group| {
                let (mut low, mut high, mut sum) = (vec![f32::INFINITY; c], vec![0f32; c], 0.0);
                for pixel in group.chunks_exact(c) {
                    for (k, ((low, high), &v)) in low.iter_mut().zip(&mut high).zip(pixel).enumerate() {
                        let signed = contribution(k, v);
                        (*low, *high) = (low.min(signed.abs()), high.max(signed.abs()));
                        sum += f64::from(signed);
                    }
                }
                (low, high, sum)
            })
            .collect();
        let sum = ranges.iter().map(|range| range.2).sum();
        let extreme = |k: usize| ranges.iter().fold((f32::INFINITY, 0f32), |(a, b), r| (a.min(r.0[k]), b.max(r.1[k])));
        let channels: Vec<(f32, f32)> = (0..c).map(extreme).collect();
        let whole = channels.iter().fold((f32::INFINITY, 0f32), |(a, b), r| (a.min(r.0), b.max(r.1)));
        let scale = |(low, high): (f32, f32)| (low, 1.0 / (high - low + EPSILON));
        let scales: Vec<(f32, f32)> = match self.rescale {
            Rescale::Channel => channels.into_iter().map(scale).collect(),
            Rescale::Layer => vec![scale(whole); c],
            Rescale::None => vec![(0.0, 1.0); c],
        };
        let mut map = vec![0.0; values.len() / c];
        map.par_chunks_mut(TOGETHER).zip(groups()).for_each(|(map, group)| {
            for (out, pixel) in map.iter_mut().zip(group.chunks_exact(c)) {
                let terms = pixel.iter().zip(&scales).enumerate();
                *out = terms.map(|(k, (&v, (low, scale)))| f64::from((contribution(k, v).abs() - low) * scale)).sum();
            }
        });
        (map, sum)
    }
}
