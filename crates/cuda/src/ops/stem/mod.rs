//! stem: the 7x7 stride-2 convolution that reads the picture, with its ReLU and the 3x3 stride-2 max-pool after it, and
//! the gradient that it sends to the pixels. `kernels/stem/params.cuh` tells the formulas.
//!
//! ```text
//! picture f32 [n, side, side, 3]  ->  [n, side/4, side/4, 64] and 4-bit codes [n, side/4, side/4, 32]
//! d [n, side/4, side/4, 64], codes, unscale [n]  ->  dx f32 [n, side, side, 3]
//! ```

mod dgrad;
mod forward;
mod weights;

pub use dgrad::{DGRAD, StemDgrad, StemDgradArgs};
pub use forward::{FORWARD, Stem, StemArgs};
pub use weights::StemWeights;

use crate::CudaError;
use crate::kernels::Source;
use crate::ops::conv::Arithmetic;
use crate::ops::stored::Lengths;

/// Channels of the output.
pub const CHANNELS: usize = 64;

/// One kernel; of an op and an arithmetic the slowest first. Tensors may be stored in any way with any of them.
#[derive(Debug)]
pub struct Variant {
    /// Its symbol.
    pub kernel: &'static str,
    /// Its file.
    pub source: &'static Source,
    /// What it computes with.
    pub arithmetic: Arithmetic,
    /// Threads of a block.
    pub threads: u32,
    /// Dynamic shared memory of a block in bytes.
    pub shared: u32,
    /// Blocks for `n` pictures of a side.
    blocks: fn(n: usize, side: usize) -> usize,
}

/// Codes of `n` pictures in bytes.
pub fn codes_len(n: usize, side: usize) -> usize {
    n * (side / 4) * (side / 4) * CHANNELS / 2
}

/// The fastest kernel of an arithmetic.
fn best(variants: &'static [Variant], arithmetic: Arithmetic) -> Option<&'static Variant> {
    variants.iter().rfind(|v| v.arithmetic == arithmetic)
}

fn check_side(op: Lengths, side: usize) -> Result<(), CudaError> {
    if side == 0 || !side.is_multiple_of(4) || side > 4096 {
        return op.refuse(format!("the side of a picture must be a multiple of 4 up to 4096, found {side}"));
    }
    Ok(())
}
