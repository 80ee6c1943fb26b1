//! The 3x3 stride-2 max-pool after the stem.
//!
//! Forward keeps one code a window: the winner's position, 0 to 8 in row-major order, or 15 where no element
//! is positive. Since the input has passed a ReLU, the code also tells whether the winner's gate is open:
//! the pool and the ReLU before it go back in one step.
//!
//! A window without a positive element is all zeros, and its first position wins. Only the rectified rule, which
//! has no forward gate, can tell: it lets a gradient through there.

use backlit_net::Rule;
use backlit_net::arch::PoolBorder;
use rayon::prelude::*;

use super::stem::{C_OUT as CHANNELS, OUTPUT_LEN as INPUT_LEN, SIDE_OUT as SIDE_IN};
use crate::isa::{Isa, Job, Token};

/// Rows and columns of the output.
pub const SIDE_OUT: usize = 56;
/// Floats of one image's output; as many codes.
pub const OUTPUT_LEN: usize = SIDE_OUT * SIDE_OUT * CHANNELS;
/// The code of a window without a positive element.
const NOTHING: u8 = 15;

/// The position in the map of window position `code` of output `p`, in rows or in columns.
fn source(p: usize, offset: usize) -> Option<usize> {
    (2 * p + offset).checked_sub(1).filter(|&h| h < SIDE_IN)
}

/// `x` `[n, 112, 112, 64]`, not negative, to `y` and `codes` `[n, 56, 56, 64]`.
pub fn forward(token: Token, x: &[f32], y: &mut [f32], codes: &mut [u8]) {
    const ROW: usize = SIDE_OUT * CHANNELS;
    y.par_chunks_mut(ROW).zip(codes.par_chunks_mut(ROW)).enumerate().for_each(|(row, (y, codes))| {
        let x = &x[row / SIDE_OUT * INPUT_LEN..][..INPUT_LEN];
        token.run(ForwardRow { x, p: row % SIDE_OUT, y, codes });
    });
}

struct ForwardRow<'a> {
    x: &'a [f32],
    p: usize,
    y: &'a mut [f32],
    codes: &'a mut [u8],
}

impl Job for ForwardRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        let pixels = self.y.chunks_exact_mut(CHANNELS).zip(self.codes.chunks_exact_mut(CHANNELS));
        for (q, (y, codes)) in pixels.enumerate() {
            // No element is negative, so starting from zero decides nothing but who is `NOTHING`.
            y.fill(0.0);
            codes.fill(NOTHING);
            for code in 0..9u8 {
                let (r, s) = (usize::from(code) / 3, usize::from(code) % 3);
                let (Some(h), Some(w)) = (source(self.p, r), source(q, s)) else { continue };
                let x = &self.x[(h * SIDE_IN + w) * CHANNELS..][..CHANNELS];
                for ((y, old), &x) in y.iter_mut().zip(codes.iter_mut()).zip(x) {
                    // A NaN wins over everything, so that it is seen.
                    let wins = x > *y || x.is_nan();
                    *old = if wins { code } else { *old };
                    *y = if wins { x } else { *y };
                }
            }
        }
    }
}

/// `dy` `[n, 56, 56, 64]` to `dx` `[n, 112, 112, 64]`, overwritten: back through the pool and the stem's ReLU.
pub fn dgrad(token: Token, border: PoolBorder, rule: Rule, codes: &[u8], dy: &[f32], dx: &mut [f32]) {
    dx.par_chunks_mut(SIDE_IN * CHANNELS).enumerate().for_each(|(row, dx)| {
        let (image, h) = (row / SIDE_IN * OUTPUT_LEN, row % SIDE_IN);
        let (codes, dy) = (&codes[image..][..OUTPUT_LEN], &dy[image..][..OUTPUT_LEN]);
        token.run(DgradRow { border, rule, codes, dy, h, dx });
    });
}

struct DgradRow<'a> {
    border: PoolBorder,
    rule: Rule,
    codes: &'a [u8],
    dy: &'a [f32],
    h: usize,
    dx: &'a mut [f32],
}

/// The windows that hold position `h`, as (window, offset inside it), first to last.
fn windows(h: usize) -> impl Iterator<Item = (usize, usize)> {
    let first = h / 2;
    (first..first + 2)
        .filter_map(move |p| (h + 1).checked_sub(2 * p).map(|offset| (p, offset)))
        .filter(|&(p, o)| p < SIDE_OUT && o < 3)
}

impl Job for DgradRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        for (w, dx) in self.dx.chunks_exact_mut(CHANNELS).enumerate() {
            dx.fill(0.0);
            for (p, r) in windows(self.h) {
                for (q, s) in windows(w) {
                    let code = (3 * r + s) as u8;
                    // Who wins a window of zeros: its first position, be it in a border of zeros.
                    let first = match self.border {
                        PoolBorder::Zero => code == 0,
                        PoolBorder::NegativeInfinity => (r == 0 || r == 1 && p == 0) && (s == 0 || s == 1 && q == 0),
                    };
                    let also = if first && self.rule == Rule::Rectified { NOTHING } else { code };
                    let at = (p * SIDE_OUT + q) * CHANNELS;
                    let (codes, dy) = (&self.codes[at..][..CHANNELS], &self.dy[at..][..CHANNELS]);
                    for ((dx, &winner), &dy) in dx.iter_mut().zip(codes).zip(dy) {
                        *dx += if winner == code || winner == also { dy } else { 0.0 };
                    }
                }
            }
            if self.rule != Rule::Plain {
                for dx in dx {
                    *dx = if *dx > 0.0 { *dx } else { 0.0 };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_and_its_positions_find_each_other() {
        for h in 0..SIDE_IN {
            let found: Vec<_> = windows(h).collect();
            let expected: Vec<_> = (0..SIDE_OUT)
                .flat_map(|p| (0..3).map(move |r| (p, r)))
                .filter(|&(p, r)| source(p, r) == Some(h))
                .collect();
            assert_eq!(found, expected, "row {h}");
        }
    }
}
