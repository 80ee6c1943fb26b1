//! Tests that need more than one crate. One file per op stem, and the whole network in `engines` and
//! `golden`.
#![forbid(unsafe_code)]

use std::io::Write;

use backlit_cpu::isa::Level;

/// Instruction sets of this processor. Those that it lacks are said on standard error, past the test harness, so that
/// a log shows what was not tested.
pub fn levels() -> Vec<Level> {
    let (have, lack): (Vec<Level>, Vec<Level>) = Level::ALL.into_iter().partition(|l| l.is_available());
    for level in lack {
        let _ = writeln!(std::io::stderr(), "SKIPPED: this processor has no {level}");
    }
    have
}

/// Runs something in a pool of so many threads.
///
/// # Panics
/// If they cannot be started.
pub fn on_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads").install(f)
}
