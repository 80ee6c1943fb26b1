//! Speed, and the error that it comes with.
//!
//! - [`Subject`]: something that runs and can say how wrong its last result is; a layer ([`layers::Case`]) or a whole
//!   network ([`network::Question`]);
//! - [`measure`]: checks a subject, times it, checks it again. A [`Measured`] comes from nowhere else: there is no
//!   speed of a wrong result;
//! - [`Roof`]: multiply-adds and bytes a second that the same threads reach with nothing else to do;
//! - [`report::Report`]: all of it as Markdown; [`machine`]: where and when.
//!
//! What is right is what `backlit-reference` computes in double precision from the same data.
#![forbid(unsafe_code)]

mod error;
pub mod layers;
pub mod machine;
mod measured;
pub mod network;
pub mod report;
mod roof;
pub mod stopwatch;

use backlit_cpu::isa::Level;

pub use error::BenchError;
pub use measured::{Measured, Subject, check, measure};
pub use roof::Roof;

/// Instruction sets of this processor that compute in float32, lowest first.
pub fn levels() -> Vec<Level> {
    Level::ALL.into_iter().filter(|l| l.token().is_some_and(|token| token.level() == *l)).collect()
}
