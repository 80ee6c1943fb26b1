//! The taps of the Gaussian.

/// SciPy's default for `truncate`: the Gaussian ends at 4 standard deviations.
pub const TRUNCATE: f64 = 4.0;

/// Largest radius; far beyond the 224 pixels of any map, it bounds the work.
pub const MAX_RADIUS: usize = 10_000;

/// A smoothing that cannot be done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SmoothError {
    /// A negative, infinite or NaN parameter, or a kernel without end.
    #[error(
        "sigma {sigma} with truncate {truncate} is no Gaussian: both must be finite and >= 0, \
         and their product at most {MAX_RADIUS}"
    )]
    Sigma {
        /// Standard deviation in pixels.
        sigma: f64,
        /// Cut-off in standard deviations.
        truncate: f64,
    },
    /// A map whose values are not height x width x channels.
    #[error("a map of {height} x {width} x {channels} holds {found} values: the shape and the values must agree")]
    Shape {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Channels.
        channels: usize,
        /// Values found.
        found: usize,
    },
}

/// Half of a symmetric kernel: the weight at distance 0, 1, ... radius. Twice its sum less the first is 1.
///
/// `w(x) = exp(-x^2 / (2 sigma^2)) / sum`, radius `int(truncate * sigma + 0.5)`. A sigma of at most 1e-15 gives the one
/// tap 1, as in SciPy, which then filters nothing.
///
/// # Errors
/// [`SmoothError::Sigma`].
pub fn taps(sigma: f64, truncate: f64) -> Result<Vec<f64>, SmoothError> {
    let reach = truncate * sigma;
    // Written so that a NaN fails.
    if !(sigma >= 0.0 && truncate >= 0.0 && reach <= MAX_RADIUS as f64) {
        return Err(SmoothError::Sigma { sigma, truncate });
    }
    if sigma <= 1e-15 {
        return Ok(vec![1.0]);
    }
    let radius = (reach + 0.5) as usize;
    let weight = |x: usize| (-0.5 / (sigma * sigma) * (x * x) as f64).exp();
    let half: Vec<f64> = (0..=radius).map(weight).collect();
    let all: Vec<f64> = half.iter().skip(1).rev().chain(&half).copied().collect();
    let sum = pairwise_sum(&all);
    Ok(half.into_iter().map(|w| w / sum).collect())
}

/// Sums in NumPy's order: halves down to 128 elements, those in eight interleaved partial sums.
///
/// The last bit of the sum decides whether a flat area of bytes keeps its level or drops by one, so the order counts.
fn pairwise_sum(values: &[f64]) -> f64 {
    let n = values.len();
    if n < 8 {
        return values.iter().sum();
    }
    if n > 128 {
        let half = n / 2 - n / 2 % 8;
        return pairwise_sum(&values[..half]) + pairwise_sum(&values[half..]);
    }
    let mut r = [0f64; 8];
    let groups = values.chunks_exact(8);
    let rest = groups.remainder();
    for group in groups {
        for (sum, v) in r.iter_mut().zip(group) {
            *sum += v;
        }
    }
    let sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    rest.iter().fold(sum, |sum, v| sum + v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn radius_and_sum() {
        for (sigma, truncate, radius) in [(5.0, 4.0, 20), (0.1, 4.0, 0), (0.8, 4.0, 3), (1.3, 2.0, 3), (10.0, 4.0, 40)]
        {
            let w = taps(sigma, truncate).unwrap();
            assert_eq!(w.len(), radius + 1, "sigma {sigma} truncate {truncate}");
            let sum = w[0] + 2.0 * w[1..].iter().sum::<f64>();
            assert!((sum - 1.0).abs() <= 1e-15, "{sum}");
            assert!(w.windows(2).all(|p| p[0] > p[1]), "falls with distance");
            for (x, v) in w.iter().enumerate() {
                let ratio = (-((x * x) as f64) / (2.0 * sigma * sigma)).exp();
                assert!((v / w[0] - ratio).abs() <= 1e-14, "tap {x}: {v}");
            }
        }
    }

    #[test]
    fn no_smoothing_at_all() {
        assert_eq!(taps(0.0, 4.0).unwrap(), [1.0]);
        assert_eq!(taps(1e-200, 4.0).unwrap(), [1.0]);
        assert_eq!(taps(3.0, 0.0).unwrap(), [1.0]);
    }

    #[test]
    fn parameters_that_are_no_gaussian() {
        let bad = [(-1.0, 4.0), (f64::NAN, 4.0), (f64::INFINITY, 4.0), (1.0, f64::NAN), (1.0, -4.0), (3000.0, 4.0)];
        for (sigma, truncate) in bad {
            let error = taps(sigma, truncate).unwrap_err();
            assert!(error.to_string().starts_with("sigma "), "{error}");
        }
        assert!(taps(0.0, f64::INFINITY).is_err(), "0 * infinity is NaN");
    }

    #[test]
    fn pairwise_sum_is_a_sum() {
        for n in [0, 1, 7, 8, 9, 41, 127, 128, 129, 1000] {
            let values: Vec<f64> = (0..n).map(f64::from).collect();
            assert_eq!(pairwise_sum(&values), f64::from(n * (n - 1).max(0) / 2), "{n} whole numbers sum exactly");
        }
    }
}
