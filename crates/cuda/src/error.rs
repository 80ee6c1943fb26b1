//! What can go wrong with a GPU.

/// Why the GPU cannot be used, or what it refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CudaError {
    /// No libcuda.
    #[error("no CUDA driver was found: install NVIDIA's driver, or take `--engine cpu`")]
    NoDriver,
    /// No libnvrtc.
    #[error(
        "no libnvrtc was found: install the Python package nvidia-cuda-nvrtc, or name its folder in BACKLIT_NVRTC_DIR"
    )]
    NoNvrtc,
    /// A source that does not compile.
    #[error("NVRTC could not compile {source_name} for {arch}: {log}")]
    Compile {
        /// File in `kernels/`.
        source_name: &'static str,
        /// `sm_90a`, ...
        arch: String,
        /// What NVRTC said.
        log: String,
    },
    /// A call that the driver refused.
    #[error("{what} failed: {reason}")]
    Driver {
        /// The operation.
        what: String,
        /// The driver's words.
        reason: String,
    },
    /// A shape that a kernel does not take.
    #[error("{op}: {problem}")]
    Shape {
        /// The op.
        op: &'static str,
        /// What was expected and what was found.
        problem: String,
    },
}

impl CudaError {
    pub(crate) fn driver(what: impl Into<String>) -> impl FnOnce(cudarc::driver::DriverError) -> CudaError {
        move |e| CudaError::Driver { what: what.into(), reason: e.to_string() }
    }
}
