//! Comparison. A pass is always `error <= tolerance`, so that a NaN fails.

/// Relative L2 error `|found - expected| / |expected|`.
///
/// # Panics
/// If the lengths differ, or `expected` is all zero: against zeros nothing can be shown.
pub fn relative_l2(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len(), "lengths differ");
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
    let size = norm(&mut expected.iter().copied());
    assert!(size > 0.0, "the expected values are all zero: such a test cannot fail");
    norm(&mut found.iter().zip(expected).map(|(f, e)| f - e)) / size
}

/// Pearson's correlation.
///
/// # Panics
/// If the lengths differ.
pub fn correlation(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "lengths differ");
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(&x, &y)| f(x - ma, y - mb)).sum::<f64>();
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}

/// The middle value, or the mean of the middle two.
///
/// # Panics
/// If there is no value.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0
}

/// Every element within `tolerance` of what is expected; the worst is named.
///
/// # Panics
/// If one is not, if the lengths differ, or if zeros would pass too.
#[track_caller]
pub fn assert_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths differ");
    let size = expected.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    assert!(size > 10.0 * tolerance, "{what}: zeros would pass, the largest value is {size}, tolerance {tolerance}");
    for (at, (f, e)) in found.iter().zip(expected).enumerate() {
        let error = (f - e).abs();
        assert!(error <= tolerance, "{what}: element {at} is {f}, expected {e}: error {error}, tolerance {tolerance}");
    }
}

/// Every element equal as a number (the two zeros are one); the first that is not is named.
///
/// # Panics
/// If one differs, or all are zero.
#[track_caller]
pub fn assert_same(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths differ");
    assert!(expected.iter().any(|&v| v != 0.0), "{what}: all zero, nothing is shown");
    for (at, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!(f == e, "{what}: element {at} is {f}, expected {e}");
    }
}

/// Tolerance of a float32 sum of `terms` products of values from -1 to 1.
///
/// The running sum of random signs stays below about `4 sqrt(terms)`, and each of `terms` roundings adds at most half
/// an epsilon of it, again with random signs: `4 * sqrt(terms) * eps / 2 * sqrt(terms)`.
pub fn sum_tolerance(terms: usize) -> f64 {
    2.0 * terms as f64 * f64::from(f32::EPSILON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nan_is_never_close() {
        let close = |found: f64| std::panic::catch_unwind(|| assert_close("test", &[found], &[1.0], 0.01)).is_ok();
        assert!(close(1.005));
        assert!(!close(1.02));
        assert!(!close(f64::NAN));
    }

    #[test]
    fn zeros_prove_nothing() {
        assert!(std::panic::catch_unwind(|| assert_close("test", &[0.0], &[1e-9], 1e-6)).is_err());
        assert!(std::panic::catch_unwind(|| relative_l2(&[0.0], &[0.0])).is_err());
    }

    #[test]
    fn known_values() {
        assert!((relative_l2(&[3.0, 5.0], &[3.0, 4.0]) - 0.2).abs() < 1e-12);
        assert!((correlation(&[1.0, 2.0, 3.0], &[-2.0, -4.0, -6.0]) + 1.0).abs() < 1e-12);
        assert_eq!(median(&[4.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
