//! Guided Grad-CAM.

use backlit_net::{CHANNELS, Rule, SIDE, Tap};
use serde::Serialize;

use super::{Cam, Upsample, attribution};
use crate::explain::{Attribute, Context, Needs};
use crate::{Attribution, Map, MethodError};

/// Guided backpropagation times up-sampled Grad-CAM, element by element (Selvaraju et al. 2016, arXiv:1610.02391). The
/// fine structure is guided backpropagation's: see [`Method::caution`](crate::Method::caution).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GuidedGradCam {
    /// Where Grad-CAM is taken: the output of a block.
    pub layer: Tap,
    /// How Grad-CAM, cut off at zero, is brought to the size of the picture. captum's default is nearest.
    pub upsample: Upsample,
}

impl Default for GuidedGradCam {
    /// At the last block, bilinear.
    fn default() -> Self {
        GuidedGradCam { layer: Tap::LAST, upsample: Upsample::default() }
    }
}

impl Attribute for GuidedGradCam {
    fn needs(&self, needs: &mut Needs) {
        needs.tap(self.layer);
        needs.rule(Rule::Guided);
    }

    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        let (tap, cam) = (context.tap(self.layer), Cam { layer: self.layer, ..Cam::default() });
        let one = |k| {
            let found = attribution(cam.coarse(&tap, tap.gradient(k)), true, self.upsample, 1);
            let guided = context.gradient(Rule::Guided, k).chunks_exact(CHANNELS);
            let values = guided.zip(&found.values.values).flat_map(|(g, cam)| g.iter().map(move |g| g * cam)).collect();
            Attribution { values: Map { height: SIDE, width: SIDE, channels: CHANNELS, values }, ..found }
        };
        Ok((0..context.objectives.len()).map(one).collect())
    }
}
