//! What can go wrong with a GPU.

use cudarc::driver::{DriverError, sys};

/// Why the GPU cannot be used, or what it refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CudaError {
    /// No libcuda.
    #[error("no CUDA driver was found: install NVIDIA's driver, or take `--engine cpu`")]
    NoDriver,
    /// A driver that cannot load what today's NVRTC makes.
    #[error(
        "the CUDA driver supports CUDA {}.{}, and {}.{} is needed: update NVIDIA's driver, or take `--engine cpu`",
        found.0, found.1, needed.0, needed.1
    )]
    OldDriver {
        /// Version of CUDA that the driver supports: major, minor.
        found: (u32, u32),
        /// The least that will do.
        needed: (u32, u32),
    },
    /// A driver without a device.
    #[error("the CUDA driver found no GPU ({reason}): take `--engine cpu`")]
    NoDevice {
        /// The driver's words.
        reason: String,
    },
    /// A number beyond the last device.
    #[error("there is no GPU {ordinal}: this machine has {count}, counted from 0")]
    NoSuchDevice {
        /// Asked for.
        ordinal: usize,
        /// What is there.
        count: usize,
    },
    /// A device older than the kernels.
    #[error("GPU {ordinal}, {name}, is {arch}, and the kernels need sm_80 (Ampere) or newer: take `--engine cpu`")]
    OldDevice {
        /// Its number.
        ordinal: usize,
        /// Its name.
        name: String,
        /// Its architecture, such as `sm_75`.
        arch: String,
    },
    /// A device that someone else has, or that is closed to computing.
    #[error(
        "GPU {ordinal} cannot be used now ({reason}): wait for who uses it, choose another, or take `--engine cpu`"
    )]
    Unavailable {
        /// Its number.
        ordinal: usize,
        /// The driver's words.
        reason: String,
    },
    /// Not enough memory.
    #[error("{what}: out of GPU memory: {bytes} bytes asked for, {free} of {total} free: take a smaller batch")]
    OutOfMemory {
        /// The operation.
        what: String,
        /// Asked for; 0 if the driver needed memory of its own.
        bytes: u64,
        /// Free at that moment; 0 if the driver did not say.
        free: u64,
        /// All that the device has.
        total: u64,
    },
    /// An earlier failure took the device's state with it: nothing more can be computed in this process.
    #[error("{what}: GPU {ordinal} was lost to an earlier failure ({cause}): start the program again")]
    Lost {
        /// The operation that was refused.
        what: String,
        /// The device.
        ordinal: usize,
        /// The failure.
        cause: String,
    },
    /// No libnvrtc.
    #[error(
        "no libnvrtc 13 was found: `pip install nvidia-cuda-nvrtc`, or name its folder in BACKLIT_NVRTC_DIR; `backlit \
         doctor` says where was looked"
    )]
    NoNvrtc,
    /// Only a libnvrtc that cannot be used.
    #[error(
        "{path} cannot be used: {problem}: `pip install nvidia-cuda-nvrtc`, or name its folder in BACKLIT_NVRTC_DIR"
    )]
    OldNvrtc {
        /// The file.
        path: String,
        /// Which version it is, or what it lacks.
        problem: String,
    },
    /// A source that does not compile.
    #[error("NVRTC could not compile {source_name} for {arch}: {log}")]
    Compile {
        /// File in `kernels/`.
        source_name: String,
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
    /// Options that make no sense.
    #[error("{problem}")]
    Options {
        /// What was found and what to do.
        problem: String,
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

/// The driver's words for a code: a sentence and the name.
pub(crate) fn describe(code: sys::CUresult) -> String {
    // The string is the driver's; an unknown code has none.
    match DriverError(code).error_string() {
        Ok(text) => format!("{} ({code:?})", text.to_string_lossy()),
        Err(_) => format!("{code:?}"),
    }
}

/// Whether a code means that the context is gone: every later call in it will be refused.
pub(crate) fn is_fatal(code: sys::CUresult) -> bool {
    use sys::CUresult as C;
    matches!(
        code,
        C::CUDA_ERROR_DEINITIALIZED
            | C::CUDA_ERROR_ECC_UNCORRECTABLE
            | C::CUDA_ERROR_NVLINK_UNCORRECTABLE
            | C::CUDA_ERROR_ILLEGAL_ADDRESS
            | C::CUDA_ERROR_LAUNCH_TIMEOUT
            | C::CUDA_ERROR_CONTEXT_IS_DESTROYED
            | C::CUDA_ERROR_ASSERT
            | C::CUDA_ERROR_HARDWARE_STACK_ERROR
            | C::CUDA_ERROR_ILLEGAL_INSTRUCTION
            | C::CUDA_ERROR_MISALIGNED_ADDRESS
            | C::CUDA_ERROR_INVALID_ADDRESS_SPACE
            | C::CUDA_ERROR_INVALID_PC
            | C::CUDA_ERROR_LAUNCH_FAILED
            | C::CUDA_ERROR_EXTERNAL_DEVICE
            | C::CUDA_ERROR_UNKNOWN
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_numbers_and_the_way_out() {
        let old = CudaError::OldDriver { found: (12, 4), needed: (13, 0) };
        assert_eq!(
            old.to_string(),
            "the CUDA driver supports CUDA 12.4, and 13.0 is needed: update NVIDIA's driver, or take `--engine cpu`"
        );
        let full = CudaError::OutOfMemory { what: "reserving x".into(), bytes: 10, free: 4, total: 8 };
        assert!(full.to_string().contains("10 bytes asked for, 4 of 8 free"));
    }

    #[test]
    fn a_refusal_is_not_a_loss() {
        assert!(is_fatal(sys::CUresult::CUDA_ERROR_ILLEGAL_ADDRESS));
        assert!(!is_fatal(sys::CUresult::CUDA_ERROR_INVALID_VALUE));
        assert!(!is_fatal(sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY));
    }
}
