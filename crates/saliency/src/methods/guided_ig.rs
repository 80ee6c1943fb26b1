//! Guided integrated gradients.

use serde::Serialize;

use super::Baseline;
use crate::explain::{Attribute, Context};
use crate::{Attribution, MethodError};

/// Integrated gradients along a path that moves the values with the smallest gradients first
/// (Kapishnikov et al. 2021, arXiv:2106.09788), as PAIR's saliency computes it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GuidedIg {
    /// Points on the path.
    pub steps: usize,
    /// Share of the values that move in a step.
    pub fraction: f64,
    /// How far the path may stray from the straight one, as a share of it.
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
    fn attribute(&self, _context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        todo!()
    }
}
