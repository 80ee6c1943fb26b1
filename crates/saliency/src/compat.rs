//! Compatibility: other tools' defaults, as recipes.
//!
//! Tools of the same trade give different numbers under the same name. Each preset here is a [`Recipe`] and
//! [`MapOptions`] with what that tool does unless told otherwise, so that the difference is a parameter on record and
//! no surprise. Read from the tools' own sources: captum 0.9, saliency (PAIR) 0.2.1, tf-keras-vis 0.8.7, grad-cam 1.5.7,
//! torchcam 0.5, keras-vis 0.4.1 and its last commit.

use backlit_net::named;

use crate::mask::Fill;
use crate::methods::{
    Alpha, Baseline, BlurIg, Cam, ChannelWeights, Edge, ExpectedGradients, GuidedGradCam, GuidedIg,
    IntegratedGradients, Moment, NoiseScale, Occlusion, Overlap, Quadrature, ScoreCam, SmoothGrad, Stretch, Upsample,
    Xrai,
};
use crate::{MapOptions, Method, Modifier, Recipe, Reduction};

/// A tool whose defaults can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compat {
    /// captum: signed values summed over channels, zeros of the network's input as baseline, noise of 1 in its units.
    Captum,
    /// PAIR's saliency: `sum |g|`, SmoothGrad as the mean of squares, path ends included.
    Pair,
    /// tf-keras-vis: `max |g|`, CAMs enlarged with their end points aligned.
    TfKerasVis,
    /// pytorch-grad-cam: CAMs enlarged as OpenCV does.
    PytorchGradCam,
    /// torchcam: CAMs enlarged as Pillow's bicubic does. (Its overlay also squares the values, which is not repeated.)
    Torchcam,
    /// keras-vis 0.4.1's `visualize_saliency`. Its guided and rectified maps are of a network whose forward pass it
    /// changed, and are refused.
    KerasVis041,
    /// The last commit of keras-vis: `max |g|`; CAMs enlarged by a cubic spline.
    KerasVisMaster,
}

named!(Compat, "tool", {
    Captum = "captum",
    Pair = "pair" | "saliency",
    TfKerasVis = "tf-keras-vis" | "tf_keras_vis",
    PytorchGradCam = "pytorch-grad-cam" | "pytorch_grad_cam" | "grad_cam",
    Torchcam = "torchcam" | "torch_cam",
    KerasVis041 = "keras-vis-0.4.1" | "keras_vis_0.4.1",
    KerasVisMaster = "keras-vis-master" | "keras_vis_master",
});

impl Compat {
    /// The tool's own parameters for a method and what it makes of the values; `None` for what the tool does not have.
    pub fn recipe(self, method: Method) -> Option<(Recipe, MapOptions)> {
        let recipe = match self {
            Compat::Captum => captum(method),
            Compat::Pair => pair(method),
            Compat::TfKerasVis => tf_keras_vis(method),
            Compat::PytorchGradCam => pytorch_grad_cam(method),
            Compat::Torchcam => torchcam(method),
            Compat::KerasVis041 => (method == Method::Gradient).then(|| Recipe::new(method)),
            Compat::KerasVisMaster => keras_vis_master(method),
        };
        Some((recipe?, self.map_options(method)))
    }

    /// The methods that the tool has.
    pub fn methods(self) -> impl Iterator<Item = Method> {
        Method::ALL.iter().copied().filter(move |&m| self.recipe(m).is_some())
    }

    fn map_options(self, method: Method) -> MapOptions {
        let places = method.is_coarse();
        let none = MapOptions { modifier: Modifier::None, sigma: 0.0, ..MapOptions::default() };
        match (self, method) {
            // Saliency takes |g|, all others keep the sign; its pictures sum channels.
            (Compat::Captum, Method::Gradient) => {
                MapOptions { modifier: Modifier::Absolute, reduction: Reduction::Sum, normalize: false, ..none }
            }
            (Compat::Captum, _) => MapOptions { reduction: Reduction::Sum, normalize: false, ..none },
            (Compat::Pair, _) if !places => {
                MapOptions { modifier: Modifier::Absolute, reduction: Reduction::Sum, ..none }
            }
            // A picture in three colours.
            (Compat::PytorchGradCam, Method::Guided) => MapOptions { reduction: Reduction::None, ..none },
            (_, _) if places => none,
            _ => MapOptions { modifier: Modifier::Absolute, ..none },
        }
    }
}

fn cam(method: Method, relu: bool, upsample: Upsample) -> Recipe {
    match Recipe::new(method) {
        Recipe::Cam(usual) => Recipe::Cam(Cam { relu, upsample, ..usual }),
        Recipe::ScoreCam(usual) => Recipe::ScoreCam(ScoreCam { upsample, ..usual }),
        other => other,
    }
}

/// Defaults of `NoiseTunnel`, `IntegratedGradients`, `GradientShap`, `LayerGradCam` with `LayerAttribution.interpolate`,
/// `GuidedGradCam` and `Occlusion`, whose window has no default: it stays ours.
fn captum(method: Method) -> Option<Recipe> {
    let noisy = |moment| {
        Recipe::SmoothGrad(SmoothGrad {
            moment,
            samples: 5,
            noise: 1.0,
            scale: NoiseScale::Absolute,
            ..Default::default()
        })
    };
    Some(match method {
        Method::Gradient | Method::GradientXInput | Method::Guided | Method::Rectified => Recipe::new(method),
        Method::SmoothGrad => noisy(Moment::Mean),
        Method::SmoothGradSquared => noisy(Moment::MeanSquare),
        Method::VarGrad => noisy(Moment::Variance),
        Method::IntegratedGradients => Recipe::IntegratedGradients(IntegratedGradients {
            steps: 50,
            quadrature: Quadrature::GaussLegendre,
            baseline: Baseline::Mean,
        }),
        Method::ExpectedGradients => Recipe::ExpectedGradients(ExpectedGradients {
            samples: 5,
            baselines: vec![Baseline::Mean],
            ..ExpectedGradients::default()
        }),
        Method::GradCam => cam(method, false, Upsample::Nearest),
        Method::GuidedGradCam => {
            Recipe::GuidedGradCam(GuidedGradCam { upsample: Upsample::Nearest, ..GuidedGradCam::default() })
        }
        Method::Occlusion => Recipe::Occlusion(Occlusion {
            fill: Fill::Mean,
            edge: Edge::Cut,
            overlap: Overlap::Mean,
            ..Occlusion::default()
        }),
        _ => return None,
    })
}

/// Defaults of `GetMask` and `GetSmoothedMask` (`magnitude=True`: the mean of squares). Zeros of the network's input are
/// the baseline.
fn pair(method: Method) -> Option<Recipe> {
    Some(match method {
        Method::Gradient => Recipe::new(method),
        Method::SmoothGrad | Method::SmoothGradSquared => Recipe::SmoothGrad(SmoothGrad {
            moment: Moment::MeanSquare,
            samples: 25,
            noise: 0.15,
            scale: NoiseScale::Range,
            ..SmoothGrad::default()
        }),
        Method::IntegratedGradients => Recipe::IntegratedGradients(IntegratedGradients {
            steps: 25,
            quadrature: Quadrature::Inclusive,
            baseline: Baseline::Mean,
        }),
        Method::BlurIg => {
            Recipe::BlurIg(BlurIg { steps: 100, max_sigma: 50.0, gradient_step: 0.01, ..BlurIg::default() })
        }
        Method::GuidedIg => {
            Recipe::GuidedIg(GuidedIg { steps: 200, fraction: 0.25, max_distance: 0.02, baseline: Baseline::Mean })
        }
        Method::Xrai => {
            let baselines = vec![Baseline::Lowest, Baseline::Highest];
            Recipe::Xrai(Xrai { steps: 100, baselines, ..Xrai::default() })
        }
        Method::GradCam => cam(method, true, Upsample::Bilinear),
        Method::Occlusion => Recipe::Occlusion(Occlusion::pair()),
        _ => return None,
    })
}

/// `Saliency` with `smooth_noise=0.20` and the 20 samples of its examples (its default is none), `Gradcam`,
/// `GradcamPlusPlus`, `Layercam`, `Scorecam`, and guided backpropagation by its model modifier.
fn tf_keras_vis(method: Method) -> Option<Recipe> {
    Some(match method {
        Method::Gradient | Method::Guided => Recipe::new(method),
        Method::SmoothGrad => Recipe::SmoothGrad(SmoothGrad {
            moment: Moment::MeanAbsolute,
            samples: 20,
            noise: 0.2,
            scale: NoiseScale::Range,
            ..SmoothGrad::default()
        }),
        Method::GradCam | Method::GradCamPlusPlus | Method::LayerCam | Method::ScoreCam => {
            match cam(method, true, Upsample::BilinearAligned) {
                // The map lacks the factor exp S, which normalisation would take out again.
                Recipe::Cam(usual) => Recipe::Cam(Cam { alpha: Alpha::Normalised, ..usual }),
                Recipe::ScoreCam(usual) => Recipe::ScoreCam(ScoreCam { weights: ChannelWeights::Scores, ..usual }),
                other => other,
            }
        }
        _ => return None,
    })
}

/// All of it is bilinear with half-pixel centres, as OpenCV resizes, negative values cut off.
fn pytorch_grad_cam(method: Method) -> Option<Recipe> {
    let has = [
        Method::Guided,
        Method::GradCam,
        Method::GradCamPlusPlus,
        Method::HiResCam,
        Method::XGradCam,
        Method::LayerCam,
        Method::ScoreCam,
        Method::AblationCam,
        Method::EigenCam,
        Method::FullGrad,
    ];
    // Score-CAM's masks are aligned and its weights a softmax, as by default.
    has.contains(&method).then(|| match cam(method, true, Upsample::Bilinear) {
        Recipe::Cam(usual) => Recipe::Cam(Cam { alpha: Alpha::Damped, ..usual }),
        other => other,
    })
}

fn torchcam(method: Method) -> Option<Recipe> {
    let has = [Method::GradCam, Method::GradCamPlusPlus, Method::XGradCam, Method::LayerCam, Method::ScoreCam];
    has.contains(&method).then(|| match cam(method, true, Upsample::Bicubic) {
        Recipe::Cam(usual) => Recipe::Cam(Cam { alpha: Alpha::Squared, ..usual }),
        Recipe::ScoreCam(usual) => {
            Recipe::ScoreCam(ScoreCam { masks: Upsample::Bilinear, stretch: Stretch::Coarse, ..usual })
        }
        other => other,
    })
}

fn keras_vis_master(method: Method) -> Option<Recipe> {
    Some(match method {
        Method::Gradient | Method::Guided | Method::Rectified => Recipe::new(method),
        Method::GradCam => cam(method, true, Upsample::Spline),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(compat: Compat, method: Method) -> Recipe {
        compat.recipe(method).unwrap().0
    }

    #[test]
    fn every_tool_has_something_and_lacks_something() {
        for &compat in Compat::ALL {
            assert_eq!(compat.as_str().parse(), Ok(compat));
            let methods: Vec<Method> = compat.methods().collect();
            assert!(!methods.is_empty() && methods.len() < Method::ALL.len(), "{compat}");
            for method in methods {
                let (recipe, options) = compat.recipe(method).unwrap();
                assert!(
                    recipe.method() == method || (compat, method) == (Compat::Pair, Method::SmoothGrad),
                    "{compat}"
                );
                assert_eq!(options.sigma, 0.0, "nobody smooths");
            }
        }
        assert!(Compat::KerasVis041.recipe(Method::Guided).is_none(), "it changes the forward pass");
    }

    /// The table of the same name and different numbers.
    #[test]
    fn smooth_grad_differs() {
        let of = |compat| match recipe(compat, Method::SmoothGrad) {
            Recipe::SmoothGrad(r) => (r.moment, r.samples, r.noise, r.scale),
            other => panic!("{other:?}"),
        };
        assert_eq!(of(Compat::Captum), (Moment::Mean, 5, 1.0, NoiseScale::Absolute));
        assert_eq!(of(Compat::Pair), (Moment::MeanSquare, 25, 0.15, NoiseScale::Range));
        assert_eq!(of(Compat::TfKerasVis), (Moment::MeanAbsolute, 20, 0.2, NoiseScale::Range));
    }

    #[test]
    fn cams_differ() {
        let of = |compat| match recipe(compat, Method::GradCam) {
            Recipe::Cam(r) => (r.relu, r.upsample),
            other => panic!("{other:?}"),
        };
        assert_eq!(of(Compat::Captum), (false, Upsample::Nearest));
        assert_eq!(of(Compat::Pair), (true, Upsample::Bilinear));
        assert_eq!(of(Compat::TfKerasVis), (true, Upsample::BilinearAligned));
        assert_eq!(of(Compat::PytorchGradCam), (true, Upsample::Bilinear));
        assert_eq!(of(Compat::Torchcam), (true, Upsample::Bicubic));
        assert_eq!(of(Compat::KerasVisMaster), (true, Upsample::Spline));
        assert!(Compat::Captum.recipe(Method::GradCamPlusPlus).is_none());
    }

    #[test]
    fn grad_cam_plus_plus_and_score_cam_differ() {
        let alpha = |compat| match recipe(compat, Method::GradCamPlusPlus) {
            Recipe::Cam(r) => r.alpha,
            other => panic!("{other:?}"),
        };
        assert_eq!(alpha(Compat::PytorchGradCam), Alpha::Damped);
        assert_eq!(alpha(Compat::TfKerasVis), Alpha::Normalised);
        assert_eq!(alpha(Compat::Torchcam), Alpha::Squared);
        let score = |compat| match recipe(compat, Method::ScoreCam) {
            Recipe::ScoreCam(r) => (r.masks, r.stretch, r.weights),
            other => panic!("{other:?}"),
        };
        let softmax = ChannelWeights::Softmax;
        assert_eq!(score(Compat::PytorchGradCam), (Upsample::BilinearAligned, Stretch::Fine, softmax));
        assert_eq!(score(Compat::TfKerasVis), (Upsample::BilinearAligned, Stretch::Fine, ChannelWeights::Scores));
        assert_eq!(score(Compat::Torchcam), (Upsample::Bilinear, Stretch::Coarse, softmax));
        assert_eq!(recipe(Compat::Pair, Method::Occlusion), Recipe::Occlusion(Occlusion::pair()));
        match recipe(Compat::Pair, Method::Xrai) {
            Recipe::Xrai(r) => assert_eq!(r.baselines, [Baseline::Lowest, Baseline::Highest]),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn channels_differ() {
        let of = |compat: Compat| {
            let options = compat.recipe(Method::Gradient).unwrap().1;
            (options.modifier, options.reduction, options.normalize)
        };
        assert_eq!(of(Compat::Captum), (Modifier::Absolute, Reduction::Sum, false));
        assert_eq!(of(Compat::Pair), (Modifier::Absolute, Reduction::Sum, true));
        for compat in [Compat::TfKerasVis, Compat::KerasVis041, Compat::KerasVisMaster] {
            assert_eq!(of(compat), (Modifier::Absolute, Reduction::Max, true));
        }
        let signed = Compat::Captum.recipe(Method::IntegratedGradients).unwrap().1;
        assert_eq!((signed.modifier, signed.reduction), (Modifier::None, Reduction::Sum));
    }

    #[test]
    fn quadratures_differ() {
        let of = |compat| match recipe(compat, Method::IntegratedGradients) {
            Recipe::IntegratedGradients(r) => (r.steps, r.quadrature, r.baseline),
            other => panic!("{other:?}"),
        };
        assert_eq!(of(Compat::Captum), (50, Quadrature::GaussLegendre, Baseline::Mean));
        assert_eq!(of(Compat::Pair), (25, Quadrature::Inclusive, Baseline::Mean));
    }
}
