//! Float32 numbers as sums of bfloat16 parts, a register at a time. [`crate::bf16`] says what the parts are.
//!
//! Parts come as slices of lines, the largest first. Where their number is known when this is compiled, so that the
//! loops have no branches, is up to those who call.

use std::ops::Deref;

use super::Line;
use crate::isa::Isa;

/// The most parts of a float32.
pub(crate) const MOST: usize = 3;

/// The sum of the parts of line `at`, smallest first: of the floats from `part * WIDTH` on of one half of its channels.
#[inline(always)]
pub(crate) fn load<I: Isa>(
    isa: I,
    map: &[impl Deref<Target = [Line]>],
    at: usize,
    half: usize,
    part: usize,
) -> I::Vector {
    let (last, others) = map.split_last().expect("at least one part");
    let mut sum = isa.load_bf16(&last[at].halves()[half], part);
    for lines in others.iter().rev() {
        sum = isa.add(sum, isa.load_bf16(&lines[at].halves()[half], part));
    }
    sum
}

/// Overwrites the parts of the floats from `part * WIDTH` on of one half of line `at`.
#[inline(always)]
pub(crate) fn store<I: Isa>(isa: I, v: I::Vector, map: &mut [&mut [Line]], at: usize, half: usize, part: usize) {
    let mut rest = isa.one_nan(v);
    for (i, lines) in map.iter_mut().enumerate() {
        isa.store_bf16(take(isa, &mut rest, i), &mut lines[at].halves_mut()[half], part);
    }
}

/// Takes part `i` out of what the parts before it left of floats, whose NaNs are [one](crate::isa::Bits::one_nan); its
/// upper halves are the part.
///
/// The third part has room for all that the first two leave, down to 2^-133, so it need not be rounded: what is below
/// is cut off here, where [`bf16::split`](crate::bf16::split) would round it.
#[inline(always)]
pub(crate) fn take<I: Isa>(isa: I, rest: &mut I::Vector, i: usize) -> I::Vector {
    let taken = if i + 1 == MOST { *rest } else { isa.nearest_bf16(*rest) };
    *rest = isa.sub(*rest, taken);
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::{split, widen};
    use crate::isa::{Job, Level};
    use crate::lanes::LANES;

    /// Stores a line in as many parts as there are slices, and loads it again.
    struct There<'a, 'b>(&'a [f32; 2 * LANES], &'a mut [&'b mut [Line]]);

    impl Job for There<'_, '_> {
        type Output = [f32; 2 * LANES];

        #[inline(always)]
        fn run<I: Isa>(self, isa: I) -> Self::Output {
            let mut back = [0.0; 2 * LANES];
            for half in 0..2 {
                for part in 0..LANES / I::WIDTH {
                    store(isa, isa.load(&self.0.as_chunks().0[half], part), self.1, 1, half, part);
                }
            }
            for half in 0..2 {
                for part in 0..LANES / I::WIDTH {
                    isa.store(load(isa, self.1, 1, half, part), &mut back.as_chunks_mut().0[half], part);
                }
            }
            back
        }
    }

    #[test]
    fn parts_are_those_of_one_number_after_the_other() {
        let mut values = [0f32; 2 * LANES];
        let random = backlit_testkit::random::Random::new(1);
        for (i, v) in values.iter_mut().enumerate() {
            *v = random.signed(i) * 2f32.powi(5 * i as i32 - 80);
        }
        let special = [f32::NAN, f32::from_bits(0xffff_ffff), f32::INFINITY, f32::MAX, -0.0, 0.0, f32::MIN_POSITIVE];
        values[8..15].copy_from_slice(&special);
        values[20] = f32::from_bits(0x3f80_8000);
        for token in Level::ALL.into_iter().filter_map(Level::token) {
            for count in 1..=MOST {
                let mut map = [[Line::ZERO; 3]; MOST];
                let mut parts: Vec<&mut [Line]> = map[..count].iter_mut().map(|lines| &mut lines[..]).collect();
                let back = token.run(There(&values, &mut parts));
                for (i, &v) in values.iter().enumerate() {
                    let what = format!("{}, {count} parts of {v:e}", token.level());
                    let found = map.map(|lines| lines[1].0[i]);
                    let mut expected = split::<MOST>(v);
                    expected[count..].fill(0);
                    let same = found.iter().zip(expected).all(|(&found, expected)| {
                        found == expected || widen(found).is_nan() && widen(expected).is_nan()
                    });
                    assert!(same, "{what}: {found:x?}, not {expected:x?}");
                    let sum: f32 = expected[..count].iter().rev().map(|&part| widen(part)).sum();
                    assert!(back[i] == sum || back[i].is_nan() && sum.is_nan(), "{what}: {} again", back[i]);
                    assert!(count < MOST || !v.is_finite() || v == f32::MAX || back[i] == v, "{what}: {}", back[i]);
                }
                assert!(map.iter().all(|lines| lines[0] == Line::ZERO && lines[2] == Line::ZERO), "lines beside it");
            }
        }
    }

    #[test]
    fn what_the_third_part_has_no_room_for_is_cut_off() {
        // The smallest bfloat16 is 2^-133.
        let v = 2f32.powi(-110) + 2f32.powi(-119) + 2f32.powi(-127) + 2f32.powi(-133);
        let smaller = 2f32.powi(-112) + 2f32.powi(-121) + 2f32.powi(-135);
        for token in Level::ALL.into_iter().filter_map(Level::token) {
            let mut map = [[Line::ZERO; 3]; MOST];
            let mut parts: Vec<&mut [Line]> = map.iter_mut().map(|lines| &mut lines[..]).collect();
            let mut values = [0f32; 2 * LANES];
            (values[0], values[1]) = (v, smaller);
            let back = token.run(There(&values, &mut parts));
            assert_eq!(back[0], v, "{}: all of it fits", token.level());
            assert_eq!(smaller - back[1], 2f32.powi(-135), "{}: what is lost", token.level());
        }
    }
}
