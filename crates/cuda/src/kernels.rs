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
    ("probe/probe.cuh", include_str!("../../../kernels/probe/probe.cuh")),
];
