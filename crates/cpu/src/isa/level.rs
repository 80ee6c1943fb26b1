//! The instruction sets by name.

use std::fmt;
use std::str::FromStr;

#[cfg(target_arch = "x86_64")]
use super::{Amx, Avx2, Avx512};
use super::{Isa, Job, Portable};

/// The instruction sets that this crate has code for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Whatever the compiler may assume of the target (SSE2 on x86-64).
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512F.
    Avx512,
    /// AVX-512F with AMX-BF16, whose tiles the 16-bit precisions multiply; float32 is computed as at [`Level::Avx512`].
    Amx,
}

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Level; 4] = [Level::Portable, Level::Avx2, Level::Avx512, Level::Amx];

    /// `portable`, `avx2`, `avx512` or `amx`.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
            Level::Amx => "amx",
        }
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        self.token().is_some()
    }

    /// The token of its vectors, if this processor has it.
    pub fn token(self) -> Option<Token> {
        match self {
            Level::Portable => Some(Token::Portable(Portable)),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => Avx2::new().map(Token::Avx2),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => Avx512::new().map(Token::Avx512),
            #[cfg(target_arch = "x86_64")]
            Level::Amx => Avx512::new().filter(|_| Amx::new().is_ok()).map(Token::Avx512),
            #[cfg(not(target_arch = "x86_64"))]
            Level::Avx2 | Level::Avx512 | Level::Amx => None,
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
    /// See [`Avx512`].
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

/// Evaluates an expression with the token itself, whatever its type.
macro_rules! with {
    ($token:expr, $isa:ident => $e:expr) => {
        match $token {
            Token::Portable($isa) => $e,
            #[cfg(target_arch = "x86_64")]
            Token::Avx2($isa) => $e,
            #[cfg(target_arch = "x86_64")]
            Token::Avx512($isa) => $e,
        }
    };
}

impl Token {
    /// Runs a job at this level.
    #[inline]
    pub fn run<J: Job>(self, job: J) -> J::Output {
        with!(self, isa => isa.run(job))
    }

    /// [`Isa::PANELS`]: how panels lie in packed weights.
    pub fn panels(self) -> usize {
        fn of<I: Isa>(_: I) -> usize {
            I::PANELS
        }
        with!(self, isa => of(isa))
    }

    /// [`Isa::ROWS`]: the longest strip.
    pub fn rows(self) -> usize {
        fn of<I: Isa>(_: I) -> usize {
            I::ROWS
        }
        with!(self, isa => of(isa))
    }

    /// The level of its vectors.
    pub fn level(self) -> Level {
        match self {
            Token::Portable(_) => Level::Portable,
            #[cfg(target_arch = "x86_64")]
            Token::Avx2(_) => Level::Avx2,
            #[cfg(target_arch = "x86_64")]
            Token::Avx512(_) => Level::Avx512,
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
        let names = || Level::ALL.map(|l| format!("`{l}`")).join(", ");
        Level::ALL
            .into_iter()
            .find(|l| l.as_str() == text)
            .ok_or_else(|| format!("unknown instruction set `{text}`: expected one of {}", names()))
    }
}
