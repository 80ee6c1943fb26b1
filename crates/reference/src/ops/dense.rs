//! Fully connected layer.
//!
//! ```text
//! forward         y[k] = bias[k] + sum over c of x[c] * weight[c,k]
//! input gradient  dx[c] =          sum over k of dy[k] * weight[c,k]
//! ```

use super::{Conv2d, conv2d_dgrad, conv2d_fwd};
use crate::Real;

/// A dense layer is a 1x1 convolution of a 1x1 picture.
fn shape(c_in: usize, c_out: usize) -> Conv2d {
    Conv2d { height: 1, width: 1, c_in, c_out, kernel: 1, stride: 1, pad: 0 }
}

/// Forward: weight `[c_in, c_out]`; `y` is overwritten.
///
/// # Panics
/// If a slice has the wrong length.
pub fn dense_fwd<T: Real>(x: &[T], weight: &[T], bias: &[T], y: &mut [T]) {
    conv2d_fwd(&shape(x.len(), y.len()), x, weight, bias, y);
}

/// Gradient with respect to the input; `dx` is overwritten.
///
/// # Panics
/// If a slice has the wrong length.
pub fn dense_dgrad<T: Real>(dy: &[T], weight: &[T], dx: &mut [T]) {
    conv2d_dgrad(&shape(dx.len(), dy.len()), dy, weight, dx);
}
