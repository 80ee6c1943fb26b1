//! Rules of layer-wise relevance propagation, one a file: from the relevance of a layer's outputs to that of its
//! inputs. [`backlit_net::relevance`] has them side by side.

mod epsilon;
mod flat;
mod norm;
mod z_plus;

pub use epsilon::lrp_epsilon;
pub use flat::lrp_flat;
pub use norm::{lrp_average, lrp_sum};
pub use z_plus::lrp_z_plus;

use crate::Real;

/// `relevance / e(z)`, where e moves z away from zero by `stabiliser`; a z of zero counts as positive.
fn ratios<T: Real>(relevance: &[T], z: &[T], stabiliser: T, negative: T) -> Vec<T> {
    assert_eq!(relevance.len(), z.len());
    let e = |z: T| if z < T::ZERO { z + negative } else { z + stabiliser };
    relevance.iter().zip(z).map(|(&r, &z)| r / e(z)).collect()
}

/// [`ratios`] with a stabiliser given in double precision.
fn stabilised<T: Real>(relevance: &[T], z: &[T], stabiliser: f64) -> Vec<T> {
    ratios(relevance, z, T::from_f64(stabiliser), T::from_f64(-stabiliser))
}

/// `max(v, 0)`, element by element.
fn positive<T: Real>(values: &[T]) -> Vec<T> {
    values.iter().map(|&v| if v > T::ZERO { v } else { T::ZERO }).collect()
}

/// `min(v, 0)`, element by element.
fn negative<T: Real>(values: &[T]) -> Vec<T> {
    values.iter().map(|&v| if v < T::ZERO { v } else { T::ZERO }).collect()
}
