//! Instruction sets, chosen at run time.
//!
//! A token such as [`Avx2`] can only be made by [`Avx2::new`], which asks the processor. Whoever holds one may
//! therefore run code compiled for that instruction set; [`Isa::run`] is the way to do so. A [`Job`] is written once,
//! generic over the token, in plain Rust that the compiler vectorises. The one loop that decides the speed,
//! [`Isa::accumulate`], is written by hand for each instruction set.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod bits;
mod level;
mod portable;
mod vector;

use std::ops::Range;

use backlit_net::Rule;

use crate::lanes::{GateWord, LANES, Lanes};

#[cfg(target_arch = "x86_64")]
pub use amx::{Amx, NoAmx};
#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
pub use bits::Bits;
pub use level::{Level, Token};
pub use portable::Portable;
pub use vector::Vectors;

/// A piece of work to be compiled once for every instruction set.
///
/// `run` must be `#[inline(always)]`, and so must everything hot that it calls: code is compiled for an instruction
/// set only once it has been inlined into [`Isa::run`].
pub trait Job {
    /// What it returns.
    type Output;
    /// Does the work.
    fn run<I: Isa>(self, isa: I) -> Self::Output;
}

/// What [`Isa::accumulate`] finds in the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sums {
    /// Nothing of value: overwrite.
    Fresh,
    /// Earlier sums: add.
    Running,
}

/// The most [rows](Isa::ROWS) of any instruction set, for arrays of them.
pub(crate) const MOST_ROWS: usize = 14;

/// Proof that an instruction set may be used.
pub trait Isa: Bits + Copy + Send + Sync + 'static {
    /// The most rows of a strip: as many as have their sums in registers, beside a panel and an element.
    const ROWS: usize;

    /// Panels of sixteen channels that a strip meets at once.
    const PANELS: usize;

    /// Compiles and runs a job with this instruction set.
    fn run<J: Job>(self, job: J) -> J::Output;

    /// `a * b + c`, in one rounding where the instruction set has it and in two where it has not.
    fn mul_add(self, a: f32, b: f32, c: f32) -> f32;

    /// The innermost loop of every convolution: a strip of rows times a group of panels.
    ///
    /// ```text
    /// sums[m][p][l] (+)= sum over c of  rows[m][c] * panels[c][p][l]    m < M rows, p < PANELS, l < 16 channels
    /// ```
    ///
    /// `rows`: 1 to [`ROWS`](Isa::ROWS) of the same length; `panels`: [`PANELS`](Isa::PANELS) for every element of a
    /// row; `sums`: [`PANELS`](Isa::PANELS) a row. The products of a call are summed in registers, in order of c,
    /// before they meet `sums`.
    ///
    /// `ahead` are lines that the caller will read soon. They change nothing but the time: a few are asked for before
    /// every eight steps, where all at once would keep the loads of this strip waiting behind their misses.
    ///
    /// # Panics
    /// If the lengths do not fit each other.
    fn accumulate(self, rows: &[&[f32]], panels: &[Lanes], sums: &mut [Lanes], found: Sums, ahead: &[Lanes]);

    /// Applies ReLU and returns which lanes passed, those above zero. A NaN stays.
    #[inline(always)]
    fn relu(self, v: &mut [f32; LANES]) -> GateWord {
        let mut word = 0;
        for part in 0..LANES / Self::WIDTH {
            let x = self.load(v, part);
            word |= self.above_zero(x) << (part * Self::WIDTH);
            self.store(self.at_least_zero(x), v, part);
        }
        word
    }

    /// Sends sixteen gradients back through ReLUs whose outputs left `word`.
    #[inline(always)]
    fn relu_dgrad(self, rule: Rule, word: GateWord, d: &mut [f32; LANES]) {
        for part in 0..LANES / Self::WIDTH {
            let x = self.gated(rule, word >> (part * Self::WIDTH), self.load(d, part));
            self.store(x, d, part);
        }
    }
}

/// The steps of a strip, some at a time, with the lines `ahead` that are asked for before these: every number below
/// `steps` once and in order, and every line once.
#[inline(always)]
fn spread(steps: usize, ahead: &[Lanes]) -> impl Iterator<Item = (&[Lanes], Range<usize>)> {
    /// Few enough that no burst of lines comes with them, and enough for a loop; of 1, 3, 8 and 16 the fastest for AVX2.
    const EVERY: usize = 8;
    let lines = (EVERY * ahead.len()).div_ceil(steps.max(1));
    let lines_of = move |i: usize| &ahead[ahead.len().min(i * lines)..ahead.len().min((i + 1) * lines)];
    let every = if ahead.is_empty() { steps.max(1) } else { EVERY };
    (0..steps).step_by(every).enumerate().map(move |(i, first)| (lines_of(i), first..steps.min(first + every)))
}

/// Asks for lines, into the second cache.
#[inline(always)]
fn prefetch(lines: &[Lanes]) {
    #[cfg(target_arch = "x86_64")]
    for line in lines {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: SSE belongs to x86-64, and a prefetch reads nothing that the program can see.
        #[allow(unsafe_code)]
        unsafe {
            _mm_prefetch::<_MM_HINT_T1>(std::ptr::from_ref(line).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = lines;
}

/// Checks what [`Isa::accumulate`] is given, so that what follows need not.
#[inline(always)]
fn check_lengths<I: Isa>(rows: &[&[f32]], panels: &[Lanes], sums: &[Lanes]) {
    let depth = panels.len() / I::PANELS;
    assert!(panels.len().is_multiple_of(I::PANELS), "{} panels in groups of {}", panels.len(), I::PANELS);
    assert!(!rows.is_empty() && rows.len() <= I::ROWS, "{} rows", rows.len());
    assert!(sums.len() == rows.len() * I::PANELS, "{} sums for {} rows", sums.len(), rows.len());
    assert!(rows.iter().all(|row| row.len() == depth), "rows that are not {depth} long");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_lines_are_spread_whole_and_in_order() {
        let lines = vec![Lanes::default(); 512];
        for steps in [0, 1, 7, 8, 9, 147, 256] {
            for ahead in [0, 1, 15, 16, 256, 512].map(|len| &lines[..len]) {
                let all: Vec<usize> = spread(steps, ahead).flat_map(|(_, steps)| steps).collect();
                assert_eq!(all, (0..steps).collect::<Vec<_>>(), "{} lines", ahead.len());
                let found = spread(steps, ahead).flat_map(|(lines, _)| lines).map(std::ptr::from_ref);
                let expected = ahead.iter().map(std::ptr::from_ref).take(if steps > 0 { ahead.len() } else { 0 });
                assert!(found.eq(expected), "{steps} steps, {} lines", ahead.len());
            }
        }
    }
}
