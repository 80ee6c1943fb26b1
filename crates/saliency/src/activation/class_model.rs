//! Simonyan's class model.

use backlit_net::IMAGE_LEN;
use backlit_net::preprocess::Preprocessing;
use serde::Serialize;

use super::{ActivationError, Climb, picture};

/// `argmax of S_c(I) - lambda |I|^2` by gradient ascent from a picture of zeros, that is of the mean colour; the mean
/// is added for the eye (Simonyan et al. 2013, arXiv:1312.6034, section 2).
///
/// The paper gives neither lambda nor the rate. Here I is in grey levels about the mean, and each step adds `rate`
/// times the gradient of the whole. In the end the score's gradient is `2 lambda I`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClassModel {
    /// Steps.
    pub steps: usize,
    /// Weight of the squared L2 norm.
    pub lambda: f64,
    /// Levels for a unit of the gradient.
    pub rate: f64,
}

impl Default for ClassModel {
    /// 200 steps.
    fn default() -> Self {
        ClassModel { steps: 200, lambda: 1e-4, rate: 100.0 }
    }
}

impl ClassModel {
    /// Returns the last tensor.
    pub(super) fn climb(&self, kind: Preprocessing, climb: &mut Climb<'_, '_>) -> Result<Vec<f32>, ActivationError> {
        ActivationError::check_weight("lambda", self.lambda)?;
        ActivationError::check_weight("rate", self.rate)?;
        if self.rate * self.lambda >= 1.0 {
            // The penalty alone would be overshot by more than it was.
            return Err(ActivationError::parameter("rate", self.rate, "give less than 1 / lambda"));
        }
        let scale = picture::scale(kind);
        let mut x = vec![0f64; IMAGE_LEN];
        let tensor_of = |x: &[f64]| x.iter().map(|v| (v * scale) as f32).collect::<Vec<f32>>();
        let mut tensor = tensor_of(&x);
        for _ in 0..climb.steps {
            let (score, gradient) = climb.score(&tensor)?;
            let loss = self.lambda * x.iter().map(|v| v * v).sum::<f64>() - score;
            for (x, &g) in x.iter_mut().zip(&gradient) {
                *x += self.rate * (scale * f64::from(g) - 2.0 * self.lambda * *x);
            }
            tensor = tensor_of(&x);
            climb.took(loss, score, &tensor)?;
        }
        Ok(tensor)
    }
}
