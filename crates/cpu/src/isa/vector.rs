//! Registers of floats, for code that the compiler vectorises badly when it is left to it: many values alive at once,
//! used in patterns across arrays, as in the transforms of Winograd's convolutions.
//!
//! Every method takes the token, so that none can be called where the instructions are missing.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use super::Portable;
#[cfg(target_arch = "x86_64")]
use super::{Avx2, Avx512};
use crate::lanes::LANES;

/// Arithmetic on one register of an instruction set.
pub trait Vectors: Copy {
    /// The register.
    type Vector: Copy;

    /// Its floats, a divisor of [`LANES`].
    const WIDTH: usize;

    /// The floats from `part * WIDTH` on.
    ///
    /// # Panics
    /// If there are not as many.
    fn load(self, from: &[f32; LANES], part: usize) -> Self::Vector;

    /// Overwrites the floats from `part * WIDTH` on.
    ///
    /// # Panics
    /// If there are not as many.
    fn store(self, v: Self::Vector, to: &mut [f32; LANES], part: usize);

    /// Asks for the cache line of a float that will soon be read or written; nothing else happens.
    fn prefetch(self, at: &f32);

    /// The same float everywhere.
    fn splat(self, x: f32) -> Self::Vector;

    /// `a + b`.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a - b`.
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a * b`.
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a * b + c`, rounded as [`Isa::mul_add`](super::Isa::mul_add) rounds.
    fn fused(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
}

/// The methods by intrinsics.
#[cfg(target_arch = "x86_64")]
macro_rules! by_intrinsics {
    (
        $isa:ty, $vector:ty, $width:literal, $load:ident, $store:ident, $splat:ident,
        $add:ident, $sub:ident, $mul:ident, $fused:ident
    ) => {
        // SAFETY (of every block): the token proves that the processor has the instructions; `load` and `store` check
        // that what they touch lies in the array.
        #[allow(unsafe_code, clippy::undocumented_unsafe_blocks)]
        impl Vectors for $isa {
            type Vector = $vector;
            const WIDTH: usize = $width;

            #[inline(always)]
            fn load(self, from: &[f32; LANES], part: usize) -> $vector {
                assert!(part < LANES / $width);
                unsafe { $load(from.as_ptr().add(part * $width)) }
            }

            #[inline(always)]
            fn store(self, v: $vector, to: &mut [f32; LANES], part: usize) {
                assert!(part < LANES / $width);
                unsafe { $store(to.as_mut_ptr().add(part * $width), v) }
            }

            #[inline(always)]
            fn prefetch(self, at: &f32) {
                unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(at).cast()) }
            }

            #[inline(always)]
            fn splat(self, x: f32) -> $vector {
                unsafe { $splat(x) }
            }

            #[inline(always)]
            fn add(self, a: $vector, b: $vector) -> $vector {
                unsafe { $add(a, b) }
            }

            #[inline(always)]
            fn sub(self, a: $vector, b: $vector) -> $vector {
                unsafe { $sub(a, b) }
            }

            #[inline(always)]
            fn mul(self, a: $vector, b: $vector) -> $vector {
                unsafe { $mul(a, b) }
            }

            #[inline(always)]
            fn fused(self, a: $vector, b: $vector, c: $vector) -> $vector {
                unsafe { $fused(a, b, c) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
by_intrinsics!(
    Avx2,
    __m256,
    8,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_set1_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps,
    _mm256_fmadd_ps
);

#[cfg(target_arch = "x86_64")]
by_intrinsics!(
    Avx512,
    __m512,
    16,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_set1_ps,
    _mm512_add_ps,
    _mm512_sub_ps,
    _mm512_mul_ps,
    _mm512_fmadd_ps
);

/// Floats of a portable "register": four, which nearly every processor has.
const FOUR: usize = 4;

/// Applies an operation to four pairs.
#[inline(always)]
fn pairwise(mut a: [f32; FOUR], b: [f32; FOUR], f: impl Fn(f32, f32) -> f32) -> [f32; FOUR] {
    for l in 0..FOUR {
        a[l] = f(a[l], b[l]);
    }
    a
}

impl Vectors for Portable {
    type Vector = [f32; FOUR];
    const WIDTH: usize = FOUR;

    #[inline(always)]
    fn load(self, from: &[f32; LANES], part: usize) -> [f32; FOUR] {
        from.as_chunks().0[part]
    }

    #[inline(always)]
    fn store(self, v: [f32; FOUR], to: &mut [f32; LANES], part: usize) {
        to.as_chunks_mut().0[part] = v;
    }

    #[inline(always)]
    fn prefetch(self, _: &f32) {}

    #[inline(always)]
    fn splat(self, x: f32) -> [f32; FOUR] {
        [x; FOUR]
    }

    #[inline(always)]
    fn add(self, a: [f32; FOUR], b: [f32; FOUR]) -> [f32; FOUR] {
        pairwise(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, a: [f32; FOUR], b: [f32; FOUR]) -> [f32; FOUR] {
        pairwise(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, a: [f32; FOUR], b: [f32; FOUR]) -> [f32; FOUR] {
        pairwise(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn fused(self, a: [f32; FOUR], b: [f32; FOUR], c: [f32; FOUR]) -> [f32; FOUR] {
        self.add(self.mul(a, b), c)
    }
}
