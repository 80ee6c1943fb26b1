//! The gradient with respect to the picture.

use std::sync::Arc;

use backlit_net::Rule;
use backlit_net::arch::PoolBorder;
use bytemuck::{Pod, Zeroable};

use super::{CHANNELS, StemWeights, Variant, best, check_side, codes_len};
use crate::ops::conv::Arithmetic;
use crate::ops::stored::{Lengths, Stored, rule_number, source};
use crate::planes::{Planes, Sixteen, Span};
use crate::{CudaError, Device, Grid, Kernel, Stream};

source!(NAIVE, "stem/10_dgrad_naive.cu");
source!(ROWS, "stem/11_dgrad_rows.cu");
source!(MMA, "stem/12_dgrad_mma.cu");

/// Every gradient kernel.
pub static DGRAD: &[Variant] = &[
    Variant {
        kernel: "stem_dgrad_naive",
        source: &NAIVE,
        arithmetic: Arithmetic::F32,
        threads: 256,
        shared: 0,
        blocks: |n, side| (n * side * side).div_ceil(256),
    },
    Variant {
        kernel: "stem_dgrad_rows",
        source: &ROWS,
        arithmetic: Arithmetic::F32,
        threads: 128,
        // 16 channels of 7 x 24 weights and of 12 rows of 32 of the map, and one float to spread the banks.
        shared: 4 * 16 * (7 * 24 + 12 * 32 + 1),
        blocks: tiles,
    },
    mma("stem_dgrad_mma_f16", Arithmetic::Half(Sixteen::F16)),
    mma("stem_dgrad_mma_bf16", Arithmetic::Half(Sixteen::Bf16)),
];

/// Tiles of 8 pairs of rows and 28 pairs of columns.
fn tiles(n: usize, side: usize) -> usize {
    n * (side / 2).div_ceil(28) * (side / 2).div_ceil(8)
}

/// 12 rows of 32 positions of the map, 72 elements each.
const fn mma(kernel: &'static str, arithmetic: Arithmetic) -> Variant {
    Variant { kernel, source: &MMA, arithmetic, threads: 128, shared: 12 * 32 * 72 * 2, blocks: tiles }
}

/// `StemDgrad` of the kernels.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    d: Stored,
    codes: u64,
    weight: u64,
    packed: u64,
    unscale: u64,
    dx: u64,
    n: u32,
    side: u32,
    rule: u32,
    border: u32,
    out_scale: f32,
    pad: u32,
}

/// What a launch reads and writes.
pub struct StemDgradArgs<'a> {
    /// Pictures.
    pub n: usize,
    /// Gradient of the pool's output, `[n, side/4, side/4, 64]`.
    pub d: Planes,
    /// Codes of the forward pass.
    pub codes: Span<u8>,
    /// `[n]`: the result of a picture is multiplied by this.
    pub unscale: Span<f32>,
    /// Weights.
    pub weights: &'a StemWeights,
    /// How the gradient passes the stem's ReLU.
    pub rule: Rule,
    /// What the pool's border holds.
    pub border: PoolBorder,
    /// `[n, side, side, 3]`, overwritten.
    pub dx: Span<f32>,
}

/// The gradient, ready to run.
pub struct StemDgrad {
    kernel: Kernel,
    variant: &'static Variant,
    side: usize,
}

impl StemDgrad {
    /// In float32, for pictures `[side, side, 3]`, side a multiple of 4.
    ///
    /// # Errors
    /// [`CudaError::Shape`] for another side; those of [`Device::kernel`].
    pub fn prepare(device: &Arc<Device>, side: usize) -> Result<StemDgrad, CudaError> {
        StemDgrad::prepare_for(device, side, Arithmetic::F32)
    }

    /// The same in any arithmetic; what is split forward goes back in fp16.
    ///
    /// # Errors
    /// Those of [`StemDgrad::prepare`].
    pub fn prepare_for(device: &Arc<Device>, side: usize, arithmetic: Arithmetic) -> Result<StemDgrad, CudaError> {
        let back = if arithmetic == Arithmetic::Split { Arithmetic::Half(Sixteen::F16) } else { arithmetic };
        match best(DGRAD, back) {
            Some(variant) => StemDgrad::prepare_variant(device, side, variant),
            None => Lengths("stem gradient").refuse(format!("no kernel computes in {back:?}")),
        }
    }

    /// With one kernel of the table: for tests and benches.
    ///
    /// # Errors
    /// Those of [`StemDgrad::prepare`].
    pub fn prepare_variant(
        device: &Arc<Device>,
        side: usize,
        variant: &'static Variant,
    ) -> Result<StemDgrad, CudaError> {
        check_side(Lengths("stem gradient"), side)?;
        let kernel = device.kernel(variant.source, variant.kernel)?;
        if variant.shared > 48 << 10 {
            kernel.allow_shared(variant.shared)?;
        }
        Ok(StemDgrad { kernel, variant, side })
    }

    /// Queues it.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if something is too short; [`CudaError::Driver`].
    pub fn launch(&self, stream: &Stream, args: &StemDgradArgs<'_>) -> Result<(), CudaError> {
        let (op, n, side) = (Lengths("stem gradient"), args.n, self.side);
        op.at_least("the gradient read", args.d.len(), n * (side / 4) * (side / 4) * CHANNELS)?;
        op.span("codes", args.codes, codes_len(n, side))?;
        op.span("the scales", args.unscale, n)?;
        op.span("the gradient written", args.dx, n * side * side * 3)?;
        let blocks = op.index("the number of blocks", (self.variant.blocks)(n, side))?;
        if n == 0 {
            return Ok(());
        }
        let (packed, out_scale) = args.weights.dgrad(self.variant.arithmetic);
        let params = Params {
            d: args.d.into(),
            codes: args.codes.address(),
            weight: args.weights.weight().address(),
            packed,
            unscale: args.unscale.address(),
            dx: args.dx.address(),
            n: n as u32,
            side: side as u32,
            rule: rule_number(args.rule),
            border: u32::from(args.border == PoolBorder::NegativeInfinity),
            out_scale,
            pad: 0,
        };
        let grid = Grid { blocks: [blocks, 1, 1], threads: [self.variant.threads, 1, 1], shared: self.variant.shared };
        // SAFETY: `Params` mirrors `StemDgrad`; all arrays were found long enough above, weights are by construction,
        // and threads outside of the last picture return or write nothing.
        unsafe { self.kernel.launch(stream, grid, &params) }
    }
}
