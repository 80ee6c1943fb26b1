//! XRAI: regions ranked by integrated gradients.

use serde::Serialize;

use super::Baseline;
use crate::explain::{Attribute, Context};
use crate::{Attribution, MethodError};

/// Felzenszwalb segments of several scales, taken greedily by the density of integrated gradients in what they add
/// (Kapishnikov et al. 2019, arXiv:1906.02825), as PAIR's saliency computes it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Xrai {
    /// Steps of the integrated gradients from each baseline.
    pub steps: usize,
    /// The baselines, whose attributions are averaged.
    pub baselines: Vec<Baseline>,
    /// Scales of the segmentations.
    pub scales: Vec<f64>,
    /// Standard deviation of the smoothing before segmentation, in pixels.
    pub sigma: f64,
    /// Smallest segment, in pixels.
    pub min_size: usize,
    /// Radius by which segments are dilated, in pixels.
    pub dilation: usize,
    /// Segments that add fewer pixels are passed over.
    pub min_added: usize,
}

impl Default for Xrai {
    /// PAIR's defaults: 100 steps from black and white, scales 50 to 1200.
    fn default() -> Self {
        Xrai {
            steps: 100,
            baselines: vec![Baseline::Black, Baseline::White],
            scales: vec![50.0, 100.0, 150.0, 250.0, 500.0, 1200.0],
            sigma: 0.8,
            min_size: 150,
            dilation: 5,
            min_added: 1,
        }
    }
}

impl Attribute for Xrai {
    fn attribute(&self, _context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        todo!()
    }
}
