//! The fast CPU engine.
//!
//! How it works, in the order in which the files read best:
//!
//! - [`isa`]: a token proves that the processor has an instruction set; code run under a token is compiled for it.
//! - `lanes`: sixteen output channels side by side, the unit in which weights are packed and sums are kept.
//! - `ops::conv2d`: one driver for every convolution, forward and back: pixels by strips, channels by panels, and an
//!   epilogue that adds bias and residual, applies ReLU and writes or reads gate bits while the sums are in registers.
//! - `ops::winograd`: 3x3 convolutions of stride 1 by fewer multiplications.
//! - `ops::{stem, max_pool, head}`: the two ends of the network, which have shapes of their own.
//! - `plan`: the network as a table of steps over these, for a few images at a time, and where their tensors lie.
//! - `tiles`: the same network in tiles of bfloat16, for precisions `mixed` and `half`; `run`: either of them by the
//!   same questions.
//! - `shared`: one matrix, written by many threads.
//! - `answer`: all that is asked about a batch, with one pass forward and one pass back for every rule.
//! - `relevance`: layer-wise relevance propagation by the same kernels.
//!
//! What is kept between forward and backward is one bit for every ReLU output of the blocks and four bits for
//! every pool window, which stands for the stem's ReLU too.
//!
//! Every output is summed in an order that depends on the layer alone, so the bytes of a result depend on the
//! instruction set, and not on batch, threads or order.
#![deny(unsafe_code)]

mod answer;
mod bf16;
mod buffers;
mod engine;
mod gates;
pub mod isa;
pub mod lanes;
mod ops;
mod options;
mod plan;
mod precision;
mod relevance;
mod run;
mod shared;
mod tiles;

pub use engine::Cpu;
pub use options::{CpuError, CpuOptions, ISA_VARIABLE, level_from_env};
pub use relevance::CpuLrp;

/// Single layers, for benches and tests; not part of the stable interface.
#[doc(hidden)]
pub mod layers {
    pub use crate::ops::conv2d::{Epilogue, Gate, PackedConv, Residual, Weighted};
    pub use crate::ops::head::Head;
    pub use crate::ops::max_pool;
    pub use crate::ops::stem::Stem;
    pub use crate::ops::winograd::{Outputs, PackedWinograd};
    pub use crate::plan::winograd_tile;
    pub use crate::tiles::plan::Recipe;
    pub use crate::tiles::scheme::Scheme;
}
