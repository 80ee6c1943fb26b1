//! One file a method, or a family of methods that share a pass: options on top, then how it is computed.

mod baseline;
mod blur_ig;
pub mod cam;
mod copies;
mod expected_gradients;
#[cfg(test)]
pub(crate) mod fixture;
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
pub use cam::{
    AblationCam, Alpha, Cam, CamKind, ChannelWeights, EigenCam, FullGrad, GuidedGradCam, Rescale, Scaling, ScoreCam,
    Stretch, Upsample,
};
pub use expected_gradients::ExpectedGradients;
pub use gradient::GradientPass;
pub use guided_ig::GuidedIg;
pub use integrated_gradients::IntegratedGradients;
pub use lrp::Lrp;
pub use occlusion::{Edge, Occlusion, Overlap};
pub use rise::{CHECKPOINT, Rise};
pub(crate) use smooth_grad::NoisyMoments;
pub use smooth_grad::{Moment, NoiseScale, SmoothGrad};
pub use xrai::{Ranked, Ranking, Segments, Xrai};
