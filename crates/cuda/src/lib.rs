//! The fast GPU engine: every kernel written by hand in CUDA C++ (`kernels/`), compiled by NVRTC at first use.

pub mod buffer;
mod compile;
pub mod device;
mod error;
pub mod kernels;
pub mod launch;
pub mod offline;
pub mod ops;

pub use buffer::{Buffer, Pinned};
pub use device::{Device, Stream};
pub use error::CudaError;
pub use launch::{Grid, Kernel};
