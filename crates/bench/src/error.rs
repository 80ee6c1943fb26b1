//! Why there is no speed.

use backlit_cpu::isa::Level;
use backlit_net::EngineError;

/// Nothing was measured, or nothing that may be shown.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// The result is wrong: a speed of it would mean nothing.
    #[error(
        "{what} is wrong, so it gets no speed: its relative error against the reference is {error:.1e}, and at most \
         {tolerance:.0e} is allowed"
    )]
    Wrong {
        /// What was computed.
        what: String,
        /// Relative L2 error; NaN where the result holds one.
        error: f64,
        /// Largest that may have a speed.
        tolerance: f64,
    },
    /// The gates kept for the backward pass are not those of the output.
    #[error("{what} is wrong, so it gets no speed: the gate bits that it keeps do not fit its output")]
    Gates {
        /// What was computed.
        what: String,
    },
    /// The engine gave no answer.
    #[error("{what} gave no result: {source}")]
    Engine {
        /// What was asked.
        what: String,
        /// Why.
        source: EngineError,
    },
    /// An instruction set that this processor lacks.
    #[error("this processor has no `{level}`: the best it has is `{best}`")]
    Level {
        /// Asked for.
        level: Level,
        /// Available.
        best: Level,
    },
    /// The loop that measures the roof computed something else.
    #[error("the roof of {what} cannot be measured: its loop came to {found}, expected {expected}")]
    Roof {
        /// Compute or memory.
        what: &'static str,
        /// What came out.
        found: f32,
        /// What should have.
        expected: f32,
    },
    /// Not enough memory to measure with.
    #[error("{bytes} bytes to measure the memory with could not be reserved: close other programs")]
    OutOfMemory {
        /// Bytes asked for.
        bytes: usize,
    },
}
