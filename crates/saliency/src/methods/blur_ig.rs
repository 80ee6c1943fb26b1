//! Blur integrated gradients.

use backlit_net::{CHANNELS, SIDE};
use serde::Serialize;

use super::copies::{Products, check_count, check_number, completeness, gradients, map_of, scores};
use crate::explain::{Attribute, Context};
use crate::smooth::{Blurs, MAX_RADIUS, TRUNCATE};
use crate::{Attribution, Method, MethodError};

/// Integrated gradients along a path of ever less blurred copies of the picture
/// (Xu et al. 2020, arXiv:2004.03383), as PAIR's saliency computes it.
///
/// `-sum over i of (s_{i+1} - s_i) * dB(s_i)/ds * dS(B(s_i))/dx`, i = 0 to steps - 1, where B(s) is the preprocessed
/// picture under a Gaussian of s pixels, cut off at 4 s, over a border of zeros (the mean colour), and its derivative
/// is the quotient `(B(s + h) - B(s)) / h`. The path begins at `B(max_sigma)`, whose score completeness is reckoned
/// from; the sum is a left Riemann sum and its residual is large where the picture is hardly blurred.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BlurIg {
    /// Points on the path.
    pub steps: usize,
    /// Standard deviation of the strongest blur, in pixels.
    pub max_sigma: f64,
    /// h, the step of the difference quotient that says how the picture changes with the blur.
    pub gradient_step: f64,
    /// Whether the points are `s_i = sqrt(i max_sigma / steps)`, as PAIR's option of that name has it, rather than
    /// `i max_sigma / steps`. The path then ends at `sqrt(max_sigma)`.
    pub sqrt: bool,
}

impl Default for BlurIg {
    /// PAIR's defaults: 100 steps up to 50 pixels, gradient step 0.01.
    fn default() -> Self {
        BlurIg { steps: 100, max_sigma: 50.0, gradient_step: 0.01, sqrt: false }
    }
}

impl BlurIg {
    fn check(&self) -> Result<(), MethodError> {
        let method = Method::BlurIg;
        check_count(method, "steps", self.steps, 1..=1_000_000)?;
        // Far above any picture, and such that the largest blur of all still has a kernel.
        let most = MAX_RADIUS as f64 / TRUNCATE / 2.0;
        let fine = |v: f64| v > 0.0 && v <= most;
        let expected = format!("it must be above 0 and at most {most}");
        check_number(method, "max_sigma", self.max_sigma, fine(self.max_sigma), &expected)?;
        check_number(method, "gradient_step", self.gradient_step, fine(self.gradient_step), &expected)
    }

    /// s_i, for i from 0 to steps.
    fn sigma(&self, i: usize) -> f64 {
        let linear = i as f64 * self.max_sigma / self.steps as f64;
        if self.sqrt { linear.sqrt() } else { linear }
    }
}

impl Attribute for BlurIg {
    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        self.check()?;
        let (run, total) = (context.run, 1 + self.steps);
        let blurs = Blurs::new(context.subject.tensor, [SIDE, SIDE, CHANNELS])?;
        let at = |i| blurs.at(self.sigma(i), self.gradient_step);
        let base = scores(context, &at(self.steps)?.0)?.remove(0);
        run.step(1, total)?;

        let mut sums = Products::new(context.objectives.len());
        for first in (0..self.steps).step_by(run.batch()) {
            let steps = first..self.steps.min(first + run.batch());
            let (mut copies, mut slopes) = (Vec::new(), Vec::with_capacity(steps.len()));
            for i in steps.clone() {
                let (copy, slope) = at(i)?;
                copies.extend(copy);
                slopes.push(slope);
            }
            let found = gradients(context, &copies)?;
            let widths: Vec<f64> = steps.clone().map(|i| self.sigma(i + 1) - self.sigma(i)).collect();
            sums.add(&found, |copy, i| widths[copy] * f64::from(slopes[copy][i]));
            run.step(1 + steps.end, total)?;
        }
        let one = |(k, values): (usize, Vec<f32>)| {
            let completeness = Some(completeness(context, k, base[k], &values));
            Attribution { completeness, samples: self.steps, ..Attribution::of(map_of(values)) }
        };
        Ok(sums.finish(-1.0).into_iter().enumerate().map(one).collect())
    }
}

#[cfg(test)]
mod tests;
