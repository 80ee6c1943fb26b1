//! AVX2 with fused multiply-add (Intel since 2013, AMD since 2015).
//!
//! Sixteen registers of eight floats. A strip is 6 rows by 16 channels: 12 registers of sums, 2 of weights, 1 for the
//! element that all lanes share. One step of c is 12 multiply-adds and 8 loads; a core that starts two of each a cycle
//! is kept busy by the former, and 12 independent sums hide a latency of up to 6 cycles.

use std::arch::x86_64::*;

use super::{Isa, Job, Sums, check_lengths, prefetch, spread};
use crate::lanes::Lanes;

/// Proof that the processor, and the system that runs it, have AVX2 and FMA.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

impl Avx2 {
    /// Asks the processor.
    pub fn new() -> Option<Avx2> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Avx2(()))
    }
}

/// Registers of a [`Lanes`].
const HALVES: usize = 2;

/// [`Isa::accumulate`] for M rows.
///
/// # Safety
/// `rows` has M entries of `panels.len()` elements, `sums` has M.
#[target_feature(enable = "avx2,fma")]
#[allow(unsafe_code)]
unsafe fn strip<const M: usize>(rows: &[&[f32]], panels: &[Lanes], sums: &mut [Lanes], found: Sums, ahead: &[Lanes]) {
    let mut partial = [[_mm256_setzero_ps(); HALVES]; M];
    // SAFETY: the caller promises that index m < M is in `rows` and `sums`, and that index c < panels.len() is in each
    // row, and `spread` yields no other; a `Lanes` is 16 floats at a multiple of 64 bytes.
    unsafe {
        let rows: [*const f32; M] = std::array::from_fn(|m| rows.get_unchecked(m).as_ptr());
        for (lines, steps) in spread(panels.len(), ahead) {
            prefetch(lines);
            for c in steps {
                let panel = panels.as_ptr().add(c).cast::<f32>();
                let weights = [_mm256_load_ps(panel), _mm256_load_ps(panel.add(8))];
                for m in 0..M {
                    let x = _mm256_broadcast_ss(&*rows[m].add(c));
                    for h in 0..HALVES {
                        partial[m][h] = _mm256_fmadd_ps(x, weights[h], partial[m][h]);
                    }
                }
            }
        }
        for m in 0..M {
            for h in 0..HALVES {
                let sum = sums.as_mut_ptr().add(m).cast::<f32>().add(8 * h);
                let total = match found {
                    Sums::Fresh => partial[m][h],
                    Sums::Running => _mm256_add_ps(_mm256_load_ps(sum), partial[m][h]),
                };
                _mm256_store_ps(sum, total);
            }
        }
    }
}

impl Isa for Avx2 {
    const ROWS: usize = 6;
    const PANELS: usize = 1;

    #[inline]
    #[allow(unsafe_code)]
    fn run<J: Job>(self, job: J) -> J::Output {
        #[target_feature(enable = "avx2,fma")]
        fn with_avx2<J: Job>(isa: Avx2, job: J) -> J::Output {
            job.run(isa)
        }
        // SAFETY: `with_avx2` may be called only where the processor has AVX2 and FMA. An `Avx2` exists only if
        // `Avx2::new` found both, and `self` is one.
        unsafe { with_avx2(self, job) }
    }

    #[inline(always)]
    fn mul_add(self, a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn accumulate(self, rows: &[&[f32]], panels: &[Lanes], sums: &mut [Lanes], found: Sums, ahead: &[Lanes]) {
        check_lengths::<Self>(rows, panels, sums);
        // SAFETY: the processor has the instructions (see `run`), and the lengths were checked.
        unsafe {
            match rows.len() {
                6 => strip::<6>(rows, panels, sums, found, ahead),
                5 => strip::<5>(rows, panels, sums, found, ahead),
                4 => strip::<4>(rows, panels, sums, found, ahead),
                3 => strip::<3>(rows, panels, sums, found, ahead),
                2 => strip::<2>(rows, panels, sums, found, ahead),
                _ => strip::<1>(rows, panels, sums, found, ahead),
            }
        }
    }
}
