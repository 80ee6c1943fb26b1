//! Structural similarity of two maps.

use super::{Measured, Undefined};
use crate::Map;

/// Rows and columns of the window.
const WINDOW: usize = 7;

/// Mean structural similarity (Wang et al. 2004, "Image Quality Assessment: From Error Visibility to Structural
/// Similarity"): 1 for equal maps, about 0 for unrelated ones.
///
/// As scikit-image's `structural_similarity` by default: uniform 7 x 7 windows that lie wholly inside, unbiased
/// variances, K1 = 0.01, K2 = 0.03. The range is that of both maps together, as Quantus takes it.
///
/// # Errors
/// [`Undefined`] unless both maps have one channel, the same size, at least 7 x 7 finite values and some range.
pub fn ssim(a: &Map, b: &Map) -> Measured {
    let (height, width) = (a.height, a.width);
    let whole = |m: &Map| (m.height, m.width, m.channels) == (height, width, 1) && m.values.len() == height * width;
    if !whole(a) || !whole(b) {
        return Err(Undefined::Sizes);
    }
    if height < WINDOW || width < WINDOW {
        return Err(Undefined::TooSmall);
    }
    let both = || a.values.iter().chain(&b.values).map(|&v| f64::from(v));
    if both().any(|v| !v.is_finite()) {
        return Err(Undefined::NonFinite);
    }
    let (low, high) = both().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
    if low == high {
        return Err(Undefined::FlatMap);
    }
    // Scaled to a range of 1, which changes no ratio below.
    let scaled = |m: &Map| m.values.iter().map(|&v| (f64::from(v) - low) / (high - low)).collect::<Vec<f64>>();
    let offset = low / (high - low);
    let (x, y) = (scaled(a), scaled(b));
    let (c1, c2) = (0.01f64.powi(2), 0.03f64.powi(2));
    let n = (WINDOW * WINDOW) as f64;
    let mut sum = 0.0;
    for top in 0..=height - WINDOW {
        for left in 0..=width - WINDOW {
            let [mut sx, mut sy, mut xx, mut yy, mut xy] = [0.0; 5];
            for row in top..top + WINDOW {
                let line = row * width + left..row * width + left + WINDOW;
                for (&x, &y) in x[line.clone()].iter().zip(&y[line]) {
                    sx += x;
                    sy += y;
                    xx += x * x;
                    yy += y * y;
                    xy += x * y;
                }
            }
            let covariance = |product: f64, p: f64, q: f64| (product - p * q / n) / (n - 1.0);
            let (vx, vy, vxy) = (covariance(xx, sx, sx), covariance(yy, sy, sy), covariance(xy, sx, sy));
            // Luminance is about the values themselves, so the shift is taken back.
            let (mx, my) = (sx / n + offset, sy / n + offset);
            sum += (2.0 * mx * my + c1) * (2.0 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2));
        }
    }
    Ok(sum / ((height - WINDOW + 1) * (width - WINDOW + 1)) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(height: usize, width: usize, value: impl Fn(usize) -> f32) -> Map {
        Map { height, width, channels: 1, values: (0..height * width).map(value).collect() }
    }

    /// Values from scikit-image, `structural_similarity(a, b, data_range=...)`.
    #[test]
    fn agrees_with_scikit_image() {
        let a = map(24, 17, |i| ((37 * i + 11) % 23) as f32 / 8.0 - 1.0);
        let b = map(24, 17, |i| ((37 * i + 11) % 23) as f32 / 8.0 + ((i * i) % 7) as f32 / 4.0);
        let found = ssim(&a, &b).unwrap();
        assert!((found - SCIKIT_IMAGE).abs() <= 1e-6, "{found}");
        assert!((ssim(&a, &a).unwrap() - 1.0).abs() <= 1e-12);
    }

    const SCIKIT_IMAGE: f64 = 0.3521470670529303;

    #[test]
    fn nothing_to_compare() {
        let a = map(9, 9, |i| i as f32);
        assert_eq!(ssim(&a, &map(9, 10, |i| i as f32)), Err(Undefined::Sizes));
        assert_eq!(ssim(&map(6, 9, |_| 1.0), &map(6, 9, |_| 2.0)), Err(Undefined::TooSmall));
        assert_eq!(ssim(&map(9, 9, |_| 2.0), &map(9, 9, |_| 2.0)), Err(Undefined::FlatMap));
        assert_eq!(ssim(&a, &map(9, 9, |_| f32::NAN)), Err(Undefined::NonFinite));
        assert!(ssim(&a, &map(9, 9, |_| 2.0)).unwrap().is_finite());
    }
}
