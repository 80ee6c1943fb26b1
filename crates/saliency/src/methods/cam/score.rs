//! Score-CAM.

use backlit_net::{CHANNELS, CLASSES, IMAGE_LEN, Images, SIDE, Tap, named};
use rayon::prelude::*;
use serde::Serialize;

use super::upsample::Axis;
use super::{Upsample, attribution, per_channel, weighted_sum};
use crate::explain::{Attribute, Context, Needs, TapView};
use crate::{Attribution, Method, MethodError};

/// When a channel is stretched to 0..1 to become a mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stretch {
    /// After it was up-sampled: the paper's order, pytorch-grad-cam, tf-keras-vis.
    #[default]
    Fine,
    /// Before: torchcam.
    Coarse,
}

named!(Stretch, "stretch", { Fine = "fine", Coarse = "coarse" });

/// What the scores of the masked pictures become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelWeights {
    /// Softmax over channels: the paper, pytorch-grad-cam, torchcam.
    #[default]
    Softmax,
    /// The scores themselves: tf-keras-vis, which asks for probabilities.
    Scores,
}

named!(ChannelWeights, "weights", { Softmax = "softmax", Scores = "scores" });

/// Channels weighted by the score of the picture seen through them (Wang et al. 2019, arXiv:1910.01279).
///
/// The mask of a channel is the channel, up-sampled and stretched to 0..1; it multiplies the preprocessed picture, as
/// in all peers, so that what is masked turns into the colour that preprocessing takes for zero, the mean. Every
/// channel costs a forward pass, but for those that are the same everywhere, whose mask is 0 and which share one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ScoreCam {
    /// Where: the output of a block.
    pub layer: Tap,
    /// Whether negative values are cut off, before up-sampling.
    pub relu: bool,
    /// How the map is brought to the size of the picture.
    pub upsample: Upsample,
    /// How a channel is brought to the size of the picture: aligned in pytorch-grad-cam and tf-keras-vis, not in torchcam.
    pub masks: Upsample,
    /// When it is stretched.
    pub stretch: Stretch,
    /// What its score becomes.
    pub weights: ChannelWeights,
    /// Only so many channels, those with the largest standard deviation ("Faster Score-CAM"); all if `None`.
    pub most: Option<usize>,
}

impl Default for ScoreCam {
    /// As pytorch-grad-cam: all channels of the last block, masks aligned, softmax; map cut off at zero, bilinear.
    fn default() -> Self {
        ScoreCam {
            layer: Tap::LAST,
            relu: true,
            upsample: Upsample::Bilinear,
            masks: Upsample::BilinearAligned,
            stretch: Stretch::Fine,
            weights: ChannelWeights::Softmax,
            most: None,
        }
    }
}

/// What keeps a division finite, as in pytorch-grad-cam and torchcam.
const EPSILON: f64 = 1e-8;

impl Attribute for ScoreCam {
    fn needs(&self, needs: &mut Needs) {
        needs.tap(self.layer);
    }

    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        if self.most == Some(0) {
            let (found, expected) = ("0".into(), "a number from 1 on, or none for all channels".into());
            return Err(MethodError::Parameter { method: Method::ScoreCam, what: "most", found, expected });
        }
        let tap = context.tap(self.layer);
        let channels = self.channels(&tap);
        let scores = self.scores(context, &tap, &channels)?;
        let one = |scores: Vec<f64>| {
            let scores = match self.weights {
                ChannelWeights::Softmax => softmax(&scores),
                ChannelWeights::Scores => scores,
            };
            let mut weights = vec![0.0; tap.channels];
            channels.iter().zip(scores).for_each(|(&k, score)| weights[k] = score);
            attribution(weighted_sum(&tap, &weights), self.relu, self.upsample, channels.len())
        };
        Ok(scores.into_iter().map(one).collect())
    }
}

impl ScoreCam {
    /// The channels that take part, in ascending order.
    fn channels(&self, tap: &TapView<'_>) -> Vec<usize> {
        let mut channels: Vec<usize> = (0..tap.channels).collect();
        if let Some(most) = self.most.filter(|&most| most < tap.channels) {
            let positions = (tap.side * tap.side) as f64;
            let sums = per_channel(tap, tap.activation, |a, _| a);
            let squares = per_channel(tap, tap.activation, |a, _| a * a);
            let variance = |k: usize| squares[k] / positions - (sums[k] / positions).powi(2);
            // Stable: of equals the first.
            channels.sort_by(|&a, &b| variance(b).total_cmp(&variance(a)));
            channels.truncate(most);
            channels.sort_unstable();
        }
        channels
    }

    /// For every objective the scores of the picture seen through each of the channels.
    fn scores(
        &self,
        context: &Context<'_>,
        tap: &TapView<'_>,
        channels: &[usize],
    ) -> Result<Vec<Vec<f64>>, MethodError> {
        let axis = Axis::new(self.masks, tap.side, SIDE);
        let constant = |k: usize| tap.activation.iter().skip(k).step_by(tap.channels).all(|&a| a == tap.activation[k]);
        let (empty, full): (Vec<usize>, Vec<usize>) = (0..channels.len()).partition(|&i| constant(channels[i]));
        // The first empty mask stands for all.
        let asked: Vec<usize> = full.into_iter().chain(empty.first().copied()).collect();
        let mut scores = vec![vec![0.0; channels.len()]; context.objectives.len()];
        let mut copies = Vec::new();
        for (done, batch) in asked.chunks(context.run.batch()).scan(0, |done, batch| {
            *done += batch.len();
            Some((*done, batch))
        }) {
            copies.resize(batch.len() * IMAGE_LEN, 0.0);
            copies.par_chunks_mut(IMAGE_LEN).zip(batch).for_each(|(copy, &i): (&mut [f32], &usize)| {
                let channel: Vec<f64> =
                    tap.activation.iter().skip(channels[i]).step_by(tap.channels).map(|&a| a.into()).collect();
                let pixels = copy.chunks_exact_mut(CHANNELS).zip(context.subject.tensor.chunks_exact(CHANNELS));
                for ((out, x), mask) in pixels.zip(self.mask(&axis, channel)) {
                    out.iter_mut().zip(x).for_each(|(out, &x)| *out = (f64::from(x) * mask) as f32);
                }
            });
            let logits = context.engine.predict(Images::new(&copies)?)?;
            for (&i, row) in batch.iter().zip(logits.data.chunks_exact(CLASSES)) {
                context.objectives.iter().zip(&mut scores).for_each(|(o, scores)| scores[i] = o.value(row));
            }
            context.run.step(done, asked.len())?;
        }
        for scores in &mut scores {
            for pair in empty.windows(2) {
                scores[pair[1]] = scores[pair[0]];
            }
        }
        Ok(scores)
    }

    /// A channel, up-sampled and stretched.
    fn mask(&self, axis: &Axis, mut channel: Vec<f64>) -> Vec<f64> {
        if self.stretch == Stretch::Coarse {
            stretch(&mut channel);
        }
        let mut mask = axis.square(&channel);
        if self.stretch == Stretch::Fine {
            stretch(&mut mask);
        }
        mask
    }
}

fn stretch(values: &mut [f64]) {
    let (min, max) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
    values.iter_mut().for_each(|v| *v = (*v - min) / (max - min + EPSILON));
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|s| (s - max).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}
