//! AVX-512F (Intel servers since 2017, AMD since 2022).
//!
//! Thirty-two registers of sixteen floats. A strip is 14 rows by 32 channels: 28 registers of sums, 2 of weights, 1 for
//! the element that all lanes share. One step of c is 28 multiply-adds and 16 loads; a core that starts two of each a
//! cycle is kept busy by the former. Every map of the network has a multiple of 7 rows and columns, so few strips are
//! shorter than 14, and none that matters is shorter than 7, whose 14 sums still hide a latency of 4 cycles.

use std::arch::x86_64::*;

use super::{Isa, Job, Sums, check_lengths, prefetch, spread};
use crate::lanes::Lanes;

/// Proof that the processor, and the system that runs it, have AVX-512F (and AVX2 and FMA, as all such have).
#[derive(Clone, Copy, Debug)]
pub struct Avx512(());

impl Avx512 {
    /// Asks the processor.
    pub fn new() -> Option<Avx512> {
        let found =
            is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        found.then_some(Avx512(()))
    }
}

/// Panels side by side.
const PANELS: usize = 2;

/// [`Isa::accumulate`] for M rows.
///
/// # Safety
/// `rows` has M entries of `panels.len() / 2` elements, `sums` has 2 M.
#[target_feature(enable = "avx512f")]
#[allow(unsafe_code)]
unsafe fn strip<const M: usize>(rows: &[&[f32]], panels: &[Lanes], sums: &mut [Lanes], found: Sums, ahead: &[Lanes]) {
    let mut partial = [[_mm512_setzero_ps(); PANELS]; M];
    // SAFETY: the caller promises that index m < M is in `rows`, index 2 m + 1 in `sums`, and index c <
    // panels.len() / 2 in each row, and `spread` yields no other; a `Lanes` is 16 floats at a multiple of 64 bytes.
    unsafe {
        let rows: [*const f32; M] = std::array::from_fn(|m| rows.get_unchecked(m).as_ptr());
        for (lines, steps) in spread(panels.len() / PANELS, ahead) {
            prefetch(lines);
            for c in steps {
                let panel = panels.as_ptr().add(PANELS * c).cast::<f32>();
                let weights = [_mm512_load_ps(panel), _mm512_load_ps(panel.add(16))];
                for m in 0..M {
                    let x = _mm512_set1_ps(*rows[m].add(c));
                    for p in 0..PANELS {
                        partial[m][p] = _mm512_fmadd_ps(x, weights[p], partial[m][p]);
                    }
                }
            }
        }
        for m in 0..M {
            for p in 0..PANELS {
                let sum = sums.as_mut_ptr().add(PANELS * m + p).cast::<f32>();
                let total = match found {
                    Sums::Fresh => partial[m][p],
                    Sums::Running => _mm512_add_ps(_mm512_load_ps(sum), partial[m][p]),
                };
                _mm512_store_ps(sum, total);
            }
        }
    }
}

impl Isa for Avx512 {
    const ROWS: usize = 14;
    const PANELS: usize = PANELS;

    #[inline]
    #[allow(unsafe_code)]
    fn run<J: Job>(self, job: J) -> J::Output {
        #[target_feature(enable = "avx512f,avx2,fma")]
        fn with_avx512<J: Job>(isa: Avx512, job: J) -> J::Output {
            job.run(isa)
        }
        // SAFETY: `with_avx512` may be called only where the processor has AVX-512F, AVX2 and FMA. An `Avx512` exists
        // only if `Avx512::new` found them, and `self` is one.
        unsafe { with_avx512(self, job) }
    }

    #[inline(always)]
    fn mul_add(self, a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn accumulate(self, rows: &[&[f32]], panels: &[Lanes], sums: &mut [Lanes], found: Sums, ahead: &[Lanes]) {
        check_lengths::<Self>(rows, panels, sums);
        /// One arm for every number of rows.
        macro_rules! by_rows {
            ($($m:literal)*) => {
                // SAFETY: the processor has the instructions (see `run`), and the lengths were checked.
                unsafe {
                    match rows.len() {
                        $($m => strip::<$m>(rows, panels, sums, found, ahead),)*
                        _ => strip::<1>(rows, panels, sums, found, ahead),
                    }
                }
            };
        }
        by_rows!(14 13 12 11 10 9 8 7 6 5 4 3 2)
    }
}
