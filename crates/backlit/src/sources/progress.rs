//! What a fetch tells its caller while it runs.

use std::fmt;

/// A step of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Another process is fetching; its result will do.
    Wait,
    /// Bytes arrive.
    Download,
    /// The package is unpacked and each of its files checked.
    Unpack,
    /// Hashes and tensors are checked.
    Verify,
    /// The safetensors file is written.
    Convert,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Wait => "waiting for another fetch",
            Stage::Download => "downloading",
            Stage::Unpack => "unpacking",
            Stage::Verify => "verifying",
            Stage::Convert => "converting",
        })
    }
}

/// How far a step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The step.
    pub stage: Stage,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all; `None` while nobody has said.
    pub total: Option<u64>,
}

impl Progress {
    pub(super) fn new(stage: Stage, done: u64, total: impl Into<Option<u64>>) -> Progress {
        Progress { stage, done, total: total.into() }
    }
}
