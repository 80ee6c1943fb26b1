//! moments: mean, spread and mean size of gradients over samples, the bits of [`backlit_net::engine::Moments`].

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};

use crate::ops::stored::{Lengths, source};
use crate::planes::Span;
use crate::{CudaError, Device, Grid, Kernel, Stream};

source!(MOMENTS, "moments/00_moments.cu");

/// `MomentsAdd` of the kernels.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct AddParams {
    gradients: u64,
    weights: u64,
    sums: u64,
    samples: u32,
    len: u32,
    first: u32,
    pad: u32,
}

/// `MomentsFinish` of the kernels.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct FinishParams {
    sums: u64,
    total: u64,
    mean: u64,
    mean_absolute: u64,
    mean_square: u64,
    variance: u64,
    len: u32,
    pad: u32,
}

/// A sample's weight, and its share in the weight of all samples up to it (0 where that is 0).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct SampleWeight {
    /// Weight in the mean.
    pub weight: f64,
    /// `weight / total`.
    pub share: f64,
}

/// Where the finished moments go, each `[len]`.
#[derive(Clone, Copy, Debug)]
pub struct Finished {
    /// `E[g]`.
    pub mean: Span<f32>,
    /// `E[|g|]`.
    pub mean_absolute: Span<f32>,
    /// `E[g^2]`.
    pub mean_square: Span<f32>,
    /// `E[g^2] - E[g]^2`.
    pub variance: Span<f32>,
}

/// The sums, ready to run.
pub struct MomentSums {
    add: Kernel,
    finish: Kernel,
    len: usize,
}

impl MomentSums {
    /// For gradients of `len` elements: 224 x 224 x 3 times the seeds.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if that is more than can be counted; those of [`Device::kernel`].
    pub fn prepare(device: &Arc<Device>, len: usize) -> Result<MomentSums, CudaError> {
        Lengths("moments").index("the length of a gradient", len)?;
        let kernel = |name| device.kernel(&MOMENTS, name);
        Ok(MomentSums { add: kernel("moments_add")?, finish: kernel("moments_finish")?, len })
    }

    /// Adds `samples` gradients, `[samples, len]`, in their order. `sums` is `[3, len]`; `first` begins anew, whatever
    /// they hold.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if something is too short; [`CudaError::Driver`].
    pub fn add(
        &self,
        stream: &Stream,
        samples: usize,
        gradients: Span<f32>,
        weights: Span<SampleWeight>,
        sums: Span<f64>,
        first: bool,
    ) -> Result<(), CudaError> {
        let op = Lengths("moments");
        op.span("the gradients", gradients, samples * self.len)?;
        op.span("the weights", weights, samples)?;
        op.span("the sums", sums, 3 * self.len)?;
        if self.len == 0 {
            return Ok(());
        }
        let params = AddParams {
            gradients: gradients.address(),
            weights: weights.address(),
            sums: sums.address(),
            samples: samples as u32,
            len: self.len as u32,
            first: u32::from(first),
            pad: 0,
        };
        // SAFETY: the structure mirrors `MomentsAdd`, and all arrays were found long enough above.
        unsafe { self.add.launch(stream, Grid::over(self.len), &params) }
    }

    /// Rounds the sums; `total` is one double, the weight of all samples.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if something is too short; [`CudaError::Driver`].
    pub fn finish(&self, stream: &Stream, sums: Span<f64>, total: Span<f64>, to: Finished) -> Result<(), CudaError> {
        let op = Lengths("moments");
        op.span("the sums", sums, 3 * self.len)?;
        op.span("the total weight", total, 1)?;
        for out in [to.mean, to.mean_absolute, to.mean_square, to.variance] {
            op.span("a moment", out, self.len)?;
        }
        if self.len == 0 {
            return Ok(());
        }
        let params = FinishParams {
            sums: sums.address(),
            total: total.address(),
            mean: to.mean.address(),
            mean_absolute: to.mean_absolute.address(),
            mean_square: to.mean_square.address(),
            variance: to.variance.address(),
            len: self.len as u32,
            pad: 0,
        };
        // SAFETY: the structure mirrors `MomentsFinish`, and all arrays were found long enough above.
        unsafe { self.finish.launch(stream, Grid::over(self.len), &params) }
    }
}
