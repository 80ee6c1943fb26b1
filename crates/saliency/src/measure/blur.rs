//! The blurred picture that insertion starts from.

use backlit_net::{CHANNELS, IMAGE_LEN, SIDE};
use rayon::prelude::*;

/// Rows and columns of RISE's kernel.
const TAPS: usize = 11;
/// Standard deviation of its Gaussian.
const SIGMA: f64 = 5.0;

/// One factor of RISE's separable kernel: a unit pulse in the middle of 11 places under a Gaussian of sigma 5 that is
/// reflected at the ends (`scipy.ndimage.gaussian_filter`, cut off at 4 sigma), so that it sums to 1.
fn taps() -> [f64; TAPS] {
    let radius = 4.0 * SIGMA;
    let weight = |x: f64| (-0.5 * x * x / (SIGMA * SIGMA)).exp();
    let reach = radius as i64;
    let sum: f64 = (-reach..=reach).map(|x| weight(x as f64)).sum();
    let period = 2 * TAPS as i64;
    let mut taps = [0.0; TAPS];
    for (i, tap) in taps.iter_mut().enumerate() {
        for x in -reach..=reach {
            let k = (i as i64 + x).rem_euclid(period);
            // Half-sample reflection: d c b a | a b c d | d c b a.
            if k.min(period - 1 - k) == (TAPS / 2) as i64 {
                *tap += weight(x as f64) / sum;
            }
        }
    }
    taps
}

/// RISE's blur of a preprocessed image, `[224, 224, 3]`: an 11 x 11 Gaussian of sigma 5, zeros beyond the border, which
/// is the mean colour.
pub(super) fn blurred(tensor: &[f32]) -> Vec<f32> {
    let taps = taps();
    let half = TAPS / 2;
    let row = SIDE * CHANNELS;
    let mut across = vec![0f64; IMAGE_LEN];
    across.par_chunks_exact_mut(row).zip(tensor.par_chunks_exact(row)).for_each(|(out, line)| {
        for column in 0..SIDE {
            for from in column.saturating_sub(half)..(column + half + 1).min(SIDE) {
                let tap = taps[from + half - column];
                for c in 0..CHANNELS {
                    out[column * CHANNELS + c] += tap * f64::from(line[from * CHANNELS + c]);
                }
            }
        }
    });
    let mut blurred = vec![0f32; IMAGE_LEN];
    blurred.par_chunks_exact_mut(row).enumerate().for_each(|(y, out)| {
        let mut sums = vec![0f64; row];
        for from in y.saturating_sub(half)..(y + half + 1).min(SIDE) {
            let tap = taps[from + half - y];
            for (sum, &v) in sums.iter_mut().zip(&across[from * row..][..row]) {
                *sum += tap * v;
            }
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = sum as f32;
        }
    });
    blurred
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.ndimage.gaussian_filter` of SciPy 1.17.1 for an 11 x 11 unit pulse: its middle row, divided by the root
    /// of its centre.
    const SCIPY: [f64; TAPS] = [
        0.08795814577727815,
        0.08889611977709484,
        0.09047419654910865,
        0.09219111781938806,
        0.09348938844291409,
        0.09398206326843248,
        0.09348938844291409,
        0.09219111781938806,
        0.09047419654910865,
        0.08889611977709484,
        0.08795814577727815,
    ];

    #[test]
    fn the_kernel_is_scipys() {
        let taps = taps();
        assert!((taps.iter().sum::<f64>() - 1.0).abs() <= 1e-12);
        for (tap, expected) in taps.iter().zip(SCIPY) {
            assert!((tap - expected).abs() <= 1e-12, "{tap} for {expected}");
        }
    }

    #[test]
    fn flat_inside_and_dimmed_at_the_border() {
        let out = blurred(&vec![8.0; IMAGE_LEN]);
        assert!((out[(100 * SIDE + 100) * 3 + 1] - 8.0).abs() <= 1e-5);
        let left: f64 = taps()[TAPS / 2..].iter().sum();
        assert!((f64::from(out[0]) - 8.0 * left * left).abs() <= 1e-5, "a corner sees zeros on two sides");
        let mut image = vec![0.0; IMAGE_LEN];
        image[(50 * SIDE + 60) * 3 + 2] = 1.0;
        let out = blurred(&image);
        let expected = taps()[3] * taps()[7];
        assert!((f64::from(out[(52 * SIDE + 58) * 3 + 2]) - expected).abs() <= 1e-9);
        assert_eq!((out[(52 * SIDE + 58) * 3], out[(56 * SIDE + 60) * 3 + 2]), (0.0, 0.0));
    }
}
