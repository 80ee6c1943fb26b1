//! The family of class activation maps: weighted sums of the channels at a block's output.

use backlit_net::{Tap, named};
use serde::Serialize;

use crate::explain::{Attribute, Context};
use crate::{Attribution, MethodError};

/// How a coarse map is brought to 224 x 224.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Upsample {
    /// Bilinear, half-pixel centres: OpenCV and PyTorch without aligned corners.
    #[default]
    Bilinear,
    /// Bilinear with the end points aligned: SciPy's `zoom` of order 1.
    BilinearAligned,
    /// Nearest neighbour.
    Nearest,
    /// Pillow's bicubic, a = -0.5, half-pixel centres.
    Bicubic,
    /// Cubic spline with the end points aligned: SciPy's `zoom` of order 3.
    Spline,
}

named!(Upsample, "up-sampling", {
    Bilinear = "bilinear",
    BilinearAligned = "bilinear-aligned" | "bilinear_aligned",
    Nearest = "nearest",
    Bicubic = "bicubic",
    Spline = "spline",
});

/// How a channel is weighted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CamKind {
    /// Mean of the gradient (Selvaraju et al. 2016, arXiv:1610.02391).
    #[default]
    GradCam,
    /// Chattopadhay et al. 2017, arXiv:1710.11063.
    GradCamPlusPlus,
    /// Each element by its own gradient (Draelos and Carin 2020, arXiv:2011.08891).
    HiResCam,
    /// Fu et al. 2020, arXiv:2008.02312.
    XGradCam,
    /// Each element by its own positive gradient (Jiang et al. 2021, doi:10.1109/TIP.2021.3089943).
    LayerCam,
}

named!(CamKind, "CAM", {
    GradCam = "gradcam",
    GradCamPlusPlus = "gradcam++" | "gradcampp",
    HiResCam = "hirescam",
    XGradCam = "xgradcam",
    LayerCam = "layercam",
});

/// The maps that one gradient at a tap gives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cam {
    /// How channels are weighted.
    pub kind: CamKind,
    /// Where: the output of a block.
    pub layer: Tap,
    /// Whether negative values are cut off in the end.
    pub relu: bool,
    /// How the map is brought to the size of the picture.
    pub upsample: Upsample,
}

impl Default for Cam {
    /// Grad-CAM at the last block, negative values cut off, bilinear.
    fn default() -> Self {
        Cam { kind: CamKind::GradCam, layer: Tap::LAST, relu: true, upsample: Upsample::default() }
    }
}

macro_rules! layered {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Serialize)]
        pub struct $name {
            /// Where: the output of a block.
            pub layer: Tap,
            /// How the map is brought to the size of the picture.
            pub upsample: Upsample,
        }

        impl Default for $name {
            /// At the last block, bilinear.
            fn default() -> Self {
                $name { layer: Tap::LAST, upsample: Upsample::default() }
            }
        }

        impl Attribute for $name {
            fn attribute(&self, _context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
                todo!()
            }
        }
    };
}

layered!(
    /// Channels weighted by the score of the picture seen through them (Wang et al. 2019, arXiv:1910.01279).
    ScoreCam
);
layered!(
    /// Channels weighted by the score lost without them (Desai and Ramaswamy 2020, doi:10.1109/WACV45572.2020.9093360).
    AblationCam
);
layered!(
    /// First principal component of the activations, whatever the class (Muhammad and Yeasin 2020, arXiv:2008.00299).
    EigenCam
);
layered!(
    /// Guided backpropagation times up-sampled Grad-CAM (Selvaraju et al. 2016, arXiv:1610.02391).
    GuidedGradCam
);

/// Input and bias gradients of every layer (Srinivas and Fleuret 2019, arXiv:1905.00780).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct FullGrad {
    /// How the maps of the layers are brought to the size of the picture.
    pub upsample: Upsample,
}

impl Attribute for FullGrad {
    fn attribute(&self, _context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        todo!()
    }
}

impl Attribute for Cam {
    fn attribute(&self, _context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        todo!()
    }
}
