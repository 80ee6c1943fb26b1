//! bfloat16: the upper half of a float32.
//!
//! A float32 x is split into parts, each the bfloat16 nearest to what is left of it:
//!
//! ```text
//! hi = bf16(x),   mid = bf16(x - hi),   lo = bf16(x - hi - mid)
//! ```
//!
//! A part has eight bits and a sign, and is at most half a unit in the last place of the one before: 2^-8 of it. So one
//! part is off by at most 2^-8 of x, two by 2^-17 (the sign of the second is the ninth bit of the first), and three by
//! nothing, for a float32 has 24 bits.

/// What every NaN is rounded to.
pub(crate) const NAN: u16 = 0x7fc0;

/// Rounds to nearest, ties to even. A NaN stays a NaN.
#[inline(always)]
pub(crate) fn round(x: f32) -> u16 {
    let bits = x.to_bits();
    let rounded = (bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16) as u16;
    if x.is_nan() { NAN } else { rounded }
}

/// Exact.
#[inline(always)]
pub(crate) fn widen(x: u16) -> f32 {
    f32::from_bits(u32::from(x) << 16)
}

/// The first P parts of x.
#[inline(always)]
pub(crate) fn split<const P: usize>(x: f32) -> [u16; P] {
    let mut rest = x;
    let mut parts = [0; P];
    for part in &mut parts {
        *part = round(rest);
        rest -= widen(*part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use backlit_testkit::random::Random;

    #[test]
    fn nearest_and_even() {
        // One is 0x3f80; a unit in its last place is 2^-7.
        let unit = 2f32.powi(-7);
        for (x, expected) in [
            (1.0, 0x3f80),
            (1.0 + 0.49 * unit, 0x3f80),
            (1.0 + 0.5 * unit, 0x3f80),
            (1.0 + 0.51 * unit, 0x3f81),
            (1.0 + 1.5 * unit, 0x3f82),
            (-1.0 - 1.5 * unit, 0xbf82),
            (0.0, 0),
            (-0.0, 0x8000),
            (f32::INFINITY, 0x7f80),
            (f32::MAX, 0x7f80),
        ] {
            assert_eq!(round(x), expected, "{x}");
        }
        assert!(widen(round(f32::NAN)).is_nan());
        assert!(widen(round(f32::from_bits(0x7fff_ffff))).is_nan(), "no NaN may round to a number");
    }

    #[test]
    fn parts_add_up() {
        let random = Random::new(1);
        for i in 0..10_000 {
            let x = random.signed(i) * 2f32.powi(i as i32 % 40 - 20);
            let [a, b, c] = split::<3>(x).map(|part| f64::from(widen(part)));
            let size = f64::from(x.abs());
            assert!((a - f64::from(x)).abs() <= size * 2f64.powi(-8));
            assert!((a + b - f64::from(x)).abs() <= size * 2f64.powi(-17));
            assert_eq!(a + b + c, f64::from(x), "three parts are exact");
            assert_eq!(split::<2>(x).map(|part| f64::from(widen(part))), [a, b]);
        }
    }
}
