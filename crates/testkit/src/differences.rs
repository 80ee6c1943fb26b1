//! Central differences: what a gradient is checked against.

/// The gradient of `u . f(x)` at `x`, element by element: `(u . f(x + h) - u . f(x - h)) / 2h`.
///
/// Exact up to rounding for a linear `f`; `f` must have no kink within `h` of `x`.
pub fn central(x: &[f64], u: &[f64], h: f64, f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let score = |i: usize, h: f64| -> f64 {
        let mut x = x.to_vec();
        x[i] += h;
        f(&x).iter().zip(u).map(|(y, u)| y * u).sum()
    };
    (0..x.len()).map(|i| (score(i, h) - score(i, -h)) / (2.0 * h)).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn derivative_of_squares() {
        let found = super::central(&[1.0, -3.0], &[1.0, 10.0], 1e-3, |x| x.iter().map(|v| v * v).collect());
        assert!((found[0] - 2.0).abs() < 1e-9 && (found[1] + 60.0).abs() < 1e-9, "{found:?}");
    }
}
