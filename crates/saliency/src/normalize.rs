//! Min-max normalisation, rounded as keras-vis rounded it.

/// Keras' epsilon: keeps the division of a constant map finite.
pub const EPSILON: f64 = 1e-7;

/// Smallest and largest value; `None` for an empty slice or one that holds a NaN.
pub(crate) fn min_max(values: &[f32]) -> Option<(f32, f32)> {
    let (&first, rest) = values.split_first()?;
    let mut range = (first, first);
    for &v in rest {
        range = (range.0.min(v), range.1.max(v));
    }
    (!values.iter().any(|v| v.is_nan())).then_some(range)
}

/// `(v - min) / (max - min + epsilon)` in place, over all channels jointly.
///
/// The rounding is that of NumPy 1 with float32 arrays: `max - min` is rounded to f32, the sum with the Python float
/// [`EPSILON`] is taken in f64, and that divisor is rounded to f32 before a division in f32. A constant map becomes
/// zero; a map much fainter than epsilon stays faint and is never amplified to full range.
pub(crate) fn min_max_normalize(values: &mut [f32], min: f32, max: f32) {
    let divisor = (f64::from(max - min) + EPSILON) as f32;
    for v in values {
        *v = (*v - min) / divisor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(values: &[f32]) -> Vec<f32> {
        let mut out = values.to_vec();
        let (min, max) = min_max(values).unwrap();
        min_max_normalize(&mut out, min, max);
        out
    }

    #[test]
    fn range() {
        assert_eq!(min_max(&[2.0, -1.0, 0.5]), Some((-1.0, 2.0)));
        assert_eq!(min_max(&[]), None);
        assert_eq!(min_max(&[1.0, f32::NAN]), None);
        assert_eq!(min_max(&[f32::NAN, 1.0]), None);
    }

    #[test]
    fn the_largest_value_misses_one_by_epsilon() {
        assert_eq!(normalized(&[-1.0, 0.0, 3.0]), [0.0, 0.25, 1.0]); // 4 + 1e-7 rounds to 4
        let out = normalized(&[0.0, 1e-3]);
        assert_eq!(out[1], 1e-3 / ((f64::from(1e-3f32) + 1e-7) as f32));
        assert!(out[1] < 0.999_91 && out[1] > 0.999_89);
    }

    #[test]
    fn constants_and_faint_maps() {
        assert_eq!(normalized(&[4.0; 3]), [0.0; 3]);
        assert!((normalized(&[0.0, 1e-8])[1] - 1.0 / 11.0).abs() < 1e-6);
    }
}
