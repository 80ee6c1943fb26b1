//! The planted kernels with their inputs, right answers, and what the checker must say.

mod basics;
mod hopper;

use backlit_cuda_emu::direct::{Shape, launch};
use bytemuck::Pod;

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The answer is right.
    Right,
    /// The answer is wrong, and nobody has said so.
    Wrong,
    /// The emulator or the checker has said why not.
    Error(String),
}

/// One bug of one kernel.
pub(crate) struct Case {
    /// What is wrong.
    pub(crate) title: &'static str,
    /// Name of kernel and file.
    pub(crate) kernel: &'static str,
    /// Text of the file.
    pub(crate) source: &'static str,
    /// Number of the bug.
    pub(crate) bug: u32,
    /// How the message may call it.
    pub(crate) classes: &'static [&'static str],
    /// Marks of the lines that the message names.
    pub(crate) lines: &'static [&'static str],
    /// Runs it with a bug, or right with 0.
    pub(crate) run: fn(u32) -> Outcome,
}

pub(crate) use basics::BANKS;

/// All bugs that end in an error.
pub(crate) const CASES: &[&Case] = &[
    &basics::BARRIER,
    &basics::SECOND_BARRIER,
    &basics::WAIT,
    &basics::ROWS,
    &basics::SHARED,
    &basics::MISALIGNED,
    &basics::BLOCKS,
    &basics::TILE,
    &basics::DIVERGENT,
    &basics::SHUFFLE,
    &basics::REGISTERS,
    &hopper::TMA,
    &hopper::LANE,
    &hopper::RING,
    &hopper::PROXY,
    &hopper::STORE_FENCE,
    &hopper::STORE_WAIT,
    &hopper::ARRIVALS,
    &hopper::COUNT,
    &hopper::INIT,
];

/// Launches and compares.
fn outcome<P: Pod, T: PartialEq>(
    kernel: &str,
    shape: [u32; 3],
    parameters: &P,
    answer: impl FnOnce() -> Vec<T>,
    expected: &[T],
) -> Outcome {
    let [blocks, threads, shared] = shape;
    // SAFETY: the callers pass the kernel's own struct, and keep its buffers until here.
    match unsafe { launch(kernel, Shape { blocks, threads, shared }, parameters) } {
        Err(text) => Outcome::Error(text),
        Ok(()) if answer() == expected => Outcome::Right,
        Ok(()) => Outcome::Wrong,
    }
}

/// Small whole numbers, all different over short distances.
fn numbers(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 37 + i / 64 * 11) % 251) as f32).collect()
}
