//! The penalties of keras-vis: for large values, and for differences between neighbours.
//!
//! Both are divided by the number of values, and each comes with its gradient.

/// `(sum of |x|^p)^(1/p) / n`, and its gradient `|x|^(p-1) sign(x) / (sum of |x|^p)^((p-1)/p) / n`, which is 0 for a
/// picture of zeros. p is at least 1.
pub fn lp_norm(x: &[f64], p: f64) -> (f64, Vec<f64>) {
    let n = x.len() as f64;
    let largest = x.iter().fold(0f64, |m, v| m.max(v.abs()));
    if largest == 0.0 {
        return (0.0, vec![0.0; x.len()]);
    }
    // Divided by the largest, so that no power overflows.
    let norm = x.iter().map(|v| power((v / largest).abs(), p)).sum::<f64>().powf(1.0 / p);
    let slope = |v: &f64| power((v / largest).abs() / norm, p - 1.0) * v.signum() / n;
    (largest * norm / n, x.iter().map(slope).collect())
}

/// `sum of ((x[i+1, j] - x[i, j])^2 + (x[i, j+1] - x[i, j])^2)^(beta/2) / n` over all i and j that have both
/// neighbours, and over channels (Mahendran and Vedaldi 2014, arXiv:1412.0035); `x` is `[height, width, channels]`.
/// Where all differences are 0 so is the gradient.
pub fn total_variation(x: &[f64], [height, width, channels]: [usize; 3], beta: f64) -> (f64, Vec<f64>) {
    let n = x.len() as f64;
    let (mut sum, mut gradient) = (0.0, vec![0.0; x.len()]);
    let row = width * channels;
    for i in 0..height.saturating_sub(1) {
        for at in i * row..i * row + row - channels.min(row) {
            let (below, right) = (at + row, at + channels);
            let (down, across) = (x[below] - x[at], x[right] - x[at]);
            let square = down * down + across * across;
            if square == 0.0 {
                continue;
            }
            sum += power(square, beta / 2.0);
            let slope = beta * power(square, beta / 2.0 - 1.0) / n;
            gradient[below] += slope * down;
            gradient[right] += slope * across;
            gradient[at] -= slope * (down + across);
        }
    }
    (sum / n, gradient)
}

/// `base^exponent`; whole exponents by multiplication, which is much faster.
fn power(base: f64, exponent: f64) -> f64 {
    match exponent.fract() == 0.0 && exponent.abs() <= 64.0 {
        true => base.powi(exponent as i32),
        false => base.powf(exponent),
    }
}

#[cfg(test)]
mod tests {
    use backlit_testkit::differences::central;
    use backlit_testkit::random::Random;

    use super::*;

    fn close(found: &[f64], expected: &[f64]) {
        let largest = expected.iter().fold(0f64, |m, v| m.max(v.abs()));
        assert!(largest > 0.0);
        for (a, e) in found.iter().zip(expected) {
            assert!((a - e).abs() <= 1e-6 * largest, "{a} for {e}");
        }
    }

    #[test]
    fn central_differences() {
        let x = Random::new(8).values(5 * 4 * 3, 100.0);
        for p in [1.0, 2.0, 2.5, 6.0] {
            close(&lp_norm(&x, p).1, &central(&x, &[1.0], 1e-3, |x| vec![lp_norm(x, p).0]));
        }
        for beta in [1.0, 2.0, 3.0] {
            let value = |x: &[f64]| vec![total_variation(x, [5, 4, 3], beta).0];
            close(&total_variation(&x, [5, 4, 3], beta).1, &central(&x, &[1.0], 1e-3, value));
        }
    }

    #[test]
    fn by_hand() {
        assert_eq!(lp_norm(&[3.0, -4.0], 2.0), (2.5, vec![0.3, -0.4]));
        // 2 x 2, one channel: only the corner has both neighbours.
        let (value, gradient) = total_variation(&[1.0, 3.0, 2.0, 50.0], [2, 2, 1], 2.0);
        assert_eq!((value, gradient), ((4.0 + 1.0) / 4.0, vec![-1.5, 1.0, 0.5, 0.0]));
    }

    #[test]
    fn flat_pictures() {
        assert_eq!(lp_norm(&[0.0; 4], 6.0), (0.0, vec![0.0; 4]));
        assert_eq!(total_variation(&[7.0; 12], [2, 2, 3], 1.0), (0.0, vec![0.0; 12]));
        assert_eq!(total_variation(&[7.0; 3], [1, 1, 3], 2.0), (0.0, vec![0.0; 3]));
        let (value, gradient) = lp_norm(&[1e200, 0.0], 6.0);
        assert!(value == 5e199 && gradient == [0.5, 0.0]);
    }
}
