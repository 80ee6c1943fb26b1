//! The sources in `kernels/`, embedded.

/// One `.cu` file; it becomes one module on the device.
#[derive(Debug)]
pub struct Source {
    /// Path below `kernels/`.
    pub name: &'static str,
    /// Text.
    pub text: &'static str,
}

macro_rules! headers {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../../../kernels/", $name)))),*] };
}

/// Headers that sources include, by the name they use.
pub const HEADERS: &[(&str, &str)] = headers![
    "common/access.cuh",
    "common/gate_bit.cuh",
    "common/gates.cuh",
    "common/storage.cuh",
    "common/stored.cuh",
    "conv/epilogue.cuh",
    "conv/fragments.cuh",
    "conv/mma.cuh",
    "conv/params.cuh",
    "conv/pipeline.cuh",
    "conv/rows.cuh",
    "conv/taps.cuh",
    "device.cuh",
    "head/params.cuh",
    "probe/probe.cuh",
    "sample/sampler.cuh",
    "stem/params.cuh",
    "stem/unpool.cuh",
];
