//! The roof: what the same threads reach with nothing else to do (Williams, Waterman and Patterson 2009, "Roofline").
//!
//! A kernel that does I operations for every byte that it must move can do no more than
//! `min(flops, I * bytes)` operations a second.

mod bandwidth;
mod compute;

use std::time::Duration;

use backlit_cpu::isa::{Level, Token};

use crate::BenchError;

/// What the threads of a rayon pool reach together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Roof {
    /// Single-precision operations a second, in registers alone.
    pub flops: f64,
    /// Bytes a second to and from memory.
    pub bytes: f64,
}

impl Roof {
    /// For numbers that are kept.
    pub const FULL: Duration = Duration::from_millis(300);
    /// For a look at whether everything works.
    pub const QUICK: Duration = Duration::from_millis(10);

    /// Measures both, each for about as long as `effort` and with all threads of the current rayon pool.
    ///
    /// # Errors
    /// [`BenchError::Level`] if the processor lacks the instruction set; [`BenchError::Roof`] if a loop computed
    /// something else; [`BenchError::OutOfMemory`].
    pub fn measure(level: Level, effort: Duration) -> Result<Roof, BenchError> {
        let token = level.token().ok_or(BenchError::Level { level, best: Level::best() })?;
        Ok(Roof { flops: compute::measure(token, effort)?, bytes: bandwidth::measure(effort)? })
    }

    /// Operations a second, as [`measure`](Roof::measure) but without the memory.
    ///
    /// # Errors
    /// [`BenchError::Roof`].
    pub fn compute(token: Token, effort: Duration) -> Result<f64, BenchError> {
        compute::measure(token, effort)
    }

    /// The higher of both: a machine may be slower at one moment than at another.
    #[must_use]
    pub fn or(self, other: Roof) -> Roof {
        Roof { flops: self.flops.max(other.flops), bytes: self.bytes.max(other.bytes) }
    }

    /// Operations a byte at which a kernel is bound by memory and by arithmetic alike.
    pub fn ridge(self) -> f64 {
        self.flops / self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_a_plausible_roof() {
        let threads = rayon::current_num_threads() as f64;
        let a_while = Duration::from_millis(20);
        for level in crate::levels() {
            let flops = Roof::compute(level.token().expect("an available level"), a_while).expect("a roof");
            // 10 MHz to 10 GHz, at most 64 multiply-adds a cycle.
            assert!(flops > 1e7 && flops < 128.0 * 1e10 * threads, "{level}: {flops}");
        }
        let roof = Roof::measure(Level::best(), a_while).expect("a roof");
        // A megabyte to a terabyte a second and thread.
        assert!(roof.bytes > 1e6 && roof.bytes < 1e12 * threads && roof.ridge() > 0.0, "{roof:?}");
    }
}
