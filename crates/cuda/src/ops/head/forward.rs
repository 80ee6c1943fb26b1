//! Forward.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};

use super::{CLASSES, FEATURES, HeadWeights, Ladder, check_batch};
use crate::ops::stored::{Lengths, Stored, source};
use crate::planes::{Planes, Span};
use crate::{CudaError, Device, Grid, Kernel, Stream};

source!(NAIVE, "head/00_naive.cu");
source!(SPLIT, "head/01_split.cu");

/// `HeadPool` of the kernels.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct PoolParams {
    x: Stored,
    pooled: u64,
    n: u32,
    pixels: u32,
    channels: u32,
    pad: u32,
}

/// `HeadDense` of the kernels.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct DenseParams {
    pooled: u64,
    weight: u64,
    bias: u64,
    logits: u64,
    n: u32,
    channels: u32,
    classes: u32,
    pad: u32,
}

/// What a launch reads and writes.
pub struct HeadArgs<'a> {
    /// Images.
    pub n: usize,
    /// `[n, pixels, 2048]`.
    pub x: Planes,
    /// Weights.
    pub weights: &'a HeadWeights,
    /// `[n, 2048]`, overwritten.
    pub pooled: Span<f32>,
    /// `[n, 1000]`, overwritten.
    pub logits: Span<f32>,
}

/// The forward pass, ready to run.
pub struct Head {
    pool: Kernel,
    dense: Kernel,
    ladder: Ladder,
    pixels: usize,
}

impl Head {
    /// For `pixels` positions, 49 in the network.
    ///
    /// # Errors
    /// Those of [`Device::kernel`].
    pub fn prepare(device: &Arc<Device>, pixels: usize) -> Result<Head, CudaError> {
        Head::prepare_ladder(device, pixels, Ladder::default())
    }

    /// With chosen kernels: for tests and benches.
    ///
    /// # Errors
    /// Those of [`Head::prepare`].
    pub fn prepare_ladder(device: &Arc<Device>, pixels: usize, ladder: Ladder) -> Result<Head, CudaError> {
        let dense = match ladder {
            Ladder::Naive => device.kernel(&NAIVE, "head_dense_naive")?,
            Ladder::Split => device.kernel(&SPLIT, "head_dense_split")?,
        };
        Ok(Head { pool: device.kernel(&NAIVE, "head_pool")?, dense, ladder, pixels })
    }

    /// Queues it.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if something is too short; [`CudaError::Driver`].
    pub fn launch(&self, stream: &Stream, args: &HeadArgs<'_>) -> Result<(), CudaError> {
        let (op, n) = (Lengths("head forward"), args.n);
        check_batch(&op, n)?;
        op.at_least("the input", args.x.len(), n * self.pixels * FEATURES)?;
        op.span("the means", args.pooled, n * FEATURES)?;
        op.span("the logits", args.logits, n * CLASSES)?;
        op.index("the input's length", n * self.pixels * FEATURES)?;
        if n == 0 {
            return Ok(());
        }
        let pool = PoolParams {
            x: args.x.into(),
            pooled: args.pooled.address(),
            n: n as u32,
            pixels: self.pixels as u32,
            channels: FEATURES as u32,
            pad: 0,
        };
        let dense = DenseParams {
            pooled: args.pooled.address(),
            weight: args.weights.weight().address(),
            bias: args.weights.bias().address(),
            logits: args.logits.address(),
            n: n as u32,
            channels: FEATURES as u32,
            classes: CLASSES as u32,
            pad: 0,
        };
        let grid = match self.ladder {
            Ladder::Naive => Grid::over(n * CLASSES),
            // 4 images of 2048 means, and 16 warps' sums of 4 images and 32 classes.
            Ladder::Split => Grid {
                blocks: [CLASSES.div_ceil(32) as u32, n.div_ceil(4) as u32, 1],
                threads: [512, 1, 1],
                shared: 4 * (4 * FEATURES as u32 + 16 * 4 * 32),
            },
        };
        // SAFETY: the structures mirror `HeadPool` and `HeadDense`; all arrays were found long enough above, weights
        // are by construction, and threads beyond the last image or class write nothing.
        unsafe {
            self.pool.launch(stream, Grid::over(n * FEATURES / 2), &pool)?;
            self.dense.launch(stream, grid, &dense)
        }
    }
}
