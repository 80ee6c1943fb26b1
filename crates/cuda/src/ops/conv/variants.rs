//! The kernels there are. Dispatch, tests and benches go through this table.

use super::{Arithmetic, Direction};
use crate::kernels::Source;
use crate::ops::stored::source;
use crate::planes::Sixteen;

/// One kernel.
#[derive(Debug)]
pub struct Variant {
    /// Its symbol.
    pub kernel: &'static str,
    /// Its file.
    pub source: &'static Source,
    /// Which way it runs.
    pub direction: Direction,
    /// What it computes with.
    pub arithmetic: Arithmetic,
    /// Rows (pixels) and columns (channels) of a block.
    pub tile: (usize, usize),
    /// Threads of a block.
    pub threads: u32,
    /// Dynamic shared memory of a block in bytes.
    pub shared: u32,
}

source!(NAIVE, "conv/00_naive.cu");
source!(TILES, "conv/01_tiles.cu");
source!(MMA, "conv/02_mma.cu");
source!(MMA_BF16, "conv/02_mma_bf16.cu");
source!(SPLIT, "conv/03_mma_split.cu");

const F16: Arithmetic = Arithmetic::Half(Sixteen::F16);
const BF16: Arithmetic = Arithmetic::Half(Sixteen::Bf16);

/// Every kernel; of one direction and arithmetic the slowest first.
pub static VARIANTS: &[Variant] = {
    use Arithmetic::{F32, Split};
    use Direction::{Dgrad, Forward};
    const fn v(
        kernel: &'static str,
        source: &'static Source,
        direction: Direction,
        arithmetic: Arithmetic,
        tile: (usize, usize),
        threads: u32,
        shared: u32,
    ) -> Variant {
        Variant { kernel, source, direction, arithmetic, tile, threads, shared }
    }
    &[
        v("conv_naive_fwd", &NAIVE, Forward, F32, (64, 64), 128, 0),
        v("conv_naive_dgrad", &NAIVE, Dgrad, F32, (64, 64), 128, 0),
        v("conv_tiles_fwd", &TILES, Forward, F32, (128, 64), 128, TILES_SHARED),
        v("conv_tiles_dgrad", &TILES, Dgrad, F32, (128, 64), 128, TILES_SHARED),
        v("conv_mma_f16_fwd_64x64", &MMA, Forward, F16, (64, 64), 128, mma_shared(64, 64)),
        v("conv_mma_f16_fwd_128x64", &MMA, Forward, F16, (128, 64), 128, mma_shared(128, 64)),
        v("conv_mma_f16_fwd_128x128", &MMA, Forward, F16, (128, 128), 256, mma_shared(128, 128)),
        v("conv_mma_f16_dgrad_64x64", &MMA, Dgrad, F16, (64, 64), 128, mma_shared(64, 64)),
        v("conv_mma_f16_dgrad_128x64", &MMA, Dgrad, F16, (128, 64), 128, mma_shared(128, 64)),
        v("conv_mma_f16_dgrad_128x128", &MMA, Dgrad, F16, (128, 128), 256, mma_shared(128, 128)),
        v("conv_mma_bf16_fwd_64x64", &MMA_BF16, Forward, BF16, (64, 64), 128, mma_shared(64, 64)),
        v("conv_mma_bf16_fwd_128x64", &MMA_BF16, Forward, BF16, (128, 64), 128, mma_shared(128, 64)),
        v("conv_mma_bf16_fwd_128x128", &MMA_BF16, Forward, BF16, (128, 128), 256, mma_shared(128, 128)),
        v("conv_mma_bf16_dgrad_64x64", &MMA_BF16, Dgrad, BF16, (64, 64), 128, mma_shared(64, 64)),
        v("conv_mma_bf16_dgrad_128x64", &MMA_BF16, Dgrad, BF16, (128, 64), 128, mma_shared(128, 64)),
        v("conv_mma_bf16_dgrad_128x128", &MMA_BF16, Dgrad, BF16, (128, 128), 256, mma_shared(128, 128)),
        v("conv_split_fwd_64x64", &SPLIT, Forward, Split, (64, 64), 128, split_shared(64)),
        v("conv_split_fwd_128x64", &SPLIT, Forward, Split, (128, 64), 128, split_shared(128)),
    ]
};

/// Four stages of 16 channels of 4 bytes.
const TILES_SHARED: u32 = 4 * (128 + 64) * 64;

/// Four stages of 32 channels of 2 bytes.
const fn mma_shared(rows: u32, columns: u32) -> u32 {
    4 * (rows + columns) * 64
}

/// Four stages of 32 channels of 2 bytes, everything twice, tiles 64 columns wide.
const fn split_shared(rows: u32) -> u32 {
    4 * (rows + 64) * 128
}

impl Variant {
    /// Whether it serves a direction and an arithmetic.
    pub fn serves(&self, direction: Direction, arithmetic: Arithmetic) -> bool {
        self.direction == direction && self.arithmetic == arithmetic
    }
}
