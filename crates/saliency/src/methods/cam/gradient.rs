//! The maps that one gradient at a tap gives: Grad-CAM, Grad-CAM++, HiResCAM, XGrad-CAM, Layer-CAM.

use backlit_net::{Tap, named};
use serde::Serialize;

use super::{Upsample, attribution, per_channel, weighted_sum};
use crate::explain::{Attribute, Context, Needs, TapView};
use crate::{Attribution, Method, MethodError};

/// How a channel is weighted; Z is the number of positions, sums run over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CamKind {
    /// `w_k = sum g / Z` (Selvaraju et al. 2016, arXiv:1610.02391).
    #[default]
    GradCam,
    /// `w_k = sum alpha relu(g)` with the [`Alpha`] of Chattopadhay et al. 2017, arXiv:1710.11063.
    GradCamPlusPlus,
    /// Each element by its own gradient, `sum over k of g A` (Draelos and Carin 2020, arXiv:2011.08891).
    HiResCam,
    /// `w_k = sum g A / sum A` (Fu et al. 2020, arXiv:2008.02312); 0 for a channel that is 0 everywhere.
    XGradCam,
    /// Each element by its own positive gradient, `sum over k of relu(g) A` (Jiang et al. 2021,
    /// doi:10.1109/TIP.2021.3089943).
    LayerCam,
}

named!(CamKind, "CAM", {
    GradCam = "gradcam",
    GradCamPlusPlus = "gradcam++" | "gradcampp",
    HiResCam = "hirescam",
    XGradCam = "xgradcam",
    LayerCam = "layercam",
});

/// Grad-CAM++'s coefficient of each element; `T = sum A` over the channel. Peers agree on the name only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alpha {
    /// `g^2 / (2 g^2 + T g^3) = 1 / (2 + T g)`: equation 19 of the paper, with the score behind an exponential.
    #[default]
    Paper,
    /// `g^2 / (2 g^2 + T g^3 + 1e-6)`: pytorch-grad-cam. The constant is larger than g^2 at this network's last block,
    /// so that weights there go with `g^3` rather than with g.
    Damped,
    /// The paper's, divided by its sum over the channel: tf-keras-vis. (Its map is larger by a factor exp S, which no
    /// normalised map shows.)
    Normalised,
    /// `g^2`: torchcam 0.5.0, whose division by the denominator is lost in a copy.
    Squared,
}

named!(Alpha, "alpha", {
    Paper = "paper",
    Damped = "damped",
    Normalised = "normalised" | "normalized",
    Squared = "squared",
});

/// pytorch-grad-cam's constant in [`Alpha::Damped`].
const DAMPING: f64 = 1e-6;

/// The maps that one gradient at a tap gives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cam {
    /// How channels are weighted.
    pub kind: CamKind,
    /// Where: the output of a block.
    pub layer: Tap,
    /// Whether negative values are cut off, before up-sampling.
    pub relu: bool,
    /// How the map is brought to the size of the picture.
    pub upsample: Upsample,
    /// For Grad-CAM++, no other kind looks at it: the coefficient of each element.
    pub alpha: Alpha,
}

impl Default for Cam {
    /// Grad-CAM at the last block, negative values cut off, bilinear; the paper's alpha.
    fn default() -> Self {
        let (kind, alpha) = (CamKind::GradCam, Alpha::Paper);
        Cam { kind, layer: Tap::LAST, relu: true, upsample: Upsample::default(), alpha }
    }
}

impl CamKind {
    /// The method of that name.
    pub fn method(self) -> Method {
        match self {
            CamKind::GradCam => Method::GradCam,
            CamKind::GradCamPlusPlus => Method::GradCamPlusPlus,
            CamKind::HiResCam => Method::HiResCam,
            CamKind::XGradCam => Method::XGradCam,
            CamKind::LayerCam => Method::LayerCam,
        }
    }
}

impl Alpha {
    /// `alpha * relu(g)` but for [`Alpha::Normalised`]'s division; 0 where nothing is defined.
    pub(super) fn times_relu(self, g: f64, total: f64) -> f64 {
        if g <= 0.0 {
            return 0.0;
        }
        match self {
            Alpha::Squared => g * g * g,
            _ => g * self.value(g, total),
        }
    }

    /// alpha itself.
    pub(super) fn value(self, g: f64, total: f64) -> f64 {
        let denominator = 2.0 + total * g;
        match self {
            _ if g == 0.0 => 0.0,
            Alpha::Squared => g * g,
            Alpha::Damped => match g * g * denominator + DAMPING {
                0.0 => 0.0,
                damped => g * g / damped,
            },
            Alpha::Paper | Alpha::Normalised if denominator == 0.0 => 0.0,
            Alpha::Paper | Alpha::Normalised => 1.0 / denominator,
        }
    }

    /// The weights of Grad-CAM++.
    fn weights(self, tap: &TapView<'_>, gradient: &[f32]) -> Vec<f64> {
        let totals = per_channel(tap, gradient, |a, _| a);
        let (mut sums, mut norms) = (vec![0.0; tap.channels], vec![0.0; tap.channels]);
        for pixel in gradient.chunks_exact(tap.channels) {
            for (k, &g) in pixel.iter().enumerate() {
                sums[k] += self.times_relu(g.into(), totals[k]);
                norms[k] += self.value(g.into(), totals[k]);
            }
        }
        if self == Alpha::Normalised {
            sums.iter_mut().zip(&norms).filter(|(_, norm)| **norm != 0.0).for_each(|(sum, norm)| *sum /= norm);
        }
        sums
    }
}

impl Cam {
    /// The coarse map `[side, side]`, signed.
    pub(super) fn coarse(&self, tap: &TapView<'_>, gradient: &[f32]) -> Vec<f64> {
        let elementwise = |f: fn(f64) -> f64| {
            let dot = |(a, g): (&[f32], &[f32])| a.iter().zip(g).map(|(&a, &g)| f(g.into()) * f64::from(a)).sum();
            tap.activation.chunks_exact(tap.channels).zip(gradient.chunks_exact(tap.channels)).map(dot).collect()
        };
        let weights = match self.kind {
            CamKind::HiResCam => return elementwise(|g| g),
            CamKind::LayerCam => return elementwise(|g| g.max(0.0)),
            CamKind::GradCam => {
                let positions = (tap.side * tap.side) as f64;
                per_channel(tap, gradient, |_, g| g / positions)
            }
            CamKind::XGradCam => {
                let products = per_channel(tap, gradient, |a, g| g * a);
                let totals = per_channel(tap, gradient, |a, _| a);
                products.iter().zip(totals).map(|(p, t)| if t == 0.0 { 0.0 } else { p / t }).collect()
            }
            CamKind::GradCamPlusPlus => self.alpha.weights(tap, gradient),
        };
        weighted_sum(tap, &weights)
    }
}

impl Attribute for Cam {
    fn needs(&self, needs: &mut Needs) {
        needs.tap(self.layer);
    }

    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        let tap = context.tap(self.layer);
        let one = |k| attribution(self.coarse(&tap, tap.gradient(k)), self.relu, self.upsample, 1);
        Ok((0..context.objectives.len()).map(one).collect())
    }
}
