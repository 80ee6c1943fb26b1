//! Max-pool over square windows, with a border of zeros that take part or of nothing.
//!
//! ```text
//! forward         y[p,q,c] = max over r,s of x[h,w,c],   h = p * stride - pad + r,   w = q * stride - pad + s
//! input gradient  dx[h,w,c] = sum of dy[p,q,c] over the windows whose winner is (h,w)
//! ```
//!
//! The winner of a tie is the first in row-major order of the window, border included, as in Keras and PyTorch. If
//! it lies in the border, its gradient falls off the picture. A NaN wins over everything, so that it is seen.

use backlit_net::arch::{Pool, PoolBorder};

use crate::Real;

/// The winner recorded where the border itself wins.
pub const BORDER: u32 = u32::MAX;

/// Shapes of a max-pool: x `[side_in, side_in, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool {
    /// Rows and columns of the input.
    pub side_in: usize,
    /// Channels.
    pub channels: usize,
    /// Rows and columns of the window.
    pub kernel: usize,
    /// Step in rows and columns.
    pub stride: usize,
    /// Border on every side.
    pub pad: usize,
    /// What the border holds.
    pub border: PoolBorder,
}

impl From<&Pool> for MaxPool {
    fn from(p: &Pool) -> MaxPool {
        let (side_in, channels, kernel, stride, pad) = (p.side_in, p.channels, p.kernel, p.stride, p.pad);
        MaxPool { side_in, channels, kernel, stride, pad, border: p.border }
    }
}

impl MaxPool {
    /// Rows and columns of the output.
    pub fn side_out(&self) -> usize {
        (self.side_in + 2 * self.pad - self.kernel) / self.stride + 1
    }
}

/// Forward. `y` and `winner` are `[side_out, side_out, channels]` and overwritten; `winner` holds the flat input
/// pixel `h * side_in + w` of the maximum, or [`BORDER`].
///
/// # Panics
/// If a slice has the wrong length, or a window without a border of zeros holds no pixel at all.
pub fn max_pool_fwd<T: Real>(shape: &MaxPool, x: &[T], y: &mut [T], winner: &mut [u32]) {
    let MaxPool { side_in, channels, kernel, stride, pad, border } = *shape;
    let side_out = shape.side_out();
    assert_eq!(x.len(), side_in * side_in * channels);
    assert_eq!(y.len(), side_out * side_out * channels);
    assert_eq!(winner.len(), y.len());
    for p in 0..side_out {
        for q in 0..side_out {
            for c in 0..channels {
                let mut best: Option<(T, u32)> = None;
                for r in 0..kernel {
                    for s in 0..kernel {
                        let (h, w) = (p * stride + r, q * stride + s);
                        let inside = |at: usize| (pad..pad + side_in).contains(&at);
                        let candidate = if inside(h) && inside(w) {
                            let pixel = (h - pad) * side_in + (w - pad);
                            (x[pixel * channels + c], pixel as u32)
                        } else if border == PoolBorder::Zero {
                            (T::ZERO, BORDER)
                        } else {
                            continue;
                        };
                        let wins = |value| candidate.0 > value || candidate.0.is_nan();
                        if best.is_none_or(|(value, _)| wins(value)) {
                            best = Some(candidate);
                        }
                    }
                }
                let at = (p * side_out + q) * channels + c;
                (y[at], winner[at]) = best.expect("every window holds a pixel or a zero");
            }
        }
    }
}

/// Gradient with respect to the input. `dx`, `[side_in, side_in, channels]`, is overwritten.
///
/// # Panics
/// If a slice has the wrong length.
pub fn max_pool_dgrad<T: Real>(shape: &MaxPool, winner: &[u32], dy: &[T], dx: &mut [T]) {
    let channels = shape.channels;
    assert_eq!(dx.len(), shape.side_in * shape.side_in * channels);
    assert_eq!(dy.len(), shape.side_out() * shape.side_out() * channels);
    assert_eq!(winner.len(), dy.len());
    dx.fill(T::ZERO);
    for (at, (&winner, &dy)) in winner.iter().zip(dy).enumerate() {
        if winner != BORDER {
            dx[winner as usize * channels + at % channels] += dy;
        }
    }
}
