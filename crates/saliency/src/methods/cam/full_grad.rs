//! FullGrad.

use backlit_net::engine::ConvGradient;
use backlit_net::{CHANNELS, Rule, SIDE, Seeds, named};
use rayon::prelude::*;
use serde::Serialize;

use super::upsample::Axis;
use super::{Upsample, map};
use crate::explain::{Attribute, Context};
use crate::{Attribution, Completeness, MethodError, Score};

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
#[derive(Default)]
struct Found {
    /// Side and map of the layers so far, `[side, side]`, one for every side: what is added up is up-sampled once.
    maps: Vec<(usize, Vec<f64>)>,
    /// Of all contributions, signed.
    sum: f64,
}

impl Attribute for FullGrad {
    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        let objectives = context.objectives;
        let mut all: Vec<Found> = objectives.iter().map(|_| Found::default()).collect();
        let write = context.write_seeds();
        let seeds = Seeds::FromLogits { per_image: objectives.len(), write: &write };
        let mut see = |at: ConvGradient<'_>| all[at.seed].add(self.rescale, at.bias, at.gradient);
        let image = context.subject.image()?;
        let gradients = context.engine.conv_gradients(image, seeds, Rule::Plain, &mut see)?;
        for (k, found) in all.iter_mut().enumerate() {
            let products: Vec<f32> = gradients.of(0, k).iter().zip(image.data()).map(|(g, x)| g * x).collect();
            found.add(self.rescale, &[1.0; CHANNELS], &products);
        }
        let head = context.engine.head().ok();
        let one = |(k, found): (usize, Found)| {
            let mut values = vec![0.0; SIDE * SIDE];
            for (side, map) in &found.maps {
                let fine = Axis::new(self.upsample, *side, SIDE).square(map);
                values.iter_mut().zip(fine).for_each(|(sum, v)| *sum += v);
            }
            let mut seed = vec![0.0; context.logits.len()];
            objectives[k].write_seed(context.logits, &mut seed);
            // A probability is no piecewise linear function of the picture: it does not add up.
            let completeness = head.as_ref().filter(|_| objectives[k].score == Score::Logit).map(|head| {
                let bias: f64 = head.bias.iter().zip(&seed).map(|(&b, &s)| f64::from(b) * f64::from(s)).sum();
                Completeness::new(objectives[k].value(context.logits), found.sum + bias)
            });
            Attribution { completeness, ..Attribution::of(map(SIDE, values)) }
        };
        Ok(all.into_iter().enumerate().map(one).collect())
    }
}

/// Positions that are worked on together. Sums are taken by groups, so the number is part of the result.
const TOGETHER: usize = 784;
/// Channels that are added side by side, each lane its own sum.
const LANES: usize = 16;

impl Found {
    /// Adds a layer: `values` `[side, side, c]` times `bias` `[c]` are its contributions.
    fn add(&mut self, rescale: Rescale, bias: &[f32], values: &[f32]) {
        let (low, high, sums) = ranges(bias.len(), values);
        self.sum += bias.iter().zip(sums).map(|(&b, sum)| f64::from(b) * sum).sum::<f64>();
        let ends: Vec<(f32, f32)> =
            bias.iter().zip(low.iter().zip(high)).map(|(b, (l, h))| (b.abs() * l, b.abs() * h)).collect();
        let whole = ends.iter().fold((f32::INFINITY, 0f32), |(a, b), end| (a.min(end.0), b.max(end.1)));
        let scale = |(low, high): (f32, f32)| (low, 1.0 / (high - low + EPSILON));
        let scales: Vec<(f32, f32)> = match rescale {
            Rescale::Channel => ends.into_iter().map(scale).collect(),
            Rescale::Layer => vec![scale(whole); bias.len()],
            Rescale::None => vec![(0.0, 1.0); bias.len()],
        };
        // sum over channels of (|bias v| - low) scale = <|v|, |bias| scale> - sum of low scale
        let weights: Vec<f32> = bias.iter().zip(&scales).map(|(b, (_, scale))| b.abs() * scale).collect();
        let floor: f64 = scales.iter().map(|(low, scale)| f64::from(low * scale)).sum();

        let positions = values.len() / bias.len();
        let side = positions.isqrt();
        let at = self.maps.iter().position(|(s, _)| *s == side).unwrap_or(self.maps.len());
        if at == self.maps.len() {
            self.maps.push((side, vec![0.0; positions]));
        }
        let groups = values.par_chunks(TOGETHER * bias.len());
        self.maps[at].1.par_chunks_mut(TOGETHER).zip(groups).for_each(|(map, group)| {
            for (out, pixel) in map.iter_mut().zip(group.chunks_exact(bias.len())) {
                // No term is negative; only the rounding of the whole could be.
                *out += (dot_of_sizes(pixel, &weights) - floor).max(0.0);
            }
        });
    }
}

/// For every channel of `[positions, c]` the smallest and the largest size, and the signed sum.
fn ranges(c: usize, values: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<f64>) {
    let start = || (vec![f32::INFINITY; c], vec![0f32; c], vec![0f64; c]);
    let group = |group: &[f32]| {
        let (mut low, mut high, mut sums) = start();
        for pixel in group.chunks_exact(c) {
            let ends = low.iter_mut().zip(&mut high).zip(&mut sums);
            for (((low, high), sum), &v) in ends.zip(pixel) {
                let size = v.abs();
                *low = if size < *low { size } else { *low };
                *high = if size > *high { size } else { *high };
                *sum += f64::from(v);
            }
        }
        (low, high, sums)
    };
    let groups: Vec<_> = values.par_chunks(TOGETHER * c).map(group).collect();
    groups.into_iter().fold(start(), |(mut low, mut high, mut sums), next| {
        low.iter_mut().zip(next.0).for_each(|(a, b)| *a = a.min(b));
        high.iter_mut().zip(next.1).for_each(|(a, b)| *a = a.max(b));
        sums.iter_mut().zip(next.2).for_each(|(a, b)| *a += b);
        (low, high, sums)
    })
}

/// `sum of |v| w`.
fn dot_of_sizes(values: &[f32], weights: &[f32]) -> f64 {
    let ((values, rest), (weights, rest_of_weights)) = (values.as_chunks::<LANES>(), weights.as_chunks::<LANES>());
    let mut sums = [0f32; LANES];
    for (v, w) in values.iter().zip(weights) {
        for lane in 0..LANES {
            sums[lane] += v[lane].abs() * w[lane];
        }
    }
    let rest = rest.iter().zip(rest_of_weights).map(|(v, w)| f64::from(v.abs() * w));
    sums.iter().map(|&s| f64::from(s)).sum::<f64>() + rest.sum::<f64>()
}
