//! head: mean over positions and the fully connected layer, and the gradient back through both.
//! `kernels/head/params.cuh` tells the formulas.

mod dgrad;
mod forward;

pub use dgrad::{DEFAULT_BINADE, HeadDgrad, HeadDgradArgs};
pub use forward::{Head, HeadArgs};

use crate::ops::stored::Lengths;
use crate::planes::Span;
use crate::{Buffer, CudaError, Device};

/// Features that are averaged.
pub const FEATURES: usize = backlit_net::FEATURES;
/// Classes.
pub const CLASSES: usize = backlit_net::CLASSES;

/// Weights of the head on the device, for both passes.
pub struct HeadWeights {
    weight: Buffer<f32>,
    bias: Buffer<f32>,
}

impl HeadWeights {
    /// Uploads `weight` `[2048, 1000]` and `bias` `[1000]`.
    ///
    /// # Errors
    /// [`CudaError::Shape`] for other lengths; [`CudaError::Driver`].
    pub fn new(device: &Device, weight: &[f64], bias: &[f64]) -> Result<HeadWeights, CudaError> {
        if weight.len() != FEATURES * CLASSES || bias.len() != CLASSES {
            let (w, b) = (weight.len(), bias.len());
            return Lengths("head weights").refuse(format!("expected 2048 x 1000 and 1000, found {w} and {b}"));
        }
        let round = |v: &[f64]| v.iter().map(|&v| v as f32).collect::<Vec<f32>>();
        Ok(HeadWeights {
            weight: Buffer::from_slice(device, &round(weight))?,
            bias: Buffer::from_slice(device, &round(bias))?,
        })
    }

    /// `[2048, 1000]`.
    pub fn weight(&self) -> Span<f32> {
        (&self.weight).into()
    }

    /// `[1000]`.
    pub fn bias(&self) -> Span<f32> {
        (&self.bias).into()
    }
}

/// Which kernels sum up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ladder {
    /// One thread an output.
    Naive,
    /// Sums cut into pieces, weights shared by four images.
    #[default]
    Split,
}

/// Images are blocks in y, of which there are at most 65535.
fn check_batch(op: &Lengths, n: usize) -> Result<(), CudaError> {
    if n <= 65_535 { Ok(()) } else { op.refuse(format!("at most 65535 images at a time, found {n}")) }
}
