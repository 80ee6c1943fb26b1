//! Cubic splines through equally spaced values, as weights of those values.
//!
//! A spline is `s(x) = sum of c_j B(x - j)` with the cubic B-spline B. Its coefficients solve
//! `(c_{j-1} + 4 c_j + c_{j+1}) / 6 = f_j` with the ends mirrored, `c_{-1} = c_1` (Unser, Aldroubi and Eden 1993,
//! "B-spline signal processing"): what SciPy calls prefiltering, by a recursive filter there and by elimination here.

/// For every position between 0 and `n - 1`, the weights `[n]` of the values in the spline there.
pub(super) fn weights(n: usize, positions: &[f64]) -> Vec<Vec<f64>> {
    if n == 1 {
        return vec![vec![1.0]; positions.len()];
    }
    let coefficients = inverse(n);
    let at = |&x: &f64| {
        let mut row = vec![0.0; n];
        let whole = x.floor();
        let first = whole as isize - 1;
        for (k, b) in basis(x - whole).into_iter().enumerate() {
            let j = mirrored(first + k as isize, n);
            row.iter_mut().zip(&coefficients[j]).for_each(|(out, c)| *out += b * c);
        }
        row
    };
    positions.iter().map(at).collect()
}

/// B at `t + 1`, `t`, `1 - t` and `2 - t`, for t in 0..1.
fn basis(t: f64) -> [f64; 4] {
    let inner = |t: f64| (t * t * (t - 2.0) * 3.0 + 4.0) / 6.0;
    let s = 1.0 - t;
    [s * s * s / 6.0, inner(t), inner(s), t * t * t / 6.0]
}

/// A position at most n - 1 beyond either end, reflected about that end.
fn mirrored(j: isize, n: usize) -> usize {
    let last = n as isize - 1;
    let j = j.abs();
    (if j > last { 2 * last - j } else { j }).max(0) as usize
}

/// Row j: the weights of the values in coefficient j.
fn inverse(n: usize) -> Vec<Vec<f64>> {
    // Thomas' elimination with all unit vectors as right-hand sides at once; the first and the last off-diagonal
    // element are 2 because of the mirror.
    let above = |i: usize| if i == 0 { 2.0 } else { 1.0 };
    let below = |i: usize| if i == n - 1 { 2.0 } else { 1.0 };
    let mut rows: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| if i == j { 6.0 } else { 0.0 }).collect()).collect();
    let mut diagonal = vec![4.0; n];
    for i in 1..n {
        let factor = below(i) / diagonal[i - 1];
        diagonal[i] -= factor * above(i - 1);
        let (done, rest) = rows.split_at_mut(i);
        rest[0].iter_mut().zip(&done[i - 1]).for_each(|(v, d)| *v -= factor * d);
    }
    for i in (0..n).rev() {
        let (rest, done) = rows.split_at_mut(i + 1);
        if let Some(next) = done.first() {
            rest[i].iter_mut().zip(next).for_each(|(v, d)| *v -= above(i) * d);
        }
        rest[i].iter_mut().for_each(|v| *v /= diagonal[i]);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_through_the_values_and_reproduces_what_a_mirrored_cubic_can() {
        for n in [1, 2, 3, 7, 14] {
            let knots: Vec<f64> = (0..n).map(|i| i as f64).collect();
            for (i, row) in weights(n, &knots).iter().enumerate() {
                for (j, w) in row.iter().enumerate() {
                    assert!((w - f64::from(u8::from(i == j))).abs() <= 1e-14, "{n}: {i} {j} {w}");
                }
            }
        }
        // A cosine of whole half periods is smooth at the mirrors: the error falls with the fourth power of the step.
        let error = |n: usize| {
            let f = |x: f64| (x / (n - 1) as f64 * std::f64::consts::PI).cos();
            let row = &weights(n, &[0.37 * (n - 1) as f64])[0];
            let found: f64 = row.iter().enumerate().map(|(i, w)| w * f(i as f64)).sum();
            (found - f(0.37 * (n - 1) as f64)).abs()
        };
        assert!(error(9) <= 1e-5 && error(33) <= error(9) / 50.0, "{} {}", error(9), error(33));
    }
}
