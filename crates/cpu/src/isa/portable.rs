//! No assumption beyond the target's own.

use super::{Isa, Job, Sums, check_lengths, prefetch};
use crate::lanes::{LANES, Lanes};

/// Always available.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

/// [`Isa::accumulate`] for M rows, in plain Rust.
#[inline(always)]
fn strip<const M: usize>(isa: Portable, rows: &[&[f32]], panels: &[Lanes], sums: &mut [Lanes], found: Sums) {
    // Slices of one known length: the compiler then needs no bounds check inside the loop.
    let rows: [&[f32]; M] = std::array::from_fn(|m| &rows[m][..panels.len()]);
    let mut partial = [[0f32; LANES]; M];
    for (c, panel) in panels.iter().enumerate() {
        for m in 0..M {
            for l in 0..LANES {
                partial[m][l] = isa.mul_add(rows[m][c], panel.0[l], partial[m][l]);
            }
        }
    }
    for (sums, partial) in sums.iter_mut().zip(&partial) {
        match found {
            Sums::Fresh => sums.0 = *partial,
            Sums::Running => (0..LANES).for_each(|l| sums.0[l] += partial[l]),
        }
    }
}

impl Isa for Portable {
    // 12 of 16 SSE registers hold sums.
    const ROWS: usize = 3;
    const PANELS: usize = 1;

    #[inline]
    fn run<J: Job>(self, job: J) -> J::Output {
        job.run(self)
    }

    #[inline(always)]
    fn mul_add(self, a: f32, b: f32, c: f32) -> f32 {
        // `f32::mul_add` would call a slow library function where there is no such instruction.
        a * b + c
    }

    #[inline]
    fn accumulate(self, rows: &[&[f32]], panels: &[Lanes], sums: &mut [Lanes], found: Sums, ahead: &[Lanes]) {
        check_lengths::<Self>(rows, panels, sums);
        // All at once: the inner loop is the compiler's, and slow enough.
        prefetch(ahead);
        match rows.len() {
            3 => strip::<3>(self, rows, panels, sums, found),
            2 => strip::<2>(self, rows, panels, sums, found),
            _ => strip::<1>(self, rows, panels, sums, found),
        }
    }
}
