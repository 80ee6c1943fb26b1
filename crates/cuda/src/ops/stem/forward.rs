//! Forward.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};

use super::{CHANNELS, StemWeights, Variant, best, check_side, codes_len};
use crate::ops::conv::Arithmetic;
use crate::ops::sample::{Source as Pictures, SourceParams};
use crate::ops::stored::{Lengths, Stored, source};
use crate::planes::{Planes, Sixteen, Span};
use crate::{CudaError, Device, Grid, Kernel, Stream};

source!(NAIVE, "stem/00_naive.cu");
source!(FUSED, "stem/01_fused.cu");
source!(MMA, "stem/02_mma.cu");

/// Every forward kernel.
pub static FORWARD: &[Variant] = &[
    Variant {
        kernel: "stem_forward_naive",
        source: &NAIVE,
        arithmetic: Arithmetic::F32,
        threads: 256,
        shared: 0,
        blocks: |n, side| (n * (side / 4) * (side / 4) * CHANNELS / 2).div_ceil(256),
    },
    Variant {
        kernel: "stem_forward_fused",
        source: &FUSED,
        arithmetic: Arithmetic::F32,
        threads: 256,
        // 39 rows of 120 floats of the picture, 147 x 32 weights, 17 x 17 x 32 of the map.
        shared: 4 * (39 * 120 + 147 * 32 + 289 * 32),
        blocks: |n, side| n * (side / 4).div_ceil(8).pow(2),
    },
    mma("stem_forward_mma_f16", Arithmetic::Half(Sixteen::F16), 1),
    mma("stem_forward_mma_bf16", Arithmetic::Half(Sixteen::Bf16), 1),
    mma("stem_forward_mma_split", Arithmetic::Split, 2),
];

/// 40 rows of 120 elements of the picture, once or twice, and 17 x 17 x 32 of the map in rows of 40.
const fn mma(kernel: &'static str, arithmetic: Arithmetic, planes: u32) -> Variant {
    Variant {
        kernel,
        source: &MMA,
        arithmetic,
        threads: 224,
        shared: planes * 40 * 120 * 2 + 289 * 40 * 4,
        blocks: |n, side| n * (side / 4).div_ceil(8).pow(2),
    }
}

/// `StemForward` of the kernels.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    from: SourceParams,
    weight: u64,
    bias: u64,
    packed: u64,
    out: Stored,
    codes: u64,
    n: u32,
    side: u32,
    out_scale: f32,
    pad: u32,
}

/// What a launch reads and writes.
pub struct StemArgs<'a> {
    /// Pictures, or copies of one.
    pub n: usize,
    /// Where they come from.
    pub from: Pictures,
    /// Weights.
    pub weights: &'a StemWeights,
    /// `[n, side/4, side/4, 64]`, overwritten.
    pub out: Planes,
    /// Codes, [`codes_len`](super::codes_len) bytes, overwritten.
    pub codes: Span<u8>,
}

/// The forward pass, ready to run.
pub struct Stem {
    kernel: Kernel,
    variant: &'static Variant,
    side: usize,
}

impl Stem {
    /// In float32, for pictures `[side, side, 3]`, side a multiple of 4.
    ///
    /// # Errors
    /// [`CudaError::Shape`] for another side; those of [`Device::kernel`].
    pub fn prepare(device: &Arc<Device>, side: usize) -> Result<Stem, CudaError> {
        Stem::prepare_for(device, side, Arithmetic::F32)
    }

    /// The same in any arithmetic.
    ///
    /// # Errors
    /// Those of [`Stem::prepare`].
    pub fn prepare_for(device: &Arc<Device>, side: usize, arithmetic: Arithmetic) -> Result<Stem, CudaError> {
        match best(FORWARD, arithmetic) {
            Some(variant) => Stem::prepare_variant(device, side, variant),
            None => Lengths("stem forward").refuse(format!("no kernel computes in {arithmetic:?}")),
        }
    }

    /// With one kernel of the table: for tests and benches.
    ///
    /// # Errors
    /// Those of [`Stem::prepare`].
    pub fn prepare_variant(device: &Arc<Device>, side: usize, variant: &'static Variant) -> Result<Stem, CudaError> {
        check_side(Lengths("stem forward"), side)?;
        let kernel = device.kernel(variant.source, variant.kernel)?;
        if variant.shared > 48 << 10 {
            kernel.allow_shared(variant.shared)?;
        }
        Ok(Stem { kernel, variant, side })
    }

    /// Queues it.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if something is too short; [`CudaError::Driver`].
    pub fn launch(&self, stream: &Stream, args: &StemArgs<'_>) -> Result<(), CudaError> {
        let (op, n, side) = (Lengths("stem forward"), args.n, self.side);
        args.from.check(&op, n, side)?;
        op.at_least("the output", args.out.len(), n * (side / 4) * (side / 4) * CHANNELS)?;
        op.span("codes", args.codes, codes_len(n, side))?;
        let blocks = op.index("the number of blocks", (self.variant.blocks)(n, side))?;
        if n == 0 {
            return Ok(());
        }
        let (packed, out_scale) = args.weights.forward(self.variant.arithmetic);
        let params = Params {
            from: args.from.params(),
            weight: args.weights.weight().address(),
            bias: args.weights.bias().address(),
            packed,
            out: args.out.into(),
            codes: args.codes.address(),
            n: n as u32,
            side: side as u32,
            out_scale,
            pad: 0,
        };
        let grid = Grid { blocks: [blocks, 1, 1], threads: [self.variant.threads, 1, 1], shared: self.variant.shared };
        // SAFETY: `Params` mirrors `StemForward`; the pictures, the output and the codes were found long enough above,
        // weights are by construction, and blocks outside of the last picture do not exist or return at once.
        unsafe { self.kernel.launch(stream, grid, &params) }
    }
}
