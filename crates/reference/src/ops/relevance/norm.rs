//! The norm rule: what is added up shares in proportion to its part of the sum.
//!
//! ```text
//! average  z[c] = mean over P pixels of x[pixel,c]      R_in[pixel,c] = x[pixel,c] / P * R[c] / e(z[c])
//! sum      z = branch + shortcut                        R_branch = branch * R / e(z),  R_shortcut = shortcut * R / e(z)
//! ```

use super::stabilised;
use crate::Real;
use crate::ops::{global_average_dgrad, global_average_fwd};

/// Relevance of x, `[pixels, channels]`, overwritten in `out`; `relevance` is `[channels]`.
///
/// # Panics
/// If a slice has the wrong length.
pub fn lrp_average<T: Real>(x: &[T], stabiliser: f64, relevance: &[T], out: &mut [T]) {
    let mut z = vec![T::ZERO; relevance.len()];
    global_average_fwd(x, &mut z);
    assert_eq!(x.len(), out.len());
    global_average_dgrad(&stabilised(relevance, &z, stabiliser), out);
    out.iter_mut().zip(x).for_each(|(out, &x)| *out = *out * x);
}

/// Relevances of `branch` and `shortcut`.
///
/// # Panics
/// If the lengths differ.
pub fn lrp_sum<T: Real>(branch: &[T], shortcut: &[T], stabiliser: f64, relevance: &[T]) -> (Vec<T>, Vec<T>) {
    assert_eq!(branch.len(), shortcut.len());
    let z: Vec<T> = branch.iter().zip(shortcut).map(|(&b, &s)| b + s).collect();
    let ratios = stabilised(relevance, &z, stabiliser);
    let share = |part: &[T]| part.iter().zip(&ratios).map(|(&p, &r)| p * r).collect();
    (share(branch), share(shortcut))
}
