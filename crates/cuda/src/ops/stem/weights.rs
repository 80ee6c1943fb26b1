//! Weights of the stem, as its kernels want them.

use crate::ops::stored::Lengths;
use crate::planes::Span;
use crate::{Buffer, CudaError, Device};

use super::CHANNELS;

/// Weights and bias of the stem on the device, for both passes.
pub struct StemWeights {
    weight: Buffer<f32>,
    bias: Buffer<f32>,
}

impl StemWeights {
    /// Uploads `weight` `[7, 7, 3, 64]` and `bias` `[64]`, BatchNorm folded in.
    ///
    /// # Errors
    /// [`CudaError::Shape`] for other lengths; [`CudaError::Driver`].
    pub fn new(device: &Device, weight: &[f64], bias: &[f64]) -> Result<StemWeights, CudaError> {
        let op = Lengths("stem weights");
        if weight.len() != 7 * 7 * 3 * CHANNELS || bias.len() != CHANNELS {
            return op.refuse(format!(
                "expected 7 x 7 x 3 x 64 weights and 64 biases, found {} and {}",
                weight.len(),
                bias.len()
            ));
        }
        let round = |v: &[f64]| v.iter().map(|&v| v as f32).collect::<Vec<f32>>();
        Ok(StemWeights {
            weight: Buffer::from_slice(device, &round(weight))?,
            bias: Buffer::from_slice(device, &round(bias))?,
        })
    }

    /// `[7, 21, 64]` float32.
    pub fn weight(&self) -> Span<f32> {
        (&self.weight).into()
    }

    /// `[64]`.
    pub fn bias(&self) -> Span<f32> {
        (&self.bias).into()
    }
}
