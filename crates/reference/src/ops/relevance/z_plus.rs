//! The z+ rule for a convolution: only what speaks for an output has a share in it.
//!
//! ```text
//! z    = bias+ + sum of (x+ * weight+) + sum of (x- * weight-)
//! R_in = x+ * sum of (weight+ * R / e(z)) + x- * sum of (weight- * R / e(z))
//! ```
//!
//! with v+ = max(v, 0) and v- = min(v, 0); the sums are those of [`conv2d_fwd`] and [`conv2d_dgrad`]. After a ReLU
//! there is no x-, and only the first half of each line is left.

use super::{negative, positive, stabilised};
use crate::Real;
use crate::ops::{Conv2d, conv2d_dgrad, conv2d_fwd};

/// Relevance of x, overwritten in `out`; `relevance` is that of the outputs.
///
/// # Panics
/// If a slice has the wrong length.
pub fn lrp_z_plus<T: Real>(
    shape: &Conv2d,
    x: &[T],
    weight: &[T],
    bias: &[T],
    stabiliser: f64,
    relevance: &[T],
    out: &mut [T],
) {
    let mut halves = vec![(positive(x), positive(weight), positive(bias))];
    if x.iter().any(|&v| v < T::ZERO) {
        halves.push((negative(x), negative(weight), vec![T::ZERO; bias.len()]));
    }
    let mut z = vec![T::ZERO; shape.output_len()];
    for (x, weight, bias) in &halves {
        let mut part = vec![T::ZERO; z.len()];
        conv2d_fwd(shape, x, weight, bias, &mut part);
        z.iter_mut().zip(part).for_each(|(z, part)| *z += part);
    }
    let ratios = stabilised(relevance, &z, stabiliser);
    assert_eq!(out.len(), x.len());
    out.fill(T::ZERO);
    for (x, weight, _) in &halves {
        let mut part = vec![T::ZERO; x.len()];
        conv2d_dgrad(shape, &ratios, weight, &mut part);
        out.iter_mut().zip(part).zip(x).for_each(|((out, part), &x)| *out += x * part);
    }
}
