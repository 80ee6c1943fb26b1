//! Blur integrated gradients.

use serde::Serialize;

use crate::explain::{Attribute, Context};
use crate::{Attribution, MethodError};

/// Integrated gradients along a path of ever less blurred copies of the picture
/// (Xu et al. 2020, arXiv:2004.03383), as PAIR's saliency computes it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BlurIg {
    /// Points on the path.
    pub steps: usize,
    /// Standard deviation of the strongest blur, in pixels.
    pub max_sigma: f64,
    /// Step of the difference quotient that says how the picture changes with the blur.
    pub gradient_step: f64,
    /// Whether the variance, rather than the standard deviation, grows linearly.
    pub sqrt: bool,
}

impl Default for BlurIg {
    /// PAIR's defaults: 100 steps up to 50 pixels, gradient step 0.01.
    fn default() -> Self {
        BlurIg { steps: 100, max_sigma: 50.0, gradient_step: 0.01, sqrt: false }
    }
}

impl Attribute for BlurIg {
    fn attribute(&self, _context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        todo!()
    }
}
