//! Tiles against the definition of the instruction, convolutions against the reference.

mod conv;
mod instruction;
mod plan;
mod stem;

use super::conv::{Machine, Unit};
use crate::isa::Level;

/// The model at every level that this processor has, and the processor's own tiles if it has any.
fn machines() -> Vec<(String, Machine)> {
    let tokens: Vec<_> = Level::ALL.into_iter().filter_map(Level::token).collect();
    let name = |unit: &str, level: Level| format!("{unit} at level {level}");
    let mut machines: Vec<_> =
        tokens.iter().map(|&token| (name("model", token.level()), Machine { token, unit: Unit::Model })).collect();
    #[cfg(target_arch = "x86_64")]
    match (crate::isa::Amx::new(), tokens.last()) {
        (Ok(amx), Some(&token)) => machines.push((name("AMX", token.level()), Machine { token, unit: Unit::Amx(amx) })),
        (Err(why), _) => println!("SKIPPED: tests on tiles of the processor: {why}"),
        (Ok(_), None) => {}
    }
    machines
}
