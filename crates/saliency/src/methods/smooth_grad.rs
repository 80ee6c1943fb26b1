//! SmoothGrad, SmoothGrad squared and VarGrad: moments of the gradient over noisy copies.

use std::cell::RefCell;
use std::rc::Rc;

use backlit_net::engine::{Moments, Pace, Sampler};
use backlit_net::{IMAGE_LEN, Rule, Seeds, named};
use serde::Serialize;

use super::copies::{check_count, check_number, map_of};
use crate::explain::{Attribute, Context};
use crate::{Attribution, MethodError, Recipe};

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

/// Moments of the gradient over copies of the picture with Gaussian noise. One run serves all moments, and all recipes
/// of one call whose other options are the same.
///
/// Copy i is `x + sigma z_i`, with `sigma = noise * scale` and z_i normal, independent for every value: see
/// [`Sampler::Noise`]. The noise belongs to the seed and the picture, not to the score asked about or the batch.
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

impl SmoothGrad {
    /// Standard deviation of the noise in units of the preprocessed picture.
    fn sigma(&self, tensor: &[f32]) -> f64 {
        match self.scale {
            NoiseScale::Absolute => self.noise,
            NoiseScale::Range => {
                let least = tensor.iter().copied().fold(f32::INFINITY, f32::min);
                let most = tensor.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                self.noise * (f64::from(most) - f64::from(least))
            }
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Moments, MethodError> {
        let method = Recipe::SmoothGrad(*self).method();
        check_count(method, "samples", self.samples, 1..=u32::MAX as usize)?;
        let fine = self.noise.is_finite() && self.noise >= 0.0;
        check_number(method, "noise", self.noise, fine, "it must be finite and not negative")?;
        let (subject, run) = (context.subject, context.run);
        let sampler = Sampler::Noise {
            sigma: self.sigma(subject.tensor),
            seed: self.seed,
            key: subject.key(),
            samples: self.samples,
        };
        let write = context.write_seeds();
        let seeds = Seeds::FromLogits { per_image: context.objectives.len(), write: &write };
        let mut watch = |done| run.step(done, self.samples).is_ok();
        let mut pace = Pace { batch: run.batch(), watch: Some(&mut watch) };
        Ok(context.engine.gradient_moments(subject.image()?, &sampler, seeds, Rule::Plain, &mut pace)?)
    }
}

impl Attribute for SmoothGrad {
    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        let found = context.noisy.of(self, || self.run(context))?;
        let values = match self.moment {
            Moment::Mean => &found.mean,
            Moment::MeanAbsolute => &found.mean_absolute,
            Moment::MeanSquare => &found.mean_square,
            Moment::Variance => &found.variance,
        };
        let one = |values: &[f32]| Attribution { samples: found.samples, ..Attribution::of(map_of(values.to_vec())) };
        Ok(values.chunks_exact(IMAGE_LEN).map(one).collect())
    }
}

/// Moments that were found for one picture, by the options that led to them.
#[derive(Default)]
pub(crate) struct NoisyMoments {
    found: RefCell<Vec<(SmoothGrad, Rc<Moments>)>>,
}

impl NoisyMoments {
    /// Those of a recipe; all moments of one run are one entry.
    fn of(
        &self,
        recipe: &SmoothGrad,
        run: impl FnOnce() -> Result<Moments, MethodError>,
    ) -> Result<Rc<Moments>, MethodError> {
        let key = SmoothGrad { moment: Moment::default(), ..*recipe };
        if let Some((_, moments)) = self.found.borrow().iter().find(|(k, _)| *k == key) {
            return Ok(moments.clone());
        }
        let moments = Rc::new(run()?);
        self.found.borrow_mut().push((key, moments.clone()));
        Ok(moments)
    }
}

#[cfg(test)]
mod tests;
