//! One file a method, or a family of methods that share a pass: options on top, then how it is computed.

mod baseline;
mod blur_ig;
mod cam;
mod copies;
mod expected_gradients;
mod gradient;
mod guided_ig;
mod integrated_gradients;
mod lrp;
mod occlusion;
mod rise;
mod smooth_grad;
#[cfg(test)]
mod testing;
mod xrai;

pub use backlit_net::engine::Quadrature;
pub use baseline::{Baseline, BaselineError};
pub use blur_ig::BlurIg;
pub use cam::{AblationCam, Cam, CamKind, EigenCam, FullGrad, GuidedGradCam, ScoreCam, Upsample};
pub use expected_gradients::ExpectedGradients;
pub use gradient::GradientPass;
pub use guided_ig::GuidedIg;
pub use integrated_gradients::IntegratedGradients;
pub use lrp::Lrp;
pub use occlusion::Occlusion;
pub use rise::Rise;
pub(crate) use smooth_grad::NoisyMoments;
pub use smooth_grad::{Moment, NoiseScale, SmoothGrad};
pub use xrai::Xrai;
