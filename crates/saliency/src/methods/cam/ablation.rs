//! Ablation-CAM.

use backlit_net::{CLASSES, Tap};
use rayon::prelude::*;
use serde::Serialize;

use super::{Upsample, attribution, per_channel, weighted_sum};
use crate::explain::{Attribute, Context, Needs, TapView};
use crate::{Attribution, MethodError, Score};

/// Channels weighted by the share of the score that is lost without them, `w_k = (S - S_k) / S` with S_k the score once
/// channel k is 0 (Desai and Ramaswamy 2020, doi:10.1109/WACV45572.2020.9093360). All weights are 0 if S is.
///
/// At the last block only the head follows: no channel costs a pass there. At any other block each channel costs the
/// part of a forward pass that follows it: 256 to 2048 of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AblationCam {
    /// Where: the output of a block.
    pub layer: Tap,
    /// Whether negative values are cut off, before up-sampling.
    pub relu: bool,
    /// How the map is brought to the size of the picture.
    pub upsample: Upsample,
}

impl Default for AblationCam {
    /// At the last block, negative values cut off, bilinear.
    fn default() -> Self {
        AblationCam { layer: Tap::LAST, relu: true, upsample: Upsample::default() }
    }
}

impl Attribute for AblationCam {
    fn needs(&self, needs: &mut Needs) {
        needs.tap(self.layer);
    }

    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        let tap = context.tap(self.layer);
        let drops = match self.layer {
            Tap::LAST => through_the_head(context, &tap)?,
            layer => through_the_network(context, &tap, layer)?,
        };
        let one = |(objective, drops): (&crate::Objective, Vec<f64>)| {
            let score = objective.value(context.logits);
            let weights: Vec<f64> = drops.iter().map(|drop| if score == 0.0 { 0.0 } else { drop / score }).collect();
            attribution(weighted_sum(&tap, &weights), self.relu, self.upsample, tap.channels)
        };
        Ok(context.objectives.iter().zip(drops).map(one).collect())
    }
}

/// For every objective the scores lost without each channel of the last block, `[2048]`.
fn through_the_head(context: &Context<'_>, tap: &TapView<'_>) -> Result<Vec<Vec<f64>>, MethodError> {
    let mut all = Vec::with_capacity(context.objectives.len());
    for (k, objective) in context.objectives.iter().enumerate() {
        all.push(match objective.score {
            // Linear: what a channel adds to the logits is all that is lost.
            Score::Logit => per_channel(tap, tap.gradient(k), |a, g| a * g),
            Score::Probability => {
                let (head, score) = (context.engine.head()?, objective.value(context.logits));
                let totals = per_channel(tap, tap.gradient(k), |a, _| a);
                let positions = (tap.side * tap.side) as f64;
                let lost = |(weights, total): (&[f32], &f64)| {
                    let less = |(&z, &w): (&f32, &f32)| (f64::from(z) - f64::from(w) * total / positions) as f32;
                    let logits: Vec<f32> = context.logits.iter().zip(weights).map(less).collect();
                    score - objective.value(&logits)
                };
                head.weight.par_chunks_exact(CLASSES).zip(&totals).map(lost).collect()
            }
        });
    }
    Ok(all)
}

/// The same at any other block, by running the rest of the network without each channel in turn.
fn through_the_network(context: &Context<'_>, tap: &TapView<'_>, layer: Tap) -> Result<Vec<Vec<f64>>, MethodError> {
    let whole: Vec<f64> = context.objectives.iter().map(|o| o.value(context.logits)).collect();
    let mut all = vec![Vec::with_capacity(tap.channels); context.objectives.len()];
    let mut copies = Vec::new();
    for first in (0..tap.channels).step_by(context.run.batch()) {
        let count = context.run.batch().min(tap.channels - first);
        copies.resize(count * tap.activation.len(), 0.0);
        copies.par_chunks_mut(tap.activation.len()).enumerate().for_each(|(i, copy): (usize, &mut [f32])| {
            copy.copy_from_slice(tap.activation);
            copy.iter_mut().skip(first + i).step_by(tap.channels).for_each(|a| *a = 0.0);
        });
        let logits = context.engine.resume(layer, &copies)?;
        for i in 0..count {
            for ((objective, whole), drops) in context.objectives.iter().zip(&whole).zip(&mut all) {
                drops.push(whole - objective.value(logits.row(i)));
            }
        }
        context.run.step(first + count, tap.channels)?;
    }
    Ok(all)
}
