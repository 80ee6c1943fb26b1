//! The fast GPU engine: every kernel written by hand in CUDA C++ (`kernels/`), compiled by NVRTC at first use.

pub mod arena;
pub mod buffer;
pub mod compile;
mod context;
pub mod device;
mod error;
pub mod graph;
pub mod kernels;
pub mod launch;
mod memory;
mod module;
pub mod ops;
mod pinned;
pub mod planes;
pub mod probe;
pub mod stream;
pub mod tensor_map;

pub use arena::{Arena, Layout};
pub use buffer::{Buffer, Pinned, Slice};
pub use device::{Cubins, Device};
pub use error::CudaError;
pub use graph::Graph;
pub use launch::{Extras, Grid, Kernel, Resources};
pub use pinned::Open;
pub use probe::DeviceInfo;
pub use stream::{Event, Stream};
pub use tensor_map::TensorMap;
