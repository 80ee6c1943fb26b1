//! Tests that need more than one room of the house. One file per op stem, and the whole network in `engines` and
//! `golden`.
#![forbid(unsafe_code)]

use backlit_cpu::isa::Level;

/// Instruction sets of this processor. Those that it lacks are printed, so that a log shows what was not tested.
pub fn levels() -> Vec<Level> {
    let (have, lack): (Vec<Level>, Vec<Level>) = Level::ALL.into_iter().partition(|l| l.is_available());
    for level in lack {
        println!("SKIPPED: this processor has no {level}");
    }
    have
}
