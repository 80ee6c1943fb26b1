//! The epsilon rule for a fully connected layer.
//!
//! ```text
//! z[k] = bias[k] + sum over c of x[c] * weight[c,k]
//! R_in[c] = x[c] * sum over k of weight[c,k] * R[k] / e(z[k])
//! ```

use super::stabilised;
use crate::Real;
use crate::ops::dense_dgrad;

/// Relevance of x, `[c_in]`, overwritten in `out`; z is the layer's output, weight `[c_in, c_out]`.
///
/// # Panics
/// If a slice has the wrong length.
pub fn lrp_epsilon<T: Real>(x: &[T], weight: &[T], z: &[T], epsilon: f64, relevance: &[T], out: &mut [T]) {
    dense_dgrad(&stabilised(relevance, z, epsilon), weight, out);
    assert_eq!(x.len(), out.len());
    out.iter_mut().zip(x).for_each(|(out, &x)| *out = *out * x);
}
