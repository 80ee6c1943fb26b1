//! From many pictures to one number, and how sure it is.

use serde::Serialize;

use super::random::Draws;

/// Mean of a measure over pictures with its bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Pictures that have a value.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
}

/// How the interval is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bootstrap {
    /// Times that the pictures are drawn anew, with replacement.
    pub resamples: usize,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for Bootstrap {
    /// 2000 times, seed 0.
    fn default() -> Self {
        Bootstrap { resamples: 2000, seed: 0 }
    }
}

impl Summary {
    /// Mean and percentile bootstrap interval (Efron 1979): the 2.5th and 97.5th percentile of the means of resamples.
    ///
    /// Whatever the order of the values, the result is the same. `None` without values, or if one is not finite. Of a
    /// single picture, or without resamples, the interval is the mean alone, which says nothing about others.
    pub fn of(values: &[f64], bootstrap: Bootstrap) -> Option<Summary> {
        let n = values.len();
        if n == 0 || values.iter().any(|v| !v.is_finite()) {
            return None;
        }
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let mean = sorted.iter().sum::<f64>() / n as f64;
        let resample = |r: usize| {
            let draws = Draws::new(bootstrap.seed, n as u64, r as u64);
            (0..n).map(|i| sorted[draws.below(i as u64, n)]).sum::<f64>() / n as f64
        };
        let mut means: Vec<f64> = (0..bootstrap.resamples).map(resample).collect();
        means.sort_unstable_by(f64::total_cmp);
        Some(match means.is_empty() || n == 1 {
            true => Summary { n, mean, low: mean, high: mean },
            false => Summary { n, mean, low: quantile(&means, 0.025), high: quantile(&means, 0.975) },
        })
    }
}

/// A quantile of sorted values, linear between them as NumPy's `percentile`.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[at as usize], sorted[(at as usize + 1).min(sorted.len() - 1)]);
    below + (above - below) * at.fract()
}

/// Mean over classes of the mean within each class: the accuracy of the pointing game (Zhang et al. 2016), to which a
/// frequent class counts no more than a rare one. `None` without values.
pub fn mean_over_classes(values: &[(usize, f64)]) -> Option<f64> {
    let mut classes = std::collections::BTreeMap::<usize, (f64, usize)>::new();
    for &(class, value) in values {
        let (sum, n) = classes.entry(class).or_default();
        *sum += value;
        *n += 1;
    }
    let sum: f64 = classes.values().map(|(sum, n)| sum / *n as f64).sum();
    (!classes.is_empty()).then(|| sum / classes.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_normal_distribution() {
        let draws = Draws::new(7, 0, 0);
        let values: Vec<f64> = (0..400).map(|i| 3.0 + 2.0 * draws.normal(i)).collect();
        let summary = Summary::of(&values, Bootstrap::default()).unwrap();
        let mean = values.iter().sum::<f64>() / 400.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 400.0;
        let half = 1.96 * (variance / 400.0).sqrt();
        assert!((summary.mean - mean).abs() <= 1e-12 && summary.n == 400);
        assert!(((summary.high - summary.low) / (2.0 * half) - 1.0).abs() <= 0.1, "{summary:?}, {half}");
        assert!(summary.low < mean && mean < summary.high);
    }

    #[test]
    fn reproducible_in_any_order() {
        let values: Vec<f64> = (0..50).map(|i| f64::from(i * 37 % 101)).collect();
        let reversed: Vec<f64> = values.iter().rev().copied().collect();
        let summary = Summary::of(&values, Bootstrap::default());
        assert_eq!(summary, Summary::of(&reversed, Bootstrap::default()));
        assert_ne!(summary, Summary::of(&values, Bootstrap { seed: 1, ..Bootstrap::default() }));
    }

    #[test]
    fn few_values() {
        let one = Summary { n: 1, mean: 0.25, low: 0.25, high: 0.25 };
        assert_eq!(Summary::of(&[0.25], Bootstrap::default()), Some(one));
        assert_eq!(Summary::of(&[], Bootstrap::default()), None);
        assert_eq!(Summary::of(&[1.0, f64::NAN], Bootstrap::default()), None);
        let same = Summary::of(&[2.0; 5], Bootstrap::default()).unwrap();
        assert_eq!((same.low, same.high), (2.0, 2.0));
        let none = Summary::of(&[1.0, 3.0], Bootstrap { resamples: 0, seed: 0 }).unwrap();
        assert_eq!((none.low, none.mean, none.high), (2.0, 2.0, 2.0));
    }

    #[test]
    fn classes_count_alike() {
        assert_eq!(mean_over_classes(&[(3, 1.0), (3, 0.0), (3, 0.5), (9, 1.0)]), Some(0.75));
        assert_eq!(mean_over_classes(&[]), None);
    }
}
