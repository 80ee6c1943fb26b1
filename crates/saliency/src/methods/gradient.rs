//! The methods of one backward pass: gradient, gradient x input, guided, rectified.

use backlit_net::{CHANNELS, Rule, SIDE, named};

use crate::explain::{Attribute, Context, Needs};
use crate::{Attribution, Map, MethodError};

/// A method that is one backward pass; it has no parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GradientPass {
    /// `dS/dx`, the true gradient (Simonyan et al. 2013, arXiv:1312.6034).
    Gradient,
    /// `x * dS/dx`, with x the preprocessed input (Shrikumar et al. 2016, arXiv:1605.01713): the share of each input
    /// value if the network were linear.
    GradientXInput,
    /// Guided backpropagation (Springenberg et al. 2014, arXiv:1412.6806). Draws edges more than it explains a class:
    /// see [`Method::caution`](crate::Method::caution).
    Guided,
    /// The deconvnet's rule (Zeiler and Fergus 2013, arXiv:1311.2901); the same caution holds.
    Rectified,
}

named!(GradientPass, "gradient method", {
    Gradient = "gradient",
    GradientXInput = "gradient-x-input" | "gradient_x_input",
    Guided = "guided",
    Rectified = "rectified",
});

impl GradientPass {
    fn rule(self) -> Rule {
        match self {
            GradientPass::Gradient | GradientPass::GradientXInput => Rule::Plain,
            GradientPass::Guided => Rule::Guided,
            GradientPass::Rectified => Rule::Rectified,
        }
    }
}

impl Attribute for GradientPass {
    fn needs(&self, needs: &mut Needs) {
        needs.rule(self.rule());
    }

    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        let one = |k| {
            let gradient = context.gradient(self.rule(), k);
            let values = match self {
                GradientPass::GradientXInput => {
                    gradient.iter().zip(context.subject.tensor).map(|(g, x)| g * x).collect()
                }
                _ => gradient.to_vec(),
            };
            Attribution::of(Map { height: SIDE, width: SIDE, channels: CHANNELS, values })
        };
        Ok((0..context.objectives.len()).map(one).collect())
    }
}
