//! Launches.

use std::ffi::c_void;

use bytemuck::Pod;
use cudarc::driver::{CudaFunction, sys};

use crate::{CudaError, Stream};

/// A kernel of the loaded modules. Every kernel takes one argument: its parameters, a structure passed by value.
#[derive(Clone)]
pub struct Kernel {
    function: CudaFunction,
    name: &'static str,
}

/// How many blocks of how many threads, with how many bytes of shared memory each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Blocks in x, y, z.
    pub blocks: [u32; 3],
    /// Threads of a block in x, y, z.
    pub threads: [u32; 3],
    /// Dynamic shared memory of a block in bytes.
    pub shared: u32,
}

impl Grid {
    /// `blocks` blocks of `threads` threads in a row, without shared memory.
    pub fn linear(blocks: u32, threads: u32) -> Grid {
        Grid { blocks: [blocks, 1, 1], threads: [threads, 1, 1], shared: 0 }
    }

    /// Enough blocks of 256 threads for `items` items, one each.
    pub fn over(items: usize) -> Grid {
        Grid::linear(items.div_ceil(256) as u32, 256)
    }
}

impl Kernel {
    pub(crate) fn new(function: CudaFunction, name: &'static str) -> Kernel {
        Kernel { function, name }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Lets blocks have up to `bytes` of dynamic shared memory; above 48 KiB that must be said before the launch.
    ///
    /// # Errors
    /// [`CudaError::Driver`] if the device has less.
    pub fn allow_shared(&self, bytes: u32) -> Result<(), CudaError> {
        let attribute = sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
        let set = self.function.set_attribute(attribute, bytes as i32);
        set.map_err(CudaError::driver(format!("reserving {bytes} bytes of shared memory for {}", self.name)))
    }

    /// Queues a launch.
    ///
    /// # Safety
    /// `params` must have the layout of the structure that the kernel takes, its addresses must belong to live device
    /// memory as large as the kernel will touch, until the launch is done.
    ///
    /// # Errors
    /// [`CudaError::Driver`] if the driver refuses it.
    pub unsafe fn launch<P: Pod>(&self, stream: &Stream, grid: Grid, params: &P) -> Result<(), CudaError> {
        let mut args = [std::ptr::from_ref(params).cast::<c_void>().cast_mut()];
        let ([gx, gy, gz], [bx, by, bz]) = (grid.blocks, grid.threads);
        // SAFETY: the caller vouches for the parameters; the driver copies them before it returns.
        let done = unsafe {
            sys::cuLaunchKernel(
                self.function.cu_function(),
                gx,
                gy,
                gz,
                bx,
                by,
                bz,
                grid.shared,
                stream.raw().cu_stream(),
                args.as_mut_ptr(),
                std::ptr::null_mut(),
            )
        };
        done.result().map_err(CudaError::driver(format!("launching {}", self.name)))
    }
}
