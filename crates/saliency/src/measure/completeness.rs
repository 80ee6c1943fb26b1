//! Completeness: does an attribution add up to what it claims to divide?

use super::{Measured, Undefined};
use crate::Completeness;

/// `|sum - difference|` as a share of the difference of scores that an attribution shares out. **Lower is better.**
///
/// Integrated gradients promise that it is 0 (Sundararajan et al. 2017, arXiv:1703.01365), so do FullGrad and, up to
/// what biases absorb, LRP; a gradient or a Grad-CAM promises nothing of the kind. No forward pass: whoever made the
/// attribution has seen both scores.
///
/// # Errors
/// [`Undefined::NoDifference`] where there is nothing to share out.
pub fn relative_residual(completeness: &Completeness) -> Measured {
    match completeness.expected == 0.0 {
        true => Err(Undefined::NoDifference),
        false => Ok(completeness.residual.abs() / completeness.expected.abs()),
    }
}
