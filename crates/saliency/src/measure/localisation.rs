//! Does the map point at the object? Two measures that need to know where it is, and no forward pass.

use backlit_net::SIDE;

use super::error::{flat, plane};
use super::{MeasureError, Measured, Undefined};
use crate::Map;

use crate::mask::Region;

/// How far, in pixels, a point may lie from the object: 15, as in Zhang et al. 2016.
pub const TOLERANCE: f64 = 15.0;

/// Pointing game (Zhang et al. 2016, "Top-down Neural Attention by Excitation Backprop", arXiv:1608.00507): whether
/// the map's highest pixel lies in `region` or at most `tolerance` pixels from its nearest pixel, centre to centre.
///
/// Of equal values the first in reading order counts, as with NumPy's `argmax`. Pixels are those of the 224 x 224
/// grid. The accuracy is the mean over classes of the share of hits: [`mean_over_classes`](super::mean_over_classes).
///
/// # Errors
/// [`MeasureError`]. A flat map points nowhere: [`Undefined::FlatMap`].
pub fn points_at(map: &Map, region: &Region, tolerance: f64) -> Result<Measured<bool>, MeasureError> {
    let values = plane(map)?;
    if tolerance.is_nan() || tolerance < 0.0 {
        let (name, found) = ("the tolerance", tolerance.to_string());
        return Err(MeasureError::Setting { name, found, expected: "0 pixels or more" });
    }
    if flat(values) {
        return Ok(Err(Undefined::FlatMap));
    }
    let mut best = 0;
    for (pixel, &v) in values.iter().enumerate() {
        if v > values[best] {
            best = pixel;
        }
    }
    let near = |pixel: usize| {
        let (dy, dx) = ((pixel / SIDE).abs_diff(best / SIDE), (pixel % SIDE).abs_diff(best % SIDE));
        ((dy * dy + dx * dx) as f64) <= tolerance * tolerance
    };
    Ok(Ok(region.pixels().iter().enumerate().any(|(pixel, &inside)| inside && near(pixel))))
}

/// Energy-based pointing game (Wang et al. 2020, "Score-CAM", arXiv:1910.01279): share of the map's mass that lies in
/// `region`, 0 to 1. **Higher is better**; [`Region::share`] is what a map that knows nothing would have.
///
/// Only what speaks for the class is mass: values below 0 count as 0.
///
/// # Errors
/// [`MeasureError`]. Without mass there is no share: [`Undefined::NothingPositive`].
pub fn mass_inside(map: &Map, region: &Region) -> Result<Measured, MeasureError> {
    let (mut inside, mut all) = (0.0, 0.0);
    for (&v, &belongs) in plane(map)?.iter().zip(region.pixels()) {
        let mass = f64::from(v.max(0.0));
        all += mass;
        if belongs {
            inside += mass;
        }
    }
    Ok(if all > 0.0 { Ok(inside / all) } else { Err(Undefined::NothingPositive) })
}
