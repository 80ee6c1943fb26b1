//! Mean over all positions.
//!
//! ```text
//! forward         y[c] = 1/P * sum over pixels of x[pixel,c]
//! input gradient  dx[pixel,c] = dy[c] / P
//! ```

use crate::Real;

/// Forward: x `[pixels, channels]` to y `[channels]`, where `channels` is the length of `y`, which is overwritten.
///
/// # Panics
/// If `x` is not a whole number of pixels.
pub fn global_average_fwd<T: Real>(x: &[T], y: &mut [T]) {
    let channels = y.len();
    assert!(x.len().is_multiple_of(channels));
    let pixels = T::from_f64((x.len() / channels) as f64);
    y.fill(T::ZERO);
    for pixel in x.chunks_exact(channels) {
        for (y, &x) in y.iter_mut().zip(pixel) {
            *y += x;
        }
    }
    for y in y {
        *y = *y / pixels;
    }
}

/// Gradient with respect to the input, `[pixels, channels]`, overwritten.
///
/// # Panics
/// If `dx` is not a whole number of pixels.
pub fn global_average_dgrad<T: Real>(dy: &[T], dx: &mut [T]) {
    let channels = dy.len();
    assert!(dx.len().is_multiple_of(channels));
    let pixels = T::from_f64((dx.len() / channels) as f64);
    for pixel in dx.chunks_exact_mut(channels) {
        for (dx, &dy) in pixel.iter_mut().zip(dy) {
            *dx = dy / pixels;
        }
    }
}
