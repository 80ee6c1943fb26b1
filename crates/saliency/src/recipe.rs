//! Recipes: a method with every one of its parameters.

use serde::Serialize;

use crate::Method;
use crate::explain::Attribute;
use crate::methods::{
    AblationCam, BlurIg, Cam, CamKind, EigenCam, ExpectedGradients, FullGrad, GradientPass, GuidedGradCam, GuidedIg,
    IntegratedGradients, Lrp, Moment, Occlusion, Rise, ScoreCam, SmoothGrad, Xrai,
};

/// A method and its parameters: what [`explain`](crate::explain()) follows and what a manifest records.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Recipe {
    /// `gradient`, `gradient-x-input`, `guided`, `rectified`.
    Pass(GradientPass),
    /// `smoothgrad`, `smoothgrad-squared`, `vargrad`.
    SmoothGrad(SmoothGrad),
    /// `ig`.
    IntegratedGradients(IntegratedGradients),
    /// `expected-gradients`.
    ExpectedGradients(ExpectedGradients),
    /// `blur-ig`.
    BlurIg(BlurIg),
    /// `guided-ig`.
    GuidedIg(GuidedIg),
    /// `xrai`.
    Xrai(Xrai),
    /// `gradcam`, `gradcam++`, `hirescam`, `xgradcam`, `layercam`.
    Cam(Cam),
    /// `scorecam`.
    ScoreCam(ScoreCam),
    /// `ablationcam`.
    AblationCam(AblationCam),
    /// `eigencam`.
    EigenCam(EigenCam),
    /// `fullgrad`.
    FullGrad(FullGrad),
    /// `guided-gradcam`.
    GuidedGradCam(GuidedGradCam),
    /// `occlusion`.
    Occlusion(Occlusion),
    /// `rise`.
    Rise(Rise),
    /// `lrp`.
    Lrp(Lrp),
}

impl Recipe {
    /// A method with its default parameters.
    pub fn new(method: Method) -> Recipe {
        let cam = |kind| Recipe::Cam(Cam { kind, ..Cam::default() });
        let noisy = |moment| Recipe::SmoothGrad(SmoothGrad { moment, ..SmoothGrad::default() });
        match method {
            Method::Gradient => Recipe::Pass(GradientPass::Gradient),
            Method::GradientXInput => Recipe::Pass(GradientPass::GradientXInput),
            Method::Guided => Recipe::Pass(GradientPass::Guided),
            Method::Rectified => Recipe::Pass(GradientPass::Rectified),
            Method::SmoothGrad => noisy(Moment::Mean),
            Method::SmoothGradSquared => noisy(Moment::MeanSquare),
            Method::VarGrad => noisy(Moment::Variance),
            Method::IntegratedGradients => Recipe::IntegratedGradients(IntegratedGradients::default()),
            Method::ExpectedGradients => Recipe::ExpectedGradients(ExpectedGradients::default()),
            Method::BlurIg => Recipe::BlurIg(BlurIg::default()),
            Method::GuidedIg => Recipe::GuidedIg(GuidedIg::default()),
            Method::Xrai => Recipe::Xrai(Xrai::default()),
            Method::GradCam => cam(CamKind::GradCam),
            Method::GradCamPlusPlus => cam(CamKind::GradCamPlusPlus),
            Method::HiResCam => cam(CamKind::HiResCam),
            Method::XGradCam => cam(CamKind::XGradCam),
            Method::LayerCam => cam(CamKind::LayerCam),
            Method::ScoreCam => Recipe::ScoreCam(ScoreCam::default()),
            Method::AblationCam => Recipe::AblationCam(AblationCam::default()),
            Method::EigenCam => Recipe::EigenCam(EigenCam::default()),
            Method::FullGrad => Recipe::FullGrad(FullGrad::default()),
            Method::GuidedGradCam => Recipe::GuidedGradCam(GuidedGradCam::default()),
            Method::Occlusion => Recipe::Occlusion(Occlusion::default()),
            Method::Rise => Recipe::Rise(Rise::default()),
            Method::Lrp => Recipe::Lrp(Lrp::default()),
        }
    }

    /// Its method.
    pub fn method(&self) -> Method {
        match self {
            Recipe::Pass(GradientPass::Gradient) => Method::Gradient,
            Recipe::Pass(GradientPass::GradientXInput) => Method::GradientXInput,
            Recipe::Pass(GradientPass::Guided) => Method::Guided,
            Recipe::Pass(GradientPass::Rectified) => Method::Rectified,
            Recipe::SmoothGrad(s) => match s.moment {
                Moment::Mean | Moment::MeanAbsolute => Method::SmoothGrad,
                Moment::MeanSquare => Method::SmoothGradSquared,
                Moment::Variance => Method::VarGrad,
            },
            Recipe::IntegratedGradients(_) => Method::IntegratedGradients,
            Recipe::ExpectedGradients(_) => Method::ExpectedGradients,
            Recipe::BlurIg(_) => Method::BlurIg,
            Recipe::GuidedIg(_) => Method::GuidedIg,
            Recipe::Xrai(_) => Method::Xrai,
            Recipe::Cam(cam) => match cam.kind {
                CamKind::GradCam => Method::GradCam,
                CamKind::GradCamPlusPlus => Method::GradCamPlusPlus,
                CamKind::HiResCam => Method::HiResCam,
                CamKind::XGradCam => Method::XGradCam,
                CamKind::LayerCam => Method::LayerCam,
            },
            Recipe::ScoreCam(_) => Method::ScoreCam,
            Recipe::AblationCam(_) => Method::AblationCam,
            Recipe::EigenCam(_) => Method::EigenCam,
            Recipe::FullGrad(_) => Method::FullGrad,
            Recipe::GuidedGradCam(_) => Method::GuidedGradCam,
            Recipe::Occlusion(_) => Method::Occlusion,
            Recipe::Rise(_) => Method::Rise,
            Recipe::Lrp(_) => Method::Lrp,
        }
    }

    pub(crate) fn as_attribute(&self) -> &dyn Attribute {
        match self {
            Recipe::Pass(m) => m,
            Recipe::SmoothGrad(m) => m,
            Recipe::IntegratedGradients(m) => m,
            Recipe::ExpectedGradients(m) => m,
            Recipe::BlurIg(m) => m,
            Recipe::GuidedIg(m) => m,
            Recipe::Xrai(m) => m,
            Recipe::Cam(m) => m,
            Recipe::ScoreCam(m) => m,
            Recipe::AblationCam(m) => m,
            Recipe::EigenCam(m) => m,
            Recipe::FullGrad(m) => m,
            Recipe::GuidedGradCam(m) => m,
            Recipe::Occlusion(m) => m,
            Recipe::Rise(m) => m,
            Recipe::Lrp(m) => m,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_a_recipe() {
        for &method in Method::ALL {
            assert_eq!(Recipe::new(method).method(), method);
        }
    }
}
