//! Conjugate gradients (Hestenes and Stiefel 1952), three right-hand sides at a time.

use backlit_net::CHANNELS;

use super::grid::{Cycle, Level, Pixel};
use crate::measure::MeasureError;

/// The residual, in the norm of the preconditioner, falls to this share of what it was.
const TOLERANCE: f64 = 1e-6;
/// Far more than is ever needed.
const ITERATIONS: usize = 300;

/// Solves `A x = right` for every channel; only the unknown places of the result mean anything.
pub(super) fn solve(level: Level, right: &[Pixel]) -> Result<Vec<Pixel>, MeasureError> {
    let mut cycle = Cycle::new(level);
    let unknown = cycle.finest().unknown.clone();
    let mut x = cycle.finest().zeros();
    let mut residual = right.to_vec();
    let mut z = cycle.finest().zeros();
    cycle.solve(&residual, &mut z);
    let mut direction = z.clone();
    let mut image = cycle.finest().zeros();
    let mut energy = dot(&unknown, &residual, &z);
    let start = energy;
    for _ in 0..ITERATIONS {
        // Written so that a NaN goes on, and ends as an error.
        if (0..CHANNELS).all(|c| energy[c] <= start[c] * TOLERANCE * TOLERANCE) {
            return Ok(x);
        }
        cycle.finest().apply(&direction, &mut image);
        let curvature = dot(&unknown, &direction, &image);
        let step: Pixel = std::array::from_fn(|c| ratio(energy[c], curvature[c]));
        for &place in &unknown {
            for c in 0..CHANNELS {
                x[place][c] += step[c] * direction[place][c];
                residual[place][c] -= step[c] * image[place][c];
            }
        }
        cycle.solve(&residual, &mut z);
        let before = energy;
        energy = dot(&unknown, &residual, &z);
        let keep: Pixel = std::array::from_fn(|c| ratio(energy[c], before[c]));
        for &place in &unknown {
            for c in 0..CHANNELS {
                direction[place][c] = z[place][c] + keep[c] * direction[place][c];
            }
        }
    }
    let residual = (0..CHANNELS).map(|c| ratio(energy[c], start[c]).sqrt()).fold(0.0, f64::max);
    Err(MeasureError::Imputation { iterations: ITERATIONS, residual })
}

/// Sums in the order of the pixels.
fn dot(places: &[usize], a: &[Pixel], b: &[Pixel]) -> Pixel {
    let mut sum = [0.0; CHANNELS];
    for &place in places {
        for c in 0..CHANNELS {
            sum[c] += a[place][c] * b[place][c];
        }
    }
    sum
}

/// A channel that is done stays as it is.
fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}
