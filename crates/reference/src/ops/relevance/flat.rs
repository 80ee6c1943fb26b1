//! The flat rule for a convolution: all inputs under the filter have the same share.
//!
//! ```text
//! z    = number of inputs under the filter and inside the picture
//! R_in = sum over the outputs that see the input of R / e(z)
//! ```

use super::stabilised;
use crate::Real;
use crate::ops::{Conv2d, conv2d_dgrad, conv2d_fwd};

/// Relevance of the inputs, overwritten in `out`; `relevance` is that of the outputs.
///
/// # Panics
/// If a slice has the wrong length.
pub fn lrp_flat<T: Real>(shape: &Conv2d, stabiliser: f64, relevance: &[T], out: &mut [T]) {
    let one = T::from_f64(1.0);
    let weight = vec![one; shape.kernel * shape.kernel * shape.c_in * shape.c_out];
    let mut z = vec![T::ZERO; shape.output_len()];
    conv2d_fwd(shape, &vec![one; shape.input_len()], &weight, &vec![T::ZERO; shape.c_out], &mut z);
    conv2d_dgrad(shape, &stabilised(relevance, &z, stabiliser), &weight, out);
}
