//! Is the map about a few pixels, or about all of them? Two measures of the map alone, without a forward pass.

use super::error::plane;
use super::{MeasureError, Measured, Undefined};
use crate::Map;

/// Sparseness (Chalasani et al. 2020, arXiv:1810.06583): the Gini index of the absolute values, 0 if all are equal,
/// `1 - 1/n` if only one is not zero. **Higher is sparser**, which is easier to read and not by itself truer.
///
/// Quantus' number, less the 1e-7 that it adds to every value (after dividing by the largest).
///
/// # Errors
/// [`MeasureError`]. [`Undefined::ZeroMap`] for a map of zeros.
pub fn sparseness(map: &Map) -> Result<Measured, MeasureError> {
    let mut sizes: Vec<f64> = plane(map)?.iter().map(|&v| f64::from(v).abs()).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    let (n, sum) = (sizes.len() as f64, sizes.iter().sum::<f64>());
    if sum == 0.0 {
        return Ok(Err(Undefined::ZeroMap));
    }
    let weighted: f64 = sizes.iter().enumerate().map(|(i, v)| (2.0 * (i + 1) as f64 - n - 1.0) * v).sum();
    Ok(Ok(weighted / (n * sum)))
}

/// Complexity (Bhatt, Weller and Moura 2020, arXiv:2005.00631): the entropy, in nats, of the absolute values taken as
/// a distribution over the pixels. 0 for one pixel, `ln 50176 = 10.82` for all alike. **Lower is simpler**, which is
/// easier to read and not by itself truer.
///
/// # Errors
/// [`MeasureError`]. [`Undefined::ZeroMap`] for a map of zeros.
pub fn complexity(map: &Map) -> Result<Measured, MeasureError> {
    let values = plane(map)?;
    let sum: f64 = values.iter().map(|&v| f64::from(v).abs()).sum();
    if sum == 0.0 {
        return Ok(Err(Undefined::ZeroMap));
    }
    let term = |&v: &f32| {
        let p = f64::from(v).abs() / sum;
        if p > 0.0 { -p * p.ln() } else { 0.0 }
    };
    // A single pixel gives the negative zero.
    Ok(Ok(values.iter().map(term).sum::<f64>().max(0.0)))
}
