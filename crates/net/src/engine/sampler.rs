//! Samplers: the copies of one image over which a gradient is averaged.

use super::EngineError;
use crate::IMAGE_LEN;

/// One point on a straight path from a baseline to the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathNode {
    /// Position: 0 is the baseline, 1 the image.
    pub alpha: f64,
    /// Weight in the mean; weights need not add up to one.
    pub weight: f64,
}

/// Makes copy number i of an image, the same bits on every engine.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Sampler {
    /// Points on the line `baseline + alpha (image - baseline)`: integrated gradients
    /// (Sundararajan et al. 2017, arXiv:1703.01365).
    Path {
        /// `[224, 224, 3]`, preprocessed like the image. Black is what preprocessing makes of RGB 0, not a zero tensor.
        baseline: Vec<f32>,
        /// The points, in the order in which they are summed.
        nodes: Vec<PathNode>,
    },
}

impl Sampler {
    /// `steps` midpoints `(i + 1/2) / steps` of equal weight.
    pub fn midpoint_path(baseline: Vec<f32>, steps: usize) -> Sampler {
        let nodes = (0..steps).map(|i| PathNode { alpha: (i as f64 + 0.5) / steps as f64, weight: 1.0 }).collect();
        Sampler::Path { baseline, nodes }
    }

    /// Number of samples, after checking that it can be sampled from.
    pub fn check(&self) -> Result<usize, EngineError> {
        match self {
            Sampler::Path { baseline, nodes } => {
                let sum: f64 = nodes.iter().map(|n| n.weight).sum();
                if baseline.len() != IMAGE_LEN || baseline.iter().any(|v| !v.is_finite()) {
                    let found = baseline.len();
                    Err(EngineError::Sampler(format!("a baseline is {IMAGE_LEN} finite floats, found {found}")))
                } else if !(sum.is_finite() && sum != 0.0) {
                    Err(EngineError::Sampler(format!("the weights of {} path nodes add up to {sum}", nodes.len())))
                } else {
                    Ok(nodes.len())
                }
            }
        }
    }

    /// Weight of a sample in the mean.
    pub fn weight(&self, sample: usize) -> f64 {
        match self {
            Sampler::Path { nodes, .. } => nodes[sample].weight,
        }
    }

    /// Writes copy `sample` of `image` to `copy`, both `[224, 224, 3]`.
    pub fn write(&self, sample: usize, image: &[f32], copy: &mut [f32]) {
        match self {
            Sampler::Path { baseline, nodes } => {
                let alpha = nodes[sample].alpha;
                for ((out, &x), &b) in copy.iter_mut().zip(image).zip(baseline) {
                    // In double precision and rounded once, so that any engine can repeat it exactly.
                    *out = (f64::from(b) + alpha * (f64::from(x) - f64::from(b))) as f32;
                }
            }
        }
    }
}
