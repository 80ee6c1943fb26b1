//! What the rules do between two convolutions, element by element.
//!
//! All of it is bound by memory, so it is cut into pieces and left to the threads.

use rayon::prelude::*;

/// Elements in a piece.
const PIECE: usize = 1 << 14;

/// Moves z away from zero; zero counts as positive.
fn stabilised(z: f32, stabiliser: f32) -> f32 {
    if z < 0.0 { z - stabiliser } else { z + stabiliser }
}

/// `r / e(z)`, in place.
pub(super) fn divide(r: &mut [f32], z: &[f32], stabiliser: f32) {
    assert_eq!(r.len(), z.len());
    r.par_chunks_mut(PIECE).zip(z.par_chunks(PIECE)).for_each(|(r, z)| {
        r.iter_mut().zip(z).for_each(|(r, &z)| *r /= stabilised(z, stabiliser));
    });
}

/// `out + x`, in place.
pub(super) fn add(out: &mut [f32], x: &[f32]) {
    assert_eq!(out.len(), x.len());
    out.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE)).for_each(|(out, x)| {
        out.iter_mut().zip(x).for_each(|(out, &x)| *out += x);
    });
}

/// `out * x`, in place.
pub(super) fn multiply(out: &mut [f32], x: &[f32]) {
    assert_eq!(out.len(), x.len());
    out.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE)).for_each(|(out, x)| {
        out.iter_mut().zip(x).for_each(|(out, &x)| *out *= x);
    });
}

/// The norm rule for `y = relu(branch + shortcut)`: `r`, that of y, becomes that of the branch; `of_shortcut` is
/// overwritten.
///
/// Where the ReLU is shut, y and so its relevance are zero; elsewhere y is the sum itself, and the branch is y without
/// the shortcut.
pub(super) fn split(r: &mut [f32], y: &[f32], shortcut: &[f32], stabiliser: f32, of_shortcut: &mut [f32]) {
    assert!(r.len() == y.len() && y.len() == shortcut.len() && shortcut.len() == of_shortcut.len());
    let pieces = r.par_chunks_mut(PIECE).zip(y.par_chunks(PIECE));
    let pieces = pieces.zip(shortcut.par_chunks(PIECE).zip(of_shortcut.par_chunks_mut(PIECE)));
    pieces.for_each(|((r, y), (shortcut, of_shortcut))| {
        for (((r, &y), &shortcut), of_shortcut) in r.iter_mut().zip(y).zip(shortcut).zip(of_shortcut) {
            let ratio = *r / stabilised(y, stabiliser);
            *of_shortcut = shortcut * ratio;
            *r = (y - shortcut) * ratio;
        }
    });
}

/// The norm rule for the average over all positions: `x` and `out` are `[n, pixels, channels]`, and `out`, the
/// gradient of what is above with respect to x, becomes x's relevance.
pub(super) fn average(x: &[f32], channels: usize, pixels: usize, stabiliser: f32, out: &mut [f32]) {
    let image = channels * pixels;
    out.par_chunks_mut(image).zip(x.par_chunks(image)).for_each(|(out, x)| {
        let mut mean = vec![0f32; channels];
        for x in x.chunks_exact(channels) {
            mean.iter_mut().zip(x).for_each(|(sum, &x)| *sum += x);
        }
        // The head's rule multiplies by the mean, the average's divides by it again, stabilised.
        mean.iter_mut().for_each(|m| {
            let z = *m / pixels as f32;
            *m = z / stabilised(z, stabiliser);
        });
        for (out, x) in out.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            out.iter_mut().zip(x).zip(&mean).for_each(|((out, &x), &share)| *out *= x * share);
        }
    });
}

/// The half of x with one sign, the rest zero.
pub(super) fn half(x: &[f32], positive: bool) -> Vec<f32> {
    x.iter().map(|&v| if (v > 0.0) == positive { v } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_in_proportion_and_add_up() {
        let (mut r, mut of_shortcut) = ([6.0, 6.0, 0.0, 0.0], [f32::NAN; 4]);
        split(&mut r, &[3.0, 1.0, 0.0, 0.0], &[1.0, 3.0, -2.0, 0.0], 1e-30, &mut of_shortcut);
        assert_eq!((r, of_shortcut), ([4.0, -12.0, 0.0, 0.0], [2.0, 18.0, -0.0, 0.0]));

        let mut r = [6.0, 6.0, 6.0];
        divide(&mut r, &[2.0, -1.0, 0.0], 1.0);
        assert_eq!(r, [2.0, -3.0, 6.0]);
        assert_eq!((half(&[1.0, -2.0], true), half(&[1.0, -2.0], false)), (vec![1.0, 0.0], vec![0.0, -2.0]));
    }
}
