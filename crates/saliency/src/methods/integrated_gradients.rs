//! Integrated gradients.

use backlit_net::engine::{MAX_STEPS, Pace, Sampler};
use backlit_net::{IMAGE_LEN, Rule, Seeds};
use serde::Serialize;

use super::copies::{check_count, completeness, map_of, scores};
use super::{Baseline, Quadrature};
use crate::explain::{Attribute, Context};
use crate::{Attribution, Method, MethodError};

/// `(x - x') * integral over a of dS(x' + a (x - x'))/dx` (Sundararajan et al. 2017, arXiv:1703.01365).
///
/// The integral is the weighted sum of the gradients at the points of a quadrature. What the attribution should add up
/// to, `S(x) - S(x')`, costs one forward pass of the baseline and is always compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IntegratedGradients {
    /// Points on the path.
    pub steps: usize,
    /// Where they lie and what they weigh.
    pub quadrature: Quadrature,
    /// x', where the path begins.
    pub baseline: Baseline,
}

impl Default for IntegratedGradients {
    /// 50 Gauss-Legendre nodes from black.
    fn default() -> Self {
        IntegratedGradients { steps: 50, quadrature: Quadrature::default(), baseline: Baseline::default() }
    }
}

impl Attribute for IntegratedGradients {
    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        let least = self.quadrature.min_steps();
        check_count(Method::IntegratedGradients, "steps", self.steps, least..=MAX_STEPS)?;
        let (subject, run) = (context.subject, context.run);
        let baseline = self.baseline.tensor(subject)?;
        let total = 1 + self.steps;
        let base = scores(context, &baseline)?.remove(0);
        run.step(1, total)?;

        let sampler = Sampler::path(baseline.clone(), self.quadrature, self.steps)?;
        let write = context.write_seeds();
        let seeds = Seeds::FromLogits { per_image: context.objectives.len(), write: &write };
        let mut watch = |done| run.step(1 + done, total).is_ok();
        let mut pace = Pace { batch: run.batch(), watch: Some(&mut watch) };
        let found = context.engine.gradient_moments(subject.image()?, &sampler, seeds, Rule::Plain, &mut pace)?;

        let weight = sampler.total_weight();
        let way: Vec<f64> =
            subject.tensor.iter().zip(&baseline).map(|(&x, &b)| weight * (f64::from(x) - f64::from(b))).collect();
        let one = |(k, mean): (usize, &[f32])| {
            let values: Vec<f32> = mean.iter().zip(&way).map(|(&g, &w)| (w * f64::from(g)) as f32).collect();
            let completeness = Some(completeness(context, k, base[k], &values));
            Attribution { completeness, samples: self.steps, ..Attribution::of(map_of(values)) }
        };
        Ok(found.mean.chunks_exact(IMAGE_LEN).enumerate().map(one).collect())
    }
}

#[cfg(test)]
mod tests;
