//! Correlation of two maps: by value and by rank.

use super::{Measured, Undefined};

/// Ranks from 1 on, the lowest value first; equal values share the mean of their ranks, as SciPy's `rankdata` does.
///
/// The values must be finite.
pub fn mean_ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    // The two zeros are one value.
    order.sort_unstable_by(|&a, &b| (values[a] + 0.0).total_cmp(&(values[b] + 0.0)));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        // Ranks first + 1 to first + n.
        let mean = first as f64 + (group.len() + 1) as f64 / 2.0;
        group.iter().for_each(|&i| ranks[i] = mean);
        first += group.len();
    }
    ranks
}

/// Pearson's correlation of two rows of numbers.
///
/// # Errors
/// [`Undefined`] if they differ in length, hold a value that is not finite, or one of them does not vary.
pub fn pearson(a: &[f64], b: &[f64]) -> Measured {
    if a.len() != b.len() {
        return Err(Undefined::Sizes);
    }
    if a.iter().chain(b).any(|v| !v.is_finite()) {
        return Err(Undefined::NonFinite);
    }
    // Scaled, so that no square over- or underflows.
    let largest = |v: &[f64]| v.iter().fold(0f64, |m, v| m.max(v.abs()));
    let (scale_a, scale_b) = (largest(a), largest(b));
    let mean = |v: &[f64], scale: f64| v.iter().map(|v| v / scale).sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(a, scale_a), mean(b, scale_b));
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (&a, &b) in a.iter().zip(b) {
        let (a, b) = (a / scale_a - ma, b / scale_b - mb);
        aa += a * a;
        bb += b * b;
        ab += a * b;
    }
    let varies = |v: &[f64]| v.iter().any(|&x| x != v[0]);
    if !varies(a) || !varies(b) || aa * bb == 0.0 {
        return Err(Undefined::FlatMap);
    }
    Ok((ab / (aa * bb).sqrt()).clamp(-1.0, 1.0))
}

/// Spearman's rank correlation: [`pearson`] of [`mean_ranks`]. 1 if both rank all pixels alike, -1 if in opposite order.
///
/// # Errors
/// As [`pearson`].
pub fn spearman(a: &[f32], b: &[f32]) -> Measured {
    if a.len() != b.len() {
        return Err(Undefined::Sizes);
    }
    if a.iter().chain(b).any(|v| !v.is_finite()) {
        return Err(Undefined::NonFinite);
    }
    pearson(&mean_ranks(a), &mean_ranks(b))
}

/// [`pearson`] of single-precision values, such as those of a map.
///
/// # Errors
/// As [`pearson`].
pub fn pearson_of(a: &[f32], b: &[f32]) -> Measured {
    let wide = |v: &[f32]| v.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    pearson(&wide(a), &wide(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_ranks() {
        assert_eq!(mean_ranks(&[3.0, 1.0, 3.0, -0.0, 0.0, 3.0]), [5.0, 3.0, 5.0, 1.5, 1.5, 5.0]);
        assert!(mean_ranks(&[]).is_empty());
    }

    /// Values from SciPy 1.17.1, `spearmanr` and `pearsonr`.
    #[test]
    fn agrees_with_scipy() {
        let a: Vec<f32> = (0..40).map(|i| ((37 * i + 11) % 23) as f32).collect();
        let b: Vec<f32> = (0..40).map(|i| ((17 * i * i + 5) % 29) as f32 / 4.0).collect();
        assert!((spearman(&a, &b).unwrap() - SPEARMAN).abs() <= 1e-12);
        assert!((pearson_of(&a, &b).unwrap() - PEARSON).abs() <= 1e-12);
    }

    const SPEARMAN: f64 = 0.061812077327237334;
    const PEARSON: f64 = 0.13082766350049319;

    #[test]
    fn monotone_and_opposite() {
        let a: Vec<f32> = (0..100).map(|i| i as f32).collect();
        let cubed: Vec<f32> = a.iter().map(|v| v * v * v).collect();
        let falling: Vec<f32> = a.iter().map(|v| -v.sqrt()).collect();
        assert_eq!(spearman(&a, &cubed), Ok(1.0));
        assert!((spearman(&a, &falling).unwrap() + 1.0).abs() <= 1e-12);
        assert!(pearson_of(&a, &cubed).unwrap() < 0.95);
    }

    #[test]
    fn nothing_to_correlate() {
        let a = [1.0f32, 2.0, 3.0];
        assert_eq!(spearman(&a, &[1.0, 2.0]), Err(Undefined::Sizes));
        assert_eq!(spearman(&a, &[0.1; 3]), Err(Undefined::FlatMap));
        assert_eq!(pearson_of(&a, &[0.1; 3]), Err(Undefined::FlatMap));
        assert_eq!(spearman(&a, &[1.0, f32::NAN, 2.0]), Err(Undefined::NonFinite));
        assert_eq!(spearman(&[], &[]), Err(Undefined::FlatMap));
        assert_eq!(pearson_of(&[0.0; 2], &[0.0; 2]), Err(Undefined::FlatMap));
        assert!((pearson(&[1e300, -1e300], &[1e-300, -1e-300]).unwrap() - 1.0).abs() <= 1e-12, "no overflow");
    }
}
