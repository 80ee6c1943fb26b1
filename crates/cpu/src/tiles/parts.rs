//! Float32 numbers as sums of bfloat16 parts, a register at a time. [`crate::bf16`] says what the parts are.
//!
//! Parts come as slices of lines, the largest first. Where their number is known when this is compiled, so that the
//! loops have no branches, is up to those who call.

use super::Line;
use crate::isa::Isa;

/// The most parts of a float32.
pub(crate) const MOST: usize = 3;

/// The sum of the parts of line `at`, smallest first: of the floats from `part * WIDTH` on of one half of its channels.
#[inline(always)]
pub(crate) fn load<I: Isa>(isa: I, map: &[&[Line]], at: usize, half: usize, part: usize) -> I::Vector {
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

/// Takes part `i` out of what the parts before it left of floats without a NaN but [the one](crate::isa::Bits::one_nan);
/// its upper halves are the part.
///
/// The third part has room for all that the first two leave, down to 2^-133, so it need not be rounded.
#[inline(always)]
pub(crate) fn take<I: Isa>(isa: I, rest: &mut I::Vector, i: usize) -> I::Vector {
    let taken = if i + 1 == MOST { *rest } else { isa.nearest_bf16(*rest) };
    *rest = isa.sub(*rest, taken);
    taken
}
