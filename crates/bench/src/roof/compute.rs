//! Multiply-adds a second with nothing to load and nothing to wait for.
//!
//! Every thread repeats `sum = sum * a + b` on as many independent registers as the engine keeps sums in, enough to
//! hide the latency of a fused multiply-add. A kernel has to load its operands as well, and stays below.

use std::hint::black_box;
use std::time::{Duration, Instant};

use backlit_cpu::isa::{Isa, Job, Token};

use crate::BenchError;

/// Floats that belong together, as in the engine.
const LANES: usize = 16;
/// Rounds between two looks at the clock: a few milliseconds, so that starting the threads costs nothing.
const ROUNDS: usize = 1_000_000;
/// The sums converge to b / (1 - a), far from infinities and from subnormal numbers, which would be slow.
const A: f32 = 0.75;
const B: f32 = 0.125;

/// FLOP a second of all threads of the current rayon pool together, the best of several runs of a few milliseconds.
pub(super) fn measure(token: Token, effort: Duration) -> Result<f64, BenchError> {
    let begin = Instant::now();
    let mut best = 0f64;
    while best == 0.0 || begin.elapsed() < effort {
        let start = Instant::now();
        let flops = rayon::broadcast(|_| token.run(Spin)).into_iter().sum::<Result<f64, BenchError>>()?;
        best = best.max(flops / start.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// Returns the FLOP that it did.
struct Spin;

impl Job for Spin {
    type Output = Result<f64, BenchError>;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> Result<f64, BenchError> {
        match I::ROWS {
            0..6 => spin::<I, 3>(isa),
            6..14 => spin::<I, 6>(isa),
            _ => spin::<I, 12>(isa),
        }
    }
}

#[inline(always)]
fn spin<I: Isa, const M: usize>(isa: I) -> Result<f64, BenchError> {
    // Opaque, so that nothing can be worked out beforehand.
    let (a, b) = (black_box(A), black_box(B));
    let mut sums = black_box([[0f32; LANES]; M]);
    for _ in 0..ROUNDS {
        for sums in &mut sums {
            for l in 0..LANES {
                sums[l] = isa.mul_add(sums[l], a, b);
            }
        }
    }
    let expected = B / (1.0 - A);
    let near = |sum: &f32| (sum - expected).abs() <= 1e-6;
    match black_box(sums).as_flattened().iter().copied().find(|sum| !near(sum)) {
        Some(found) => Err(BenchError::Roof { what: "arithmetic", found, expected }),
        None => Ok((2 * ROUNDS * M * LANES) as f64),
    }
}
