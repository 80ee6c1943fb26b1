//! Completeness: does an attribution add up to what it claims to divide?

use serde::Serialize;

use super::error::attribution;
use super::{MeasureError, Measured, Undefined};
use crate::Map;

/// How an attribution's sum compares with the change of the score from a baseline to the image.
///
/// Integrated gradients promise that the two are equal (Sundararajan et al. 2017, arXiv:1703.01365), so does LRP with a
/// zero baseline, up to what biases absorb; a gradient or a Grad-CAM promises nothing of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Completeness {
    /// Sum of the attribution over all pixels and channels.
    pub sum: f64,
    /// Score at the image less score at the baseline.
    pub difference: f64,
}

impl Completeness {
    /// Of an attribution `[224, 224, 1]` or `[224, 224, 3]`, signed and not normalised. No forward pass: whoever made
    /// the attribution has seen both scores.
    ///
    /// # Errors
    /// [`MeasureError`], also for scores that are not finite.
    pub fn of(map: &Map, at_image: f64, at_baseline: f64) -> Result<Completeness, MeasureError> {
        let difference = at_image - at_baseline;
        if !difference.is_finite() {
            let (name, found) = ("the difference of the scores", difference.to_string());
            return Err(MeasureError::Setting { name, found, expected: "a finite number" });
        }
        Ok(Completeness { sum: attribution(map)?.iter().map(|&v| f64::from(v)).sum(), difference })
    }

    /// `|sum - difference|`, in units of the score. **Lower is better.**
    pub fn residual(&self) -> f64 {
        (self.sum - self.difference).abs()
    }

    /// The residual as a share of the difference. **Lower is better.**
    ///
    /// # Errors
    /// [`Undefined::NoDifference`] where there is nothing to explain.
    pub fn relative(&self) -> Measured {
        match self.difference == 0.0 {
            true => Err(Undefined::NoDifference),
            false => Ok(self.residual() / self.difference.abs()),
        }
    }
}
