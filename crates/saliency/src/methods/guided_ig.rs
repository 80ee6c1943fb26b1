//! Guided integrated gradients.

mod walk;

use backlit_net::{CLASSES, Images, Rule, Seeds};
use rayon::prelude::*;
use serde::Serialize;

use self::walk::Walk;
use super::Baseline;
use super::copies::{check_count, check_number, completeness, map_of, scores};
use crate::explain::{Attribute, Context};
use crate::{Attribution, Method, MethodError};

/// Integrated gradients along a path that moves the values with the smallest gradients first
/// (Kapishnikov et al. 2021, arXiv:2106.09788), as PAIR's saliency computes it.
///
/// In step t of n the path goes on until its L1 distance to the picture is `1 - t/n` of that of the baseline. In each
/// move the share `fraction` of the values, those with the smallest `|dS/dx|`, go towards the picture; none may be
/// further ahead of or behind the straight path than `max_distance`. The attribution is the sum of the moves, each
/// times the gradient at the beginning of its step. Each objective walks its own path.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GuidedIg {
    /// Points on the path.
    pub steps: usize,
    /// Share of the values that move together.
    pub fraction: f64,
    /// How far a value may stray from the straight path, as a share of its way.
    pub max_distance: f64,
    /// Where the path begins.
    pub baseline: Baseline,
}

impl Default for GuidedIg {
    /// PAIR's defaults: 200 steps, fraction 0.25, distance 0.02; from black.
    fn default() -> Self {
        GuidedIg { steps: 200, fraction: 0.25, max_distance: 0.02, baseline: Baseline::Black }
    }
}

impl Attribute for GuidedIg {
    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        let method = Method::GuidedIg;
        check_count(method, "steps", self.steps, 1..=1_000_000)?;
        for (what, value) in [("fraction", self.fraction), ("max_distance", self.max_distance)] {
            check_number(method, what, value, (0.0..=1.0).contains(&value), "it must be from 0 to 1")?;
        }
        let (subject, run, objectives) = (context.subject, context.run, context.objectives);
        let baseline = self.baseline.tensor(subject)?;
        let total = 1 + self.steps * objectives.len();
        let base = scores(context, &baseline)?.remove(0);
        run.step(1, total)?;

        let mut walks: Vec<Walk> = objectives.iter().map(|_| Walk::new(subject.tensor, &baseline)).collect();
        let mut done = 1;
        for step in 0..self.steps {
            for (walks, objectives) in walks.chunks_mut(run.batch()).zip(objectives.chunks(run.batch())) {
                // The paths part, so that each copy is asked about its own objective alone.
                let copies: Vec<f32> = walks.iter().flat_map(Walk::copy).collect();
                let write = |copy: usize, logits: &[f32], row: &mut [f32]| {
                    objectives[copy].write_seed(logits, &mut row[..CLASSES]);
                };
                let seeds = Seeds::FromLogits { per_image: 1, write: &write };
                let found = context.engine.gradient(Images::new(&copies)?, seeds, Rule::Plain)?;
                walks.par_iter_mut().enumerate().for_each(|(i, walk)| walk.step(self, step, found.of(i, 0)));
                done += walks.len();
                run.step(done, total)?;
            }
        }
        let one = |(k, walk): (usize, Walk)| {
            let values = walk.finish();
            let completeness = Some(completeness(context, k, base[k], &values));
            Attribution { completeness, samples: self.steps, ..Attribution::of(map_of(values)) }
        };
        Ok(walks.into_iter().enumerate().map(one).collect())
    }
}

#[cfg(test)]
mod tests;
