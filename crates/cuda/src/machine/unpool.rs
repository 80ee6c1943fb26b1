//! Back through the stem's pool and ReLU on the host, for those who want to see that gradient.

use backlit_net::Rule;
use backlit_net::arch::PoolBorder;

use crate::ops::stem::CHANNELS;

/// The code of a window without a positive element.
const NOTHING: u8 = 15;

/// `d`, `[side, side, 64]`, and the codes of the windows, two channels a byte, to the gradient of the convolution,
/// `[2 side, 2 side, 64]`. The windows that hold a position are added in raster order, as the kernels do.
pub(super) fn unpool(d: &[f32], codes: &[u8], side: usize, rule: Rule, border: PoolBorder) -> Vec<f32> {
    let mut dx = vec![0.0; 4 * side * side * CHANNELS];
    for (pixel, dx) in dx.chunks_exact_mut(CHANNELS).enumerate() {
        let (h, w) = (pixel / (2 * side), pixel % (2 * side));
        for (p, r) in windows(h, side) {
            for (q, s) in windows(w, side) {
                let code = (3 * r + s) as u8;
                // A window of zeros belongs to its first position, which only the rectified rule can tell.
                let first = match border {
                    PoolBorder::Zero => code == 0,
                    PoolBorder::NegativeInfinity => (r == 0 || r == 1 && p == 0) && (s == 0 || s == 1 && q == 0),
                };
                let also = if first && rule == Rule::Rectified { NOTHING } else { code };
                let window = p * side + q;
                for (c, dx) in dx.iter_mut().enumerate() {
                    let winner = codes[(window * CHANNELS + c) / 2] >> (4 * (c % 2)) & 15;
                    if winner == code || winner == also {
                        *dx += d[window * CHANNELS + c];
                    }
                }
            }
        }
        if rule != Rule::Plain {
            dx.iter_mut().for_each(|dx| *dx = if *dx > 0.0 { *dx } else { 0.0 });
        }
    }
    dx
}

/// The windows that hold position `h`, and where in them it is.
fn windows(h: usize, side: usize) -> impl Iterator<Item = (usize, usize)> {
    (h / 2..=h.div_ceil(2)).filter(move |&p| p < side).map(move |p| (p, h + 1 - 2 * p))
}
