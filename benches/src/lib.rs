//! What the benches share: the work, its check against the oracle, the roof, and the clock.
//!
//! Unlike the libraries, this crate panics: a wrong result must not get a speed.
#![forbid(unsafe_code)]

pub mod layers;
pub mod machine;
pub mod network;
pub mod report;
pub mod roof;
pub mod stopwatch;

use backlit_cpu::isa::Level;

/// Instruction sets of this processor, lowest first.
pub fn levels() -> Vec<Level> {
    Level::ALL.into_iter().filter(|l| l.is_available()).collect()
}
