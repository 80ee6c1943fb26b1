//! Methods: the ways from a score to a map, by the names that users know.

use backlit_net::named;

/// How a map is made. What each computes, with its source, stands with its options: see [`Recipe`](crate::Recipe).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// The true gradient. Aliases `vanilla`, `saliency`.
    #[default]
    Gradient,
    /// Gradient times input.
    GradientXInput,
    /// Guided backpropagation.
    Guided,
    /// The deconvnet's rule. Aliases `relu`, `deconv`, `deconvnet`.
    Rectified,
    /// Mean of the gradient over noisy copies.
    SmoothGrad,
    /// Mean of its square.
    SmoothGradSquared,
    /// Its variance.
    VarGrad,
    /// Integrated gradients.
    IntegratedGradients,
    /// Integrated gradients averaged over baselines.
    ExpectedGradients,
    /// Integrated gradients along a path of blurs.
    BlurIg,
    /// Integrated gradients along a path that avoids large gradients.
    GuidedIg,
    /// Regions ranked by integrated gradients.
    Xrai,
    /// Grad-CAM.
    GradCam,
    /// Grad-CAM++.
    GradCamPlusPlus,
    /// HiResCAM.
    HiResCam,
    /// XGrad-CAM.
    XGradCam,
    /// Layer-CAM.
    LayerCam,
    /// Score-CAM.
    ScoreCam,
    /// Ablation-CAM.
    AblationCam,
    /// Eigen-CAM.
    EigenCam,
    /// FullGrad.
    FullGrad,
    /// Guided backpropagation times Grad-CAM.
    GuidedGradCam,
    /// A patch slides over the picture.
    Occlusion,
    /// Random masks.
    Rise,
    /// Layer-wise relevance propagation.
    Lrp,
}

named!(Method, "method", {
    Gradient = "gradient" | "vanilla" | "saliency",
    GradientXInput = "gradient-x-input" | "gradient_x_input" | "input_x_gradient",
    Guided = "guided" | "guided_backprop",
    Rectified = "rectified" | "relu" | "deconv" | "deconvnet",
    SmoothGrad = "smoothgrad",
    SmoothGradSquared = "smoothgrad-squared" | "smoothgrad_squared" | "smoothgrad_sq",
    VarGrad = "vargrad",
    IntegratedGradients = "ig" | "integrated_gradients",
    ExpectedGradients = "expected-gradients" | "expected_gradients" | "gradient_shap",
    BlurIg = "blur-ig" | "blur_ig",
    GuidedIg = "guided-ig" | "guided_ig",
    Xrai = "xrai",
    GradCam = "gradcam" | "grad_cam",
    GradCamPlusPlus = "gradcam++" | "gradcampp" | "gradcam_plus_plus",
    HiResCam = "hirescam",
    XGradCam = "xgradcam",
    LayerCam = "layercam",
    ScoreCam = "scorecam",
    AblationCam = "ablationcam",
    EigenCam = "eigencam",
    FullGrad = "fullgrad",
    GuidedGradCam = "guided-gradcam" | "guided_gradcam",
    Occlusion = "occlusion",
    Rise = "rise",
    Lrp = "lrp",
});

impl Method {
    /// Whether its maps are made of a grid coarser than the pixels, or of patches: there is nothing to smooth, and
    /// their sign has been dealt with.
    pub fn is_coarse(self) -> bool {
        use Method::*;
        matches!(
            self,
            Xrai | GradCam
                | GradCamPlusPlus
                | HiResCam
                | XGradCam
                | LayerCam
                | ScoreCam
                | AblationCam
                | EigenCam
                | FullGrad
                | Occlusion
                | Rise
        )
    }

    /// What every picture made by the method must say about it, if there is something.
    ///
    /// Guided backpropagation and the deconvnet hardly change when the upper layers are randomised
    /// (Adebayo et al. 2018, arXiv:1810.03292; why: Nie et al. 2018, arXiv:1805.07039).
    pub fn caution(self) -> Option<&'static str> {
        match self {
            Method::Guided | Method::Rectified | Method::GuidedGradCam => {
                Some("fails the sanity check by randomisation (Adebayo et al. 2018, arXiv:1810.03292)")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_method() {
        for &method in Method::ALL {
            assert_eq!(method.as_str().parse(), Ok(method));
        }
        assert_eq!(Method::ALL.len(), 25);
    }
}
