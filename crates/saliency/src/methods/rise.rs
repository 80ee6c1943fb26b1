//! RISE: random masks, weighted by the score that survives them.

mod masks;
mod running;

use backlit_net::{CHANNELS, CLASSES, IMAGE_LEN, Images, SIDE};
use serde::Serialize;

use self::masks::Masks;
use self::running::Running;
use crate::explain::{Attribute, Context};
use crate::{Attribution, Method, MethodError, Objective, Score};

/// `sum of p_c(x * M_i) M_i / (N p)` over random smooth masks M (Petsiuk et al. 2018, arXiv:1806.07421).
///
/// A mask is a grid of `cells` x `cells` bits, each open with a probability p, enlarged bilinearly and cropped at
/// random, as in the authors' code. It multiplies the preprocessed picture, so that what is shut becomes the mean
/// colour. The weight is the class' probability after the softmax, as in the paper, even where the objective is a
/// logit: a sum of masks weighted by logits, which may be negative, is no estimate of anything. For a contrast it is
/// the difference of the two probabilities.
///
/// The map lies around the mean weight and rises above it where pixels matter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rise {
    /// Masks at most.
    pub samples: usize,
    /// Cells of a mask, in rows and columns; 1 to 224.
    pub cells: usize,
    /// Probability p that a cell is left open; above 0, at most 1.
    pub probability: f64,
    /// Stop early once another [`CHECKPOINT`] masks change the map by at most this share, in the L2 norm and for every
    /// objective; 0 never stops. The share is that of the map less its mean: the mean settles long before the picture
    /// does.
    pub settled: f64,
    /// Seed of the masks.
    pub seed: u64,
}

/// Masks between two looks at whether the map has settled.
pub const CHECKPOINT: usize = 250;

impl Default for Rise {
    /// The paper's 7 x 7 cells, half of them open, 4000 masks at most.
    fn default() -> Self {
        Rise { samples: 4000, cells: 7, probability: 0.5, settled: 0.01, seed: 0 }
    }
}

impl Rise {
    fn check(&self) -> Result<(), MethodError> {
        let bad = |what, found: String, expected: &str| {
            Err(MethodError::Parameter { method: Method::Rise, what, found, expected: expected.into() })
        };
        if !(1..=u32::MAX as usize).contains(&self.samples) {
            return bad("samples", self.samples.to_string(), "give at least one mask");
        }
        if !(1..=SIDE).contains(&self.cells) {
            return bad("cells", self.cells.to_string(), "give 1 to 224 rows and columns");
        }
        // Written so that a NaN fails.
        if !(self.probability > 0.0 && self.probability <= 1.0) {
            return bad("probability", self.probability.to_string(), "give more than 0 and at most 1");
        }
        if !(self.settled >= 0.0 && self.settled.is_finite()) {
            return bad("settled", self.settled.to_string(), "give a share of 0 or more, for example 0.01");
        }
        Ok(())
    }
}

impl Attribute for Rise {
    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        self.check()?;
        let masks = Masks::new(self.cells, self.probability, self.seed, context.subject.key());
        let weights: Vec<Objective> =
            context.objectives.iter().map(|o| Objective { score: Score::Probability, ..*o }).collect();
        let mut running = Running::new(weights.len(), self.probability, self.settled);
        let most = context.run.batch().min(self.samples);
        let (mut mask, mut tensor) = (vec![0f32; most * SIDE * SIDE], vec![0f32; most * IMAGE_LEN]);
        while running.samples() < self.samples && !running.settled() {
            let first = running.samples();
            let count = most.min(self.samples - first);
            let (mask, tensor) = (&mut mask[..count * SIDE * SIDE], &mut tensor[..count * IMAGE_LEN]);
            for (i, (mask, copy)) in mask.chunks_mut(SIDE * SIDE).zip(tensor.chunks_mut(IMAGE_LEN)).enumerate() {
                masks.write((first + i) as u32, mask);
                multiply(context.subject.tensor, mask, copy);
            }
            let logits = context.engine.predict(Images::new(tensor)?)?.data;
            for (mask, logits) in mask.chunks(SIDE * SIDE).zip(logits.chunks_exact(CLASSES)) {
                running.add(mask, weights.iter().map(|weight| weight.value(logits)));
                // What a batch holds beyond the checkpoint is not used, or the result would depend on the batch.
                if running.settled() {
                    break;
                }
            }
            context.run.step(running.samples(), self.samples)?;
        }
        Ok(running.finish())
    }
}

/// `copy = x * mask`, the mask the same for all channels.
fn multiply(x: &[f32], mask: &[f32], copy: &mut [f32]) {
    for ((copy, x), &m) in copy.chunks_exact_mut(CHANNELS).zip(x.chunks_exact(CHANNELS)).zip(mask) {
        for (copy, x) in copy.iter_mut().zip(x) {
            *copy = x * m;
        }
    }
}

#[cfg(test)]
mod tests;
