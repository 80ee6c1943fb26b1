//! The sources in `kernels/`, embedded.

/// One `.cu` file; it becomes one module on the device.
#[derive(Debug)]
pub struct Source {
    /// Path below `kernels/`.
    pub name: &'static str,
    /// Text.
    pub text: &'static str,
}

/// Headers that sources include, by the name they use.
pub const HEADERS: &[(&str, &str)] = &[
    ("device.cuh", include_str!("../../../kernels/device.cuh")),
    ("common/gate_bit.cuh", include_str!("../../../kernels/common/gate_bit.cuh")),
    ("common/stored.cuh", include_str!("../../../kernels/common/stored.cuh")),
    ("head/params.cuh", include_str!("../../../kernels/head/params.cuh")),
    ("sample/sampler.cuh", include_str!("../../../kernels/sample/sampler.cuh")),
    ("stem/params.cuh", include_str!("../../../kernels/stem/params.cuh")),
    ("stem/unpool.cuh", include_str!("../../../kernels/stem/unpool.cuh")),
];
