//! Rectified linear unit, with the three rules by which people send a gradient back through it.
//!
//! ```text
//! forward    y = max(x, 0)
//! plain      dx = dy * [y > 0]                 the derivative, 0 at 0
//! guided     dx = dy * [y > 0] * [dy > 0]      Springenberg et al. 2014, arXiv:1412.6806
//! rectified  dx = dy * [dy > 0]                Zeiler and Fergus 2013, arXiv:1311.2901
//! ```

use backlit_net::Rule;

use crate::Real;

/// Forward, in place.
pub fn relu_fwd<T: Real>(x: &mut [T]) {
    for x in x {
        // A NaN stays a NaN: it must not be hidden here.
        if *x < T::ZERO {
            *x = T::ZERO;
        }
    }
}

/// Gradient by a rule, in place: `d` is dy on entry and dx on return; `y` is the output of the forward pass.
///
/// # Panics
/// If the lengths differ.
pub fn relu_dgrad<T: Real>(rule: Rule, y: &[T], d: &mut [T]) {
    assert_eq!(y.len(), d.len());
    for (&y, d) in y.iter().zip(d) {
        let pass = match rule {
            Rule::Plain => y > T::ZERO,
            Rule::Guided => y > T::ZERO && *d > T::ZERO,
            Rule::Rectified => *d > T::ZERO,
        };
        if !pass {
            *d = T::ZERO;
        }
    }
}
