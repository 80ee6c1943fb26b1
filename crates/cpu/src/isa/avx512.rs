//! AVX-512F (Intel servers since 2017, AMD since 2022).
//!
//! Thirty-two registers of sixteen floats. A strip is 14 rows by 32 channels: 28 registers of sums, 2 of weights, 1 for
//! the element that all lanes share. One step of c is 28 multiply-adds and 16 loads; a core that starts two of each a
//! cycle is kept busy by the former. Every map of the network has a multiple of 7 rows and columns, so few strips are
//! shorter than 14, and none that matters is shorter than 7, whose 14 sums still hide a latency of 4 cycles.

use std::arch::x86_64::*;

use backlit_net::Rule;

use super::{Isa, Job, Sums, check_lengths, prefetch, spread};
use crate::lanes::{GateWord, LANES, Lanes};

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

/// [`Isa::relu`].
#[target_feature(enable = "avx512f")]
#[allow(unsafe_code)]
#[inline]
fn relu(v: &mut Lanes) -> GateWord {
    let zero = _mm512_setzero_ps();
    // SAFETY: a `Lanes` is 16 floats at a multiple of 64 bytes.
    unsafe {
        let x = _mm512_load_ps(v.0.as_ptr());
        // The second operand wins if either is a NaN.
        _mm512_store_ps(v.0.as_mut_ptr(), _mm512_max_ps(zero, x));
        _mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, zero)
    }
}

/// [`Isa::not_zero`].
#[target_feature(enable = "avx512f")]
#[allow(unsafe_code)]
#[inline]
fn not_zero(v: &[f32; LANES]) -> GateWord {
    // SAFETY: sixteen floats.
    let x = unsafe { _mm512_loadu_ps(v.as_ptr()) };
    _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(x, _mm512_setzero_ps())
}

/// [`Isa::take_bf16`].
#[target_feature(enable = "avx512f")]
#[allow(unsafe_code)]
#[inline]
fn take_bf16(v: &mut Lanes) -> [u16; LANES] {
    // SAFETY: a `Lanes` is 16 floats at a multiple of 64 bytes.
    let x = unsafe { _mm512_load_ps(v.0.as_ptr()) };
    // Half a unit in the last place of what stays, less one where that is even: ties go to even.
    let bits = _mm512_castps_si512(x);
    let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
    let up = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    let nearest = _mm512_and_si512(up, _mm512_set1_epi32(0xffff_0000_u32 as i32));
    let none = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x);
    let nearest = _mm512_mask_mov_epi32(nearest, none, _mm512_set1_epi32(0x7fc0_0000));
    let mut taken = [0; LANES];
    // SAFETY: as above, and `taken` has 32 bytes.
    unsafe {
        _mm512_store_ps(v.0.as_mut_ptr(), _mm512_sub_ps(x, _mm512_castsi512_ps(nearest)));
        _mm256_storeu_si256(taken.as_mut_ptr().cast(), _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(nearest)));
    }
    taken
}

/// [`Isa::relu_dgrad`].
#[target_feature(enable = "avx512f")]
#[allow(unsafe_code)]
#[inline]
fn relu_dgrad(rule: Rule, word: GateWord, d: &mut Lanes) {
    // SAFETY: as in `relu`.
    unsafe {
        let mut x = _mm512_load_ps(d.0.as_ptr());
        if rule != Rule::Plain {
            x = _mm512_max_ps(x, _mm512_setzero_ps());
        }
        if rule != Rule::Rectified {
            x = _mm512_maskz_mov_ps(word, x);
        }
        _mm512_store_ps(d.0.as_mut_ptr(), x);
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

    #[inline(always)]
    #[allow(unsafe_code)]
    fn relu(self, v: &mut Lanes) -> GateWord {
        // SAFETY: the processor has AVX-512F (see `run`).
        unsafe { relu(v) }
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn not_zero(self, v: &[f32; LANES]) -> GateWord {
        // SAFETY: the processor has AVX-512F (see `run`).
        unsafe { not_zero(v) }
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn take_bf16(self, v: &mut Lanes) -> [u16; LANES] {
        // SAFETY: the processor has AVX-512F (see `run`).
        unsafe { take_bf16(v) }
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn relu_dgrad(self, rule: Rule, word: GateWord, d: &mut Lanes) {
        // SAFETY: the processor has AVX-512F (see `run`).
        unsafe { relu_dgrad(rule, word, d) }
    }
}
