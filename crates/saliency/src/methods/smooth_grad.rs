//! SmoothGrad, SmoothGrad squared and VarGrad: moments of the gradient over noisy copies.

use backlit_net::named;
use serde::Serialize;

use crate::explain::{Attribute, Context};
use crate::{Attribution, MethodError};

/// Which moment of the gradient g over the noisy copies is the attribution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moment {
    /// `E[g]`: SmoothGrad (Smilkov et al. 2017, arXiv:1706.03825).
    #[default]
    Mean,
    /// `E[|g|]`, as tf-keras-vis does it.
    MeanAbsolute,
    /// `E[g^2]`: SmoothGrad squared (Hooker et al. 2018, arXiv:1806.10758).
    MeanSquare,
    /// `E[g^2] - E[g]^2`: VarGrad (Adebayo et al. 2018, arXiv:1810.03307).
    Variance,
}

named!(Moment, "moment", {
    Mean = "mean", MeanAbsolute = "mean_absolute", MeanSquare = "mean_square", Variance = "variance",
});

/// What the standard deviation of the noise is a multiple of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoiseScale {
    /// The range, maximum less minimum, of the preprocessed picture.
    #[default]
    Range,
    /// 1: the noise is given in the units of the preprocessed picture.
    Absolute,
}

named!(NoiseScale, "noise scale", { Range = "range", Absolute = "absolute" });

/// Moments of the gradient over copies of the picture with Gaussian noise. One run serves all moments.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SmoothGrad {
    /// Which moment.
    pub moment: Moment,
    /// Noisy copies.
    pub samples: usize,
    /// Standard deviation of the noise, in units of `scale`.
    pub noise: f64,
    /// What `noise` is a multiple of.
    pub scale: NoiseScale,
    /// Seed of the noise.
    pub seed: u64,
}

impl Default for SmoothGrad {
    /// 50 copies, noise of 15 % of the range: the middle of the paper's 10 to 20 %.
    fn default() -> Self {
        SmoothGrad { moment: Moment::Mean, samples: 50, noise: 0.15, scale: NoiseScale::Range, seed: 0 }
    }
}

impl Attribute for SmoothGrad {
    fn attribute(&self, _context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        todo!()
    }
}
