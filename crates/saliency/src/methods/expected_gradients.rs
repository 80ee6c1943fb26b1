//! Expected gradients.

use serde::Serialize;

use super::Baseline;
use crate::explain::{Attribute, Context};
use crate::{Attribution, MethodError};

/// `E[(x - x') * dS(x' + a (x - x'))/dx]` over baselines x' and a uniform in 0..1
/// (Erion et al. 2019, arXiv:1906.10670).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExpectedGradients {
    /// Samples of baseline and a.
    pub samples: usize,
    /// The baselines drawn from, uniformly.
    pub baselines: Vec<Baseline>,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for ExpectedGradients {
    /// 100 samples over black, white, mean and blurred baselines; a folder of photographs is the better choice.
    fn default() -> Self {
        let baselines = vec![Baseline::Black, Baseline::White, Baseline::Mean, Baseline::Blur { sigma: 10.0 }];
        ExpectedGradients { samples: 100, baselines, seed: 0 }
    }
}

impl Attribute for ExpectedGradients {
    fn attribute(&self, _context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        todo!()
    }
}
