//! The gradient with respect to the last block's output, scaled and gated.

use std::sync::Arc;

use backlit_net::Rule;
use bytemuck::{Pod, Zeroable};

use super::{CLASSES, FEATURES, HeadWeights, Ladder, check_batch};
use crate::ops::conv::RowOrder;
use crate::ops::stored::{Lengths, Stored, rule_number, source};
use crate::planes::{Planes, Span, Storage};
use crate::{CudaError, Device, Grid, Kernel, Stream};

source!(NAIVE, "head/00_naive.cu");
source!(SPLIT, "head/01_split.cu");
source!(SPREAD, "head/10_spread.cu");

/// The largest |dpool| of an image is brought to `2^DEFAULT_BINADE` up to twice that, where gradients are stored in
/// 16 bits.
///
/// On its way down to the pool a gradient grows: over six photographs and the published Keras weights its largest
/// element at any convolution was at most 2^6.6 of |dpool| by the plain rule, 2^7.8 by the guided one and 2^14.7 by
/// the rectified one. So the largest stored value is below 2^11.7, 16 times less than fp16 can hold. At the other end
/// the median size at any convolution was at least 2^-5.1 of |dpool|: 2^-9 after scaling, where rounding errs by
/// 2^-20. What falls below the smallest normal number, 2^-14, is rounded with an error of 2^-25, far less than that.
pub const DEFAULT_BINADE: i32 = -4;

/// `HeadDgrad` of the kernels.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct DenseParams {
    seeds: u64,
    weight: u64,
    dpool: u64,
    n: u32,
    pixels: u32,
    channels: u32,
    classes: u32,
}

/// `HeadSpread` of the kernels.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct SpreadParams {
    dpool: u64,
    gates: u64,
    dz: Stored,
    unscale: u64,
    n: u32,
    pixels: u32,
    channels: u32,
    rule: u32,
    binade: i32,
    scaled: u32,
}

/// What a launch reads and writes.
pub struct HeadDgradArgs<'a> {
    /// Images.
    pub n: usize,
    /// `[n, 1000]`.
    pub seeds: Span<f32>,
    /// Weights.
    pub weights: &'a HeadWeights,
    /// `[n, 2048]`, overwritten: the gradient of every position, neither scaled nor gated.
    pub dpool: Span<f32>,
    /// Gate words of the last block's output in raster order, and the rule; `None` stores the gradient ungated.
    pub gates: Option<(Span<u32>, Rule)>,
    /// `[n, pixels, 2048]`, overwritten: scaled by the image's power of two unless it is stored as float32.
    pub dz: Planes,
    /// `[n]`, overwritten: what undoes the scale, 1 for float32.
    pub unscale: Span<f32>,
}

/// The gradient, ready to run.
pub struct HeadDgrad {
    dense: Kernel,
    spread: Kernel,
    ladder: Ladder,
    pixels: usize,
    binade: i32,
}

impl HeadDgrad {
    /// For `pixels` positions, 49 in the network.
    ///
    /// # Errors
    /// Those of [`Device::kernel`].
    pub fn prepare(device: &Arc<Device>, pixels: usize) -> Result<HeadDgrad, CudaError> {
        HeadDgrad::prepare_ladder(device, pixels, DEFAULT_BINADE, Ladder::default())
    }

    /// With chosen kernels and another binade: for tests and benches.
    ///
    /// # Errors
    /// Those of [`HeadDgrad::prepare`].
    pub fn prepare_ladder(
        device: &Arc<Device>,
        pixels: usize,
        binade: i32,
        ladder: Ladder,
    ) -> Result<HeadDgrad, CudaError> {
        let dense = match ladder {
            Ladder::Naive => device.kernel(&NAIVE, "head_dgrad_naive")?,
            Ladder::Split => device.kernel(&SPLIT, "head_dgrad_split")?,
        };
        Ok(HeadDgrad { dense, spread: device.kernel(&SPREAD, "head_spread")?, ladder, pixels, binade })
    }

    /// Queues it.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if something is too short; [`CudaError::Driver`].
    pub fn launch(&self, stream: &Stream, args: &HeadDgradArgs<'_>) -> Result<(), CudaError> {
        let (op, n) = (Lengths("head gradient"), args.n);
        check_batch(&op, n)?;
        op.span("the seeds", args.seeds, n * CLASSES)?;
        op.span("the mean's gradient", args.dpool, n * FEATURES)?;
        op.at_least("the gradient written", args.dz.len(), n * self.pixels * FEATURES)?;
        op.span("the scales", args.unscale, n)?;
        op.index("the gradient's length", n * self.pixels * FEATURES)?;
        if let Some((words, _)) = args.gates {
            // Raster rows are padded to whole tiles, whatever the pixels' shape: one row of `n * pixels`.
            let rows = (n * self.pixels).next_multiple_of(RowOrder::TILE);
            op.span("the gates", words, rows / 16 * (FEATURES / 64) * 32)?;
        }
        if n == 0 {
            return Ok(());
        }
        let dense = DenseParams {
            seeds: args.seeds.address(),
            weight: args.weights.weight().address(),
            dpool: args.dpool.address(),
            n: n as u32,
            pixels: self.pixels as u32,
            channels: FEATURES as u32,
            classes: CLASSES as u32,
        };
        let spread = SpreadParams {
            dpool: args.dpool.address(),
            gates: args.gates.map_or(0, |(words, _)| words.address()),
            dz: args.dz.into(),
            unscale: args.unscale.address(),
            n: n as u32,
            pixels: self.pixels as u32,
            channels: FEATURES as u32,
            rule: args.gates.map_or(0, |(_, rule)| rule_number(rule)),
            binade: self.binade,
            scaled: u32::from(!matches!(args.dz.storage(), Storage::F32 { .. })),
        };
        let grid = match self.ladder {
            Ladder::Naive => Grid::over(n * FEATURES),
            Ladder::Split => Grid {
                blocks: [FEATURES as u32 / 16, n.div_ceil(4) as u32, 1],
                threads: [512, 1, 1],
                shared: 4 * 4 * CLASSES as u32,
            },
        };
        let over = Grid { blocks: [self.pixels.div_ceil(7) as u32, n as u32, 1], threads: [256, 1, 1], shared: 4 * 8 };
        // SAFETY: the structures mirror `HeadDgrad` and `HeadSpread`; all arrays were found long enough above, weights
        // are by construction, and threads beyond the last image or pixel write nothing.
        unsafe {
            self.dense.launch(stream, grid, &dense)?;
            self.spread.launch(stream, over, &spread)
        }
    }
}
