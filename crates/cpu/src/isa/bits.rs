//! Registers of floats where they meet bits: the gates of ReLUs, and bfloat16, which is the upper half of a float.
//!
//! Every method takes the token, so that none can be called where the instructions are missing.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use backlit_net::Rule;

#[cfg(target_arch = "x86_64")]
use super::{Avx2, Avx512};
use super::{Portable, Vectors};
use crate::bf16;
use crate::lanes::{GateWord, LANES};

/// Comparisons, masks and halves of a register.
pub trait Bits: Vectors {
    /// Bit l is set where float l is above zero. A NaN counts as not above.
    fn above_zero(self, v: Self::Vector) -> GateWord;

    /// Bit l is set where float l is not zero. A NaN counts as not zero, -0 as zero.
    fn not_zero(self, v: Self::Vector) -> GateWord;

    /// What is below zero becomes zero. A NaN stays.
    fn at_least_zero(self, v: Self::Vector) -> Self::Vector;

    /// What is not above zero becomes zero, a NaN too.
    fn only_above_zero(self, v: Self::Vector) -> Self::Vector;

    /// The floats whose bit is set, and zero for the others.
    fn only(self, bits: GateWord, v: Self::Vector) -> Self::Vector;

    /// The floats whose upper halves are from `part * WIDTH` on; their lower halves are zero.
    ///
    /// # Panics
    /// If there are not as many.
    fn load_bf16(self, from: &[u16; LANES], part: usize) -> Self::Vector;

    /// Every NaN becomes the same one, whose lower half is zero.
    fn one_nan(self, v: Self::Vector) -> Self::Vector;

    /// The bfloat16 nearest to each float, ties to even. A NaN stays one if its lower half is zero.
    fn nearest_bf16(self, v: Self::Vector) -> Self::Vector;

    /// Overwrites the halves from `part * WIDTH` on with the upper halves of the floats.
    ///
    /// # Panics
    /// If there are not as many.
    fn store_bf16(self, v: Self::Vector, to: &mut [u16; LANES], part: usize);

    /// Sends gradients back through ReLUs whose outputs left `bits`.
    #[inline(always)]
    fn gated(self, rule: Rule, bits: GateWord, d: Self::Vector) -> Self::Vector {
        let d = if rule == Rule::Plain { d } else { self.only_above_zero(d) };
        if rule == Rule::Rectified { d } else { self.only(bits, d) }
    }
}

/// The one NaN.
const NAN: f32 = f32::from_bits((bf16::NAN as u32) << 16);

// SAFETY (of every block): the token proves that the processor has the instructions; loads and stores check that what
// they touch lies in the array.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)]
impl Bits for Avx2 {
    #[inline(always)]
    fn above_zero(self, v: __m256) -> GateWord {
        unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(v, _mm256_setzero_ps())) as GateWord }
    }

    #[inline(always)]
    fn not_zero(self, v: __m256) -> GateWord {
        unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NEQ_UQ>(v, _mm256_setzero_ps())) as GateWord }
    }

    #[inline(always)]
    fn at_least_zero(self, v: __m256) -> __m256 {
        // The second operand wins if either is a NaN.
        unsafe { _mm256_max_ps(_mm256_setzero_ps(), v) }
    }

    #[inline(always)]
    fn only_above_zero(self, v: __m256) -> __m256 {
        unsafe { _mm256_max_ps(v, _mm256_setzero_ps()) }
    }

    #[inline(always)]
    fn only(self, bits: GateWord, v: __m256) -> __m256 {
        unsafe {
            let each = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            let open = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(i32::from(bits)), each), each);
            _mm256_and_ps(v, _mm256_castsi256_ps(open))
        }
    }

    #[inline(always)]
    fn load_bf16(self, from: &[u16; LANES], part: usize) -> __m256 {
        assert!(part < LANES / Self::WIDTH);
        unsafe {
            let halves = _mm_loadu_si128(from.as_ptr().add(part * Self::WIDTH).cast());
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(halves)))
        }
    }

    #[inline(always)]
    fn one_nan(self, v: __m256) -> __m256 {
        unsafe { _mm256_blendv_ps(v, _mm256_set1_ps(NAN), _mm256_cmp_ps::<_CMP_UNORD_Q>(v, v)) }
    }

    #[inline(always)]
    fn nearest_bf16(self, v: __m256) -> __m256 {
        unsafe {
            // Half a unit in the last place of what stays, less one where that is even: ties go to even.
            let bits = _mm256_castps_si256(v);
            let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
            let up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
            _mm256_castsi256_ps(_mm256_and_si256(up, _mm256_set1_epi32(!0xffff)))
        }
    }

    #[inline(always)]
    fn store_bf16(self, v: __m256, to: &mut [u16; LANES], part: usize) {
        assert!(part < LANES / Self::WIDTH);
        unsafe {
            let upper = _mm256_srli_epi32::<16>(_mm256_castps_si256(v));
            let halves = _mm_packus_epi32(_mm256_castsi256_si128(upper), _mm256_extracti128_si256::<1>(upper));
            _mm_storeu_si128(to.as_mut_ptr().add(part * Self::WIDTH).cast(), halves);
        }
    }
}

// SAFETY (of every block): as above.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)]
impl Bits for Avx512 {
    #[inline(always)]
    fn above_zero(self, v: __m512) -> GateWord {
        unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(v, _mm512_setzero_ps()) }
    }

    #[inline(always)]
    fn not_zero(self, v: __m512) -> GateWord {
        unsafe { _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(v, _mm512_setzero_ps()) }
    }

    #[inline(always)]
    fn at_least_zero(self, v: __m512) -> __m512 {
        // The second operand wins if either is a NaN.
        unsafe { _mm512_max_ps(_mm512_setzero_ps(), v) }
    }

    #[inline(always)]
    fn only_above_zero(self, v: __m512) -> __m512 {
        unsafe { _mm512_max_ps(v, _mm512_setzero_ps()) }
    }

    #[inline(always)]
    fn only(self, bits: GateWord, v: __m512) -> __m512 {
        unsafe { _mm512_maskz_mov_ps(bits, v) }
    }

    #[inline(always)]
    fn load_bf16(self, from: &[u16; LANES], part: usize) -> __m512 {
        assert!(part < LANES / Self::WIDTH);
        unsafe {
            let halves = _mm256_loadu_si256(from.as_ptr().add(part * Self::WIDTH).cast());
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves)))
        }
    }

    #[inline(always)]
    fn one_nan(self, v: __m512) -> __m512 {
        unsafe { _mm512_mask_mov_ps(v, _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(v, v), _mm512_set1_ps(NAN)) }
    }

    #[inline(always)]
    fn nearest_bf16(self, v: __m512) -> __m512 {
        unsafe {
            // Half a unit in the last place of what stays, less one where that is even: ties go to even.
            let bits = _mm512_castps_si512(v);
            let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
            let up = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
            _mm512_castsi512_ps(_mm512_and_si512(up, _mm512_set1_epi32(!0xffff)))
        }
    }

    #[inline(always)]
    fn store_bf16(self, v: __m512, to: &mut [u16; LANES], part: usize) {
        assert!(part < LANES / Self::WIDTH);
        unsafe {
            let upper = _mm512_srli_epi32::<16>(_mm512_castps_si512(v));
            _mm256_storeu_si256(to.as_mut_ptr().add(part * Self::WIDTH).cast(), _mm512_cvtepi32_epi16(upper));
        }
    }
}

/// One bit for every float of which `f` is true.
#[inline(always)]
fn bits_where<const N: usize>(v: [f32; N], f: impl Fn(f32) -> bool) -> GateWord {
    let mut bits = 0;
    for l in 0..N {
        bits |= GateWord::from(f(v[l])) << l;
    }
    bits
}

/// Applies a function to every float.
#[inline(always)]
fn each<const N: usize>(mut v: [f32; N], f: impl Fn(f32) -> f32) -> [f32; N] {
    for l in 0..N {
        v[l] = f(v[l]);
    }
    v
}

impl Bits for Portable {
    #[inline(always)]
    fn above_zero(self, v: Self::Vector) -> GateWord {
        bits_where(v, |v| v > 0.0)
    }

    #[inline(always)]
    fn not_zero(self, v: Self::Vector) -> GateWord {
        bits_where(v, |v| v != 0.0)
    }

    #[inline(always)]
    fn at_least_zero(self, v: Self::Vector) -> Self::Vector {
        // Not `max`, which would turn a NaN into a zero and hide it.
        each(v, |v| if v < 0.0 { 0.0 } else { v })
    }

    #[inline(always)]
    fn only_above_zero(self, v: Self::Vector) -> Self::Vector {
        each(v, |v| if v > 0.0 { v } else { 0.0 })
    }

    #[inline(always)]
    fn only(self, bits: GateWord, mut v: Self::Vector) -> Self::Vector {
        for l in 0..Self::WIDTH {
            // All ones where the bit is set: a mask instead of a branch for every float.
            let open = 0u32.wrapping_sub(u32::from(bits) >> l & 1);
            v[l] = f32::from_bits(v[l].to_bits() & open);
        }
        v
    }

    #[inline(always)]
    fn load_bf16(self, from: &[u16; LANES], part: usize) -> Self::Vector {
        from.as_chunks().0[part].map(bf16::widen)
    }

    #[inline(always)]
    fn one_nan(self, v: Self::Vector) -> Self::Vector {
        each(v, |v| if v.is_nan() { NAN } else { v })
    }

    #[inline(always)]
    fn nearest_bf16(self, v: Self::Vector) -> Self::Vector {
        each(v, |v| bf16::widen(bf16::round(v)))
    }

    #[inline(always)]
    fn store_bf16(self, v: Self::Vector, to: &mut [u16; LANES], part: usize) {
        to.as_chunks_mut().0[part] = v.map(|v| (v.to_bits() >> 16) as u16);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Isa, Job, Level};

    /// Ties to even and to odd, the largest, what rounds to infinity, the smallest, zeros, and no numbers.
    const BITS: [u32; LANES] = [
        0x3f80_8000,
        0x3f81_8000,
        0x3f80_8001,
        0x3f80_7fff,
        0xbf81_8000,
        0x7f7f_0000,
        0x7f7f_ffff,
        0x0000_0001,
        0x0000_8001,
        0x8000_0000,
        0x0000_0000,
        0x7f80_0000,
        0xff80_0000,
        0x7fff_ffff,
        0xff80_0001,
        0x4049_0fdb,
    ];

    /// Everything at once, of sixteen floats and a word.
    #[derive(Clone, Copy)]
    struct All([f32; LANES], GateWord);

    #[derive(Default)]
    struct Found {
        above_zero: GateWord,
        not_zero: GateWord,
        at_least_zero: [f32; LANES],
        only_above_zero: [f32; LANES],
        only: [f32; LANES],
        gated: [[f32; LANES]; 3],
        nearest: [u16; LANES],
        widened: [f32; LANES],
        rest: [f32; LANES],
    }

    const RULES: [Rule; 3] = [Rule::Plain, Rule::Guided, Rule::Rectified];

    impl Job for All {
        type Output = Found;

        #[inline(always)]
        fn run<I: Isa>(self, isa: I) -> Found {
            let mut found = Found::default();
            for part in 0..LANES / I::WIDTH {
                let (v, bits) = (isa.load(&self.0, part), self.1 >> (part * I::WIDTH));
                found.above_zero |= isa.above_zero(v) << (part * I::WIDTH);
                found.not_zero |= isa.not_zero(v) << (part * I::WIDTH);
                isa.store(isa.at_least_zero(v), &mut found.at_least_zero, part);
                isa.store(isa.only_above_zero(v), &mut found.only_above_zero, part);
                isa.store(isa.only(bits, v), &mut found.only, part);
                for (found, rule) in found.gated.iter_mut().zip(RULES) {
                    isa.store(isa.gated(rule, bits, v), found, part);
                }
                let nearest = isa.nearest_bf16(isa.one_nan(v));
                isa.store_bf16(nearest, &mut found.nearest, part);
                isa.store(isa.load_bf16(&found.nearest, part), &mut found.widened, part);
                isa.store(isa.sub(v, nearest), &mut found.rest, part);
            }
            found
        }
    }

    /// Bits, but one NaN is like another.
    fn bits(v: [f32; LANES]) -> [u32; LANES] {
        v.map(|v| if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() })
    }

    #[test]
    fn as_defined_at_every_level() {
        let v = BITS.map(f32::from_bits);
        let word = 0b1010_0110_0101_1010;
        let lanes = |f: &dyn Fn(usize) -> f32| std::array::from_fn(f);
        let where_set = |f: &dyn Fn(f32) -> bool| -> GateWord { (0..LANES).map(|l| u16::from(f(v[l])) << l).sum() };
        let open = |l: usize| word >> l & 1 == 1;
        let positive = |l: usize| if v[l] > 0.0 { v[l] } else { 0.0 };
        for token in Level::ALL.into_iter().filter_map(Level::token) {
            let found = token.run(All(v, word));
            let level = token.level();
            assert_eq!(found.above_zero, where_set(&|v| v > 0.0), "{level}");
            assert_eq!(found.not_zero, where_set(&|v| v != 0.0), "{level}");
            let expected = lanes(&|l| if v[l] < 0.0 { 0.0 } else { v[l] });
            assert_eq!(bits(found.at_least_zero), bits(expected), "{level}");
            assert_eq!(bits(found.only_above_zero), bits(lanes(&positive)), "{level}");
            assert_eq!(bits(found.only), bits(lanes(&|l| if open(l) { v[l] } else { 0.0 })), "{level}");
            let plain = lanes(&|l| if open(l) { v[l] } else { 0.0 });
            let guided = lanes(&|l| if open(l) { positive(l) } else { 0.0 });
            for (found, expected) in found.gated.into_iter().zip([plain, guided, lanes(&positive)]) {
                assert_eq!(bits(found), bits(expected), "{level}");
            }
            assert_eq!(found.nearest[..8], [0x3f80, 0x3f82, 0x3f81, 0x3f80, 0xbf82, 0x7f7f, 0x7f80, 0], "{level}");
            assert_eq!(found.nearest[8..], [1, 0x8000, 0, 0x7f80, 0xff80, 0x7fc0, 0x7fc0, 0x4049], "{level}");
            assert_eq!(found.nearest, v.map(bf16::round), "{level}");
            assert_eq!(bits(found.widened), bits(found.nearest.map(bf16::widen)), "{level}");
            assert_eq!(bits(found.rest), bits(lanes(&|l| v[l] - bf16::widen(bf16::round(v[l])))), "{level}");
        }
    }

    #[test]
    fn the_three_rules() {
        struct Gated(Rule, GateWord, [f32; LANES]);
        impl Job for Gated {
            type Output = [f32; LANES];

            #[inline(always)]
            fn run<I: Isa>(mut self, isa: I) -> [f32; LANES] {
                isa.relu_dgrad(self.0, self.1, &mut self.2);
                self.2
            }
        }
        let mut d = [0f32; LANES];
        d[..4].copy_from_slice(&[-1.0, 2.0, -3.0, 4.0]);
        for token in Level::ALL.into_iter().filter_map(Level::token) {
            let apply = |rule| token.run(Gated(rule, 0b0011, d))[..4].to_vec();
            assert_eq!(apply(Rule::Plain), [-1.0, 2.0, 0.0, 0.0]);
            assert_eq!(apply(Rule::Guided), [0.0, 2.0, 0.0, 0.0]);
            assert_eq!(apply(Rule::Rectified), [0.0, 2.0, 0.0, 4.0]);
        }
    }

    #[test]
    fn zero_does_not_pass_a_relu() {
        struct Relu([f32; LANES]);
        impl Job for Relu {
            type Output = (GateWord, [f32; LANES]);

            #[inline(always)]
            fn run<I: Isa>(mut self, isa: I) -> Self::Output {
                (isa.relu(&mut self.0), self.0)
            }
        }
        for token in Level::ALL.into_iter().filter_map(Level::token) {
            let (word, v) = token.run(Relu(std::array::from_fn(|l| l as f32 - 8.0)));
            assert_eq!(word, 0b1111_1110_0000_0000, "{}", token.level());
            assert_eq!(v[..11], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0], "{}", token.level());
        }
    }
}
