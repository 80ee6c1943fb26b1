//! Bytes a second: `a[i] = b[i] + s * c[i]` over arrays that no cache holds (McCalpin 1995, "STREAM": the triad).
//!
//! Counted as STREAM counts: two floats read and one written an element, 12 bytes. The line that is read before it is
//! overwritten is not counted, so that the bus carries up to a third more.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::BenchError;

/// Floats an array: 128 MiB, four times a cache of 32 MiB, as STREAM asks.
const LEN: usize = 32 << 20;
/// Floats of one task: 1 MiB of each array.
const TASK: usize = 1 << 18;
const B: f32 = 1.0;
const C: f32 = 0.5;
const S: f32 = 3.0;

/// Bytes a second of all threads of the current rayon pool together, the best of several runs.
pub(super) fn measure(effort: Duration) -> Result<f64, BenchError> {
    // Written by the threads that will read it: pages lie where they are first touched.
    let (b, c) = (filled(B)?, filled(C)?);
    let mut a = filled(0.0)?;
    let begin = Instant::now();
    let mut best = 0f64;
    while best == 0.0 || begin.elapsed() < effort {
        let start = Instant::now();
        triad(&mut a, &b, &c, black_box(S));
        best = best.max((12 * LEN) as f64 / start.elapsed().as_secs_f64());
    }
    let expected = B + S * C;
    match a.par_iter().find_any(|&&v| v != expected) {
        Some(&found) => Err(BenchError::Roof { what: "memory", found, expected }),
        None => Ok(best),
    }
}

fn triad(a: &mut [f32], b: &[f32], c: &[f32], s: f32) {
    a.par_chunks_mut(TASK).zip(b.par_chunks(TASK)).zip(c.par_chunks(TASK)).for_each(|((a, b), c)| {
        for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
            *a = b + s * c;
        }
    });
}

fn filled(value: f32) -> Result<Vec<f32>, BenchError> {
    let mut data = Vec::new();
    data.try_reserve_exact(LEN).map_err(|_| BenchError::OutOfMemory { bytes: 3 * 4 * LEN })?;
    rayon::iter::repeat_n(value, LEN).collect_into_vec(&mut data);
    Ok(data)
}
