//! map: from a gradient to a finished map, so that nothing else need be copied back: |g|, maximum over channels,
//! min-max, Gaussian. The bits of the host's default map.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};

use crate::ops::stored::{Lengths, source};
use crate::planes::Span;
use crate::{CudaError, Device, Grid, Kernel, Stream};

source!(MAP, "map/00_map.cu");

/// `MapReduce` of the kernels.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct ReduceParams {
    gradient: u64,
    size: u64,
    range: u64,
    n: u32,
    pixels: u32,
}

/// `MapBlur` of the kernels.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct BlurParams {
    size: u64,
    range: u64,
    taps: u64,
    between: u64,
    map: u64,
    n: u32,
    side: u32,
    radius: u32,
    normalize: u32,
}

/// What a launch reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct MapArgs {
    /// Gradients.
    pub n: usize,
    /// `[n, side, side, 3]`.
    pub gradient: Span<f32>,
    /// Half of the Gaussian: the weight at distance 0, 1, ...; one tap of 1 for none.
    pub taps: Span<f64>,
    /// Whether to stretch to 0..1 before smoothing.
    pub normalize: bool,
    /// `[n, side, side]`, overwritten: |g|, maximum over channels.
    pub size: Span<f32>,
    /// `[n, 2]`, overwritten: its smallest and largest value; NaN both if the gradient holds a NaN.
    pub range: Span<f32>,
    /// `[n, side, side]`, overwritten with what lies between the two passes.
    pub between: Span<f64>,
    /// `[n, side, side]`, overwritten.
    pub map: Span<f32>,
}

/// Ready to run.
pub struct SaliencyMap {
    reduce: Kernel,
    down: Kernel,
    across: Kernel,
    side: usize,
}

impl SaliencyMap {
    /// For gradients `[side, side, 3]`.
    ///
    /// # Errors
    /// [`CudaError::Shape`] for a side of 0 or above 4096; those of [`Device::kernel`].
    pub fn prepare(device: &Arc<Device>, side: usize) -> Result<SaliencyMap, CudaError> {
        if side == 0 || side > 4096 {
            return Lengths("map").refuse(format!("the side must be from 1 to 4096, found {side}"));
        }
        let kernel = |name| device.kernel(&MAP, name);
        Ok(SaliencyMap {
            reduce: kernel("map_reduce")?,
            down: kernel("map_down")?,
            across: kernel("map_across")?,
            side,
        })
    }

    /// Queues it.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if something is too short; [`CudaError::Driver`].
    pub fn launch(&self, stream: &Stream, args: &MapArgs) -> Result<(), CudaError> {
        let (op, n, pixels) = (Lengths("map"), args.n, self.side * self.side);
        op.span("the gradient", args.gradient, 3 * n * pixels)?;
        op.span("the taps", args.taps, 1)?;
        op.span("the sizes", args.size, n * pixels)?;
        op.span("the ranges", args.range, 2 * n)?;
        op.span("what lies between the passes", args.between, n * pixels)?;
        op.span("the map", args.map, n * pixels)?;
        op.index("the number of pixels", n * pixels)?;
        if args.taps.len() > 10_001 {
            return op.refuse(format!("a Gaussian reaches at most 10000 pixels, found {}", args.taps.len() - 1));
        }
        if n == 0 {
            return Ok(());
        }
        let reduce = ReduceParams {
            gradient: args.gradient.address(),
            size: args.size.address(),
            range: args.range.address(),
            n: n as u32,
            pixels: pixels as u32,
        };
        let blur = BlurParams {
            size: args.size.address(),
            range: args.range.address(),
            taps: args.taps.address(),
            between: args.between.address(),
            map: args.map.address(),
            n: n as u32,
            side: self.side as u32,
            radius: args.taps.len() as u32 - 1,
            normalize: u32::from(args.normalize),
        };
        let one_each = Grid { blocks: [n as u32, 1, 1], threads: [1024, 1, 1], shared: 4 * 32 * 3 };
        // SAFETY: the structures mirror `MapReduce` and `MapBlur`, and all arrays were found long enough above.
        unsafe {
            self.reduce.launch(stream, one_each, &reduce)?;
            self.down.launch(stream, Grid::over(n * pixels), &blur)?;
            self.across.launch(stream, Grid::over(n * pixels), &blur)
        }
    }
}
