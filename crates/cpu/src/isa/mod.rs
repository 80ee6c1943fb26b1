//! Instruction sets, chosen at run time.
//!
//! A token such as [`Avx2`] can only be made by [`Avx2::new`], which asks the processor. Whoever holds one may
//! therefore run code compiled for that instruction set; [`Isa::run`] is the only way to do so and the only `unsafe`
//! of this crate. A [`Job`] is written once, generic over the token, in plain Rust that the compiler vectorises.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;

use std::fmt;
use std::str::FromStr;

#[cfg(target_arch = "x86_64")]
pub use amx::{Amx, NoAmx};
#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
pub use portable::Portable;

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

/// Proof that an instruction set may be used.
pub trait Isa: Copy + Send + Sync + 'static {
    /// Pixels whose sums, sixteen channels each, fit into the registers beside a panel and a pixel.
    const STRIP: usize;

    /// Compiles and runs a job with this instruction set.
    fn run<J: Job>(self, job: J) -> J::Output;

    /// `a * b + c`, in one rounding where the instruction set has it and in two where it has not.
    fn mul_add(self, a: f32, b: f32, c: f32) -> f32;
}

/// The instruction sets that this crate has code for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Whatever the compiler may assume of the target (SSE2 on x86-64).
    Portable,
    /// AVX2 and FMA.
    Avx2,
}

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Level; 2] = [Level::Portable, Level::Avx2];

    /// `portable` or `avx2`.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
        }
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        self.token().is_some()
    }

    /// Its token, if this processor has it.
    pub fn token(self) -> Option<Token> {
        match self {
            Level::Portable => Some(Token::Portable(Portable)),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => Avx2::new().map(Token::Avx2),
            #[cfg(not(target_arch = "x86_64"))]
            Level::Avx2 => None,
        }
    }

    /// The highest level that this processor has.
    pub fn best() -> Level {
        Level::ALL.into_iter().rev().find(|l| l.is_available()).unwrap_or(Level::Portable)
    }
}

/// The token of some level.
#[derive(Clone, Copy, Debug)]
pub enum Token {
    /// See [`Portable`].
    Portable(Portable),
    /// See [`Avx2`].
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
}

impl Token {
    /// Runs a job at this level.
    #[inline]
    pub fn run<J: Job>(self, job: J) -> J::Output {
        match self {
            Token::Portable(isa) => isa.run(job),
            #[cfg(target_arch = "x86_64")]
            Token::Avx2(isa) => isa.run(job),
        }
    }

    /// The level it proves.
    pub fn level(self) -> Level {
        match self {
            Token::Portable(_) => Level::Portable,
            #[cfg(target_arch = "x86_64")]
            Token::Avx2(_) => Level::Avx2,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Level, String> {
        Level::ALL
            .into_iter()
            .find(|l| l.as_str() == text)
            .ok_or_else(|| format!("unknown instruction set `{text}`: expected `portable` or `avx2`"))
    }
}
