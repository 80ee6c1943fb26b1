//! The roof: multiply-adds a second with nothing to load and nothing to wait for.
//!
//! Every thread repeats `sum = sum * a + b` on as many independent registers as the engine keeps sums in, enough to
//! hide the latency of a fused multiply-add. A kernel has to load its operands as well, and stays below.

use std::hint::black_box;
use std::time::{Duration, Instant};

use backlit_cpu::isa::{Isa, Job, Token};

/// Floats that belong together, as in the engine.
const LANES: usize = 16;
/// Rounds between two looks at the clock: a few milliseconds, so that starting the threads costs nothing.
const ROUNDS: usize = 1_000_000;
/// The sums converge to b / (1 - a), far from infinities and from subnormal numbers, which would be slow.
const A: f32 = 0.75;
const B: f32 = 0.125;

/// FLOP a second of all threads of the current rayon pool together, the best of several runs of a few milliseconds.
///
/// # Panics
/// If the sums come out wrong.
pub fn measure(token: Token, effort: Duration) -> f64 {
    let begin = Instant::now();
    let mut best = 0f64;
    while best == 0.0 || begin.elapsed() < effort {
        let start = Instant::now();
        let flops: f64 = rayon::broadcast(|_| token.run(Spin)).into_iter().sum();
        best = best.max(flops / start.elapsed().as_secs_f64());
    }
    best
}

/// Returns the FLOP that it did.
struct Spin;

impl Job for Spin {
    type Output = f64;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> f64 {
        match I::ROWS {
            0..6 => spin::<I, 3>(isa),
            6..14 => spin::<I, 6>(isa),
            _ => spin::<I, 12>(isa),
        }
    }
}

#[inline(always)]
fn spin<I: Isa, const M: usize>(isa: I) -> f64 {
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
    let limit = B / (1.0 - A);
    for sum in black_box(sums).as_flattened() {
        assert!((sum - limit).abs() <= 1e-6, "the roof's sums came to {sum}, expected {limit}");
    }
    (2 * ROUNDS * M * LANES) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_a_plausible_roof() {
        let threads = rayon::current_num_threads() as f64;
        for level in crate::levels() {
            let flops = measure(level.token().expect("an available level"), Duration::from_millis(20));
            // 10 MHz to 10 GHz, at most 64 multiply-adds a cycle.
            assert!(flops > 1e7 && flops < 128.0 * 1e10 * threads, "{level}: {flops}");
        }
    }
}
