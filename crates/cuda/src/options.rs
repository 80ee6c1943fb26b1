//! How the engine is to run.

use backlit_net::engine::Precision;

use crate::planes::Sixteen;

backlit_net::named!(Sixteen, "16-bit format", { F16 = "f16", Bf16 = "bf16" });

/// How to run.
#[derive(Clone, Debug)]
pub struct CudaOptions {
    /// GPUs by number; a batch is divided among them.
    pub devices: Vec<usize>,
    /// [`Precision::F32`], [`Precision::Mixed`] or [`Precision::Half`].
    pub precision: Precision,
    /// Whether pixels that no later layer reads are left out of the last blocks of stages 2, 3 and 4 of v1. It changes
    /// no result. A question about those very blocks is answered without it.
    pub dead_code: bool,
    /// The format of [`Precision::Half`].
    pub sixteen: Sixteen,
    /// Images that one GPU works on together, at most; fewer if its memory does not hold them.
    pub batch: usize,
}

impl Default for CudaOptions {
    /// The first GPU, mixed precision, 256 images at a time.
    fn default() -> CudaOptions {
        CudaOptions {
            devices: vec![0],
            precision: Precision::Mixed,
            dead_code: true,
            sixteen: Sixteen::F16,
            batch: 256,
        }
    }
}
