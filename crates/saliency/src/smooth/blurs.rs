//! Many Gaussian blurs of one picture, over a border of zeros.

use std::f64::consts::TAU;
use std::sync::Arc;

use rayon::prelude::*;
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::SmoothError;
use super::taps::taps;

type C = Complex<f64>;

/// A picture whose blurs are wanted: `scipy.ndimage.gaussian_filter(picture, [sigma, sigma, 0], mode="constant")`.
///
/// A wide Gaussian takes hundreds of taps a pixel; by Fourier's way every blur costs the same. The picture, with as
/// many zeros again below and beside it as it has pixels, is transformed once; a blur is a multiplication and a
/// transform back. The zeros keep the circular convolution from reaching around: no tap between two pixels of the
/// picture is longer than the zeros are. In double precision the result is exact to 1e-13 of the largest value.
pub(crate) struct Blurs {
    height: usize,
    width: usize,
    channels: usize,
    /// `[channels, 2 width, 2 height]`: columns are contiguous.
    spectrum: Vec<C>,
    back_rows: Arc<dyn Fft<f64>>,
    back_columns: Arc<dyn Fft<f64>>,
}

impl Blurs {
    /// Of a picture `[height, width, channels]`.
    ///
    /// # Errors
    /// [`SmoothError::Shape`] unless it has that many values and at least one.
    pub(crate) fn new(picture: &[f32], [height, width, channels]: [usize; 3]) -> Result<Blurs, SmoothError> {
        if picture.is_empty() || height.checked_mul(width).and_then(|n| n.checked_mul(channels)) != Some(picture.len())
        {
            return Err(SmoothError::Shape { height, width, channels, found: picture.len() });
        }
        let mut planner = FftPlanner::new();
        let (rows, columns) = (planner.plan_fft_forward(2 * width), planner.plan_fft_forward(2 * height));
        let mut spectrum = vec![C::default(); channels * 4 * height * width];
        for (channel, plane) in spectrum.chunks_exact_mut(4 * height * width).enumerate() {
            for (r, row) in picture.chunks_exact(width * channels).enumerate() {
                let mut line = vec![C::default(); 2 * width];
                for (out, pixel) in line.iter_mut().zip(row.chunks_exact(channels)) {
                    out.re = f64::from(pixel[channel]);
                }
                rows.process(&mut line);
                line.into_iter().enumerate().for_each(|(k, v)| plane[k * 2 * height + r] = v);
            }
            plane.par_chunks_exact_mut(2 * height).for_each(|column| columns.process(column));
        }
        let (back_rows, back_columns) = (planner.plan_fft_inverse(2 * width), planner.plan_fft_inverse(2 * height));
        Ok(Blurs { height, width, channels, spectrum, back_rows, back_columns })
    }

    /// The picture under a blur of `sigma`, and how it changes with it: `(blur(sigma + step) - blur(sigma)) / step`.
    /// Both are `[height, width, channels]`.
    ///
    /// # Errors
    /// [`SmoothError::Sigma`].
    pub(crate) fn at(&self, sigma: f64, step: f64) -> Result<(Vec<f32>, Vec<f32>), SmoothError> {
        let &Blurs { height, width, channels, .. } = self;
        let (now, then) = (taps(sigma, super::TRUNCATE)?, taps(sigma + step, super::TRUNCATE)?);
        let transfer = |taps: &[f64], len: usize| response(taps, len);
        let (row, row_then) = (transfer(&now, width), transfer(&then, width));
        let (column, column_then) = (transfer(&now, height), transfer(&then, height));
        let scale = 1.0 / (4 * height * width) as f64;

        // Both answers are real, so that one can ride as the imaginary part of the other.
        let mut planes = vec![C::default(); channels * height * width];
        planes.par_chunks_exact_mut(height * width).enumerate().for_each(|(channel, out)| {
            let spectrum = &self.spectrum[channel * 4 * height * width..][..4 * height * width];
            let mut half = vec![C::default(); 2 * width * height];
            let columns = spectrum.par_chunks_exact(2 * height).zip(half.par_chunks_exact_mut(height)).enumerate();
            columns.for_each(|(k, (from, to))| {
                let mut line: Vec<C> = (from.iter().zip(&column).zip(&column_then))
                    .map(|((&v, &c), &c_then)| {
                        let (now, then) = (row[k] * c, row_then[k] * c_then);
                        v * C::new(now * scale, (then - now) / step * scale)
                    })
                    .collect();
                self.back_columns.process(&mut line);
                to.copy_from_slice(&line[..height]);
            });
            out.par_chunks_exact_mut(width).enumerate().for_each(|(r, out)| {
                let mut line: Vec<C> = (0..2 * width).map(|k| half[k * height + r]).collect();
                self.back_rows.process(&mut line);
                out.copy_from_slice(&line[..width]);
            });
        });
        let interleaved = |part: fn(&C) -> f64| -> Vec<f32> {
            (0..height * width)
                .flat_map(|pixel| (0..channels).map(move |c| (c, pixel)))
                .map(|(c, pixel)| part(&planes[c * height * width + pixel]) as f32)
                .collect()
        };
        Ok((interleaved(|v| v.re), interleaved(|v| v.im)))
    }
}

/// What the taps, half of a symmetric kernel, multiply each frequency of a line of `2 len` by:
/// `w_0 + 2 sum over j of w_j cos(2 pi j k / (2 len))`. Taps longer than the line meet nothing but zeros.
fn response(taps: &[f64], len: usize) -> Vec<f64> {
    let n = 2 * len;
    let cosines: Vec<f64> = (0..n).map(|i| (TAU * i as f64 / n as f64).cos()).collect();
    let one = |k: usize| {
        let pairs = taps.iter().enumerate().take(len).skip(1).map(|(j, w)| w * cosines[j * k % n]);
        taps[0] + 2.0 * pairs.sum::<f64>()
    };
    let half: Vec<f64> = (0..=len).into_par_iter().map(one).collect();
    (0..n).map(|k| half[k.min(n - k)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directly, as the sum over the taps.
    fn direct(picture: &[f32], [height, width, channels]: [usize; 3], sigma: f64) -> Vec<f64> {
        let taps = taps(sigma, 4.0).unwrap();
        let weight = |a: usize, b: usize| taps.get(a.abs_diff(b)).copied().unwrap_or(0.0);
        let mut out = vec![0.0; picture.len()];
        for (i, out) in out.iter_mut().enumerate() {
            let (r, c, ch) = (i / channels / width, i / channels % width, i % channels);
            for (rr, cc) in (0..height).flat_map(|rr| (0..width).map(move |cc| (rr, cc))) {
                *out += weight(r, rr) * weight(c, cc) * f64::from(picture[(rr * width + cc) * channels + ch]);
            }
        }
        out
    }

    fn picture(shape: [usize; 3]) -> Vec<f32> {
        (0..shape.iter().product::<usize>()).map(|i| ((37 * i * i + 11 * i) % 255) as f32 - 127.0).collect()
    }

    #[test]
    fn is_the_sum_over_the_taps() {
        for shape in [[9, 14, 3], [1, 6, 2], [5, 1, 1], [1, 1, 1], [16, 16, 1]] {
            let (picture, step) = (picture(shape), 0.01);
            let blurs = Blurs::new(&picture, shape).unwrap();
            for sigma in [0.0, 0.4, 1.0, 3.7, 50.0] {
                let (blur, slope) = blurs.at(sigma, step).unwrap();
                let (now, then) = (direct(&picture, shape, sigma), direct(&picture, shape, sigma + step));
                for i in 0..picture.len() {
                    let change = (then[i] - now[i]) / step;
                    assert!((f64::from(blur[i]) - now[i]).abs() <= 1e-5, "{shape:?} {sigma} {i}: {}", blur[i]);
                    let error = (f64::from(slope[i]) - change).abs();
                    assert!(error <= 1e-10 + 1e-7 * change.abs(), "{shape:?} {sigma} {i}: {} for {change}", slope[i]);
                }
            }
        }
    }

    /// SciPy 1.17.1: `gaussian_filter(a, sigma, mode="constant")` of `a[i, j] = i + 2 j`, 3 x 4.
    #[test]
    fn agrees_with_scipy() {
        let picture: Vec<f32> = (0..12).map(|i| (i / 4 + 2 * (i % 4)) as f32).collect();
        let (blur, _) = Blurs::new(&picture, [3, 4, 1]).unwrap().at(1.0, 0.01).unwrap();
        for (found, expected) in blur.iter().zip(SCIPY) {
            assert!((f64::from(*found) - expected).abs() <= 5e-7, "{found} for {expected}");
        }
    }

    #[test]
    fn no_blur_is_the_picture_and_bad_ones_are_refused() {
        let picture = picture([8, 8, 3]);
        let blurs = Blurs::new(&picture, [8, 8, 3]).unwrap();
        assert_eq!(blurs.at(0.0, 0.01).unwrap().0, picture);
        assert!(matches!(blurs.at(-1.0, 0.01), Err(SmoothError::Sigma { .. })));
        assert!(matches!(Blurs::new(&picture, [8, 8, 2]), Err(SmoothError::Shape { .. })));
        assert!(matches!(Blurs::new(&[], [0, 8, 3]), Err(SmoothError::Shape { .. })));
    }

    const SCIPY: [f64; 12] = [
        0.7495841340319441,
        1.7800224415872776,
        2.7819560111149073,
        2.6557324521887544,
        1.2588515761189112,
        2.672141187545926,
        3.9451096592762975,
        3.6806355997837454,
        1.2320606296467873,
        2.4263786088336685,
        3.428312178361298,
        3.138208947803598,
    ];
}
