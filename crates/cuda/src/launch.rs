//! Kernels and their launches.

use std::ffi::{CString, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytemuck::Pod;
use cudarc::driver::sys::{self, CUfunction_attribute as Attribute};

use crate::grid::attributes;
pub use crate::grid::{Extras, Grid};
use crate::module::Module;
use crate::{CudaError, Stream};

/// What every block may have without asking.
const SHARED_BY_DEFAULT: u32 = 48 * 1024;

/// A kernel of the loaded modules. Every kernel takes one argument: its parameters, a structure passed by value.
#[derive(Clone)]
pub struct Kernel(Arc<Loaded>);

struct Loaded {
    module: Arc<Module>,
    function: sys::CUfunction,
    name: &'static str,
    max_threads: u32,
    shared_limit: u32,
    shared_allowed: AtomicU32,
}

// SAFETY: functions live as long as their module, and the driver's may be used from any thread.
unsafe impl Send for Loaded {}
// SAFETY: as above; what changes is atomic.
unsafe impl Sync for Loaded {}

/// What a kernel takes of a multiprocessor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resources {
    /// Registers of a thread.
    pub registers: u32,
    /// Bytes of local memory of a thread: spilled registers and arrays.
    pub local: u32,
    /// Bytes of static shared memory of a block.
    pub shared: u32,
    /// Threads that a block can have.
    pub threads: u32,
}

impl Kernel {
    pub(crate) fn new(module: Arc<Module>, name: &'static str, shared_limit: u32) -> Result<Kernel, CudaError> {
        let spelled = CString::new(name)
            .map_err(|_| CudaError::Shape { op: "kernel", problem: "a name with a zero byte in it".into() })?;
        let mut function = std::ptr::null_mut();
        module.context.run(format_args!("finding the kernel {name}"), || {
            // SAFETY: the module is loaded, the name ends with zero, and the result goes into a variable.
            unsafe { sys::cuModuleGetFunction(&mut function, module.raw, spelled.as_ptr()) }
        })?;
        let shared_allowed = AtomicU32::new(SHARED_BY_DEFAULT.min(shared_limit));
        let mut loaded = Loaded { module, function, name, max_threads: 0, shared_limit, shared_allowed };
        loaded.max_threads = loaded.attribute(Attribute::CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK)?;
        Ok(Kernel(Arc::new(loaded)))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// What it takes of a multiprocessor.
    ///
    /// # Errors
    /// [`CudaError::Driver`].
    pub fn resources(&self) -> Result<Resources, CudaError> {
        Ok(Resources {
            registers: self.0.attribute(Attribute::CU_FUNC_ATTRIBUTE_NUM_REGS)?,
            local: self.0.attribute(Attribute::CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES)?,
            shared: self.0.attribute(Attribute::CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES)?,
            threads: self.0.max_threads,
        })
    }

    /// How many blocks of such a grid a multiprocessor runs at a time.
    ///
    /// # Errors
    /// [`CudaError::Driver`].
    pub fn blocks_per_multiprocessor(&self, grid: Grid) -> Result<u32, CudaError> {
        let threads = grid.threads.iter().product::<u32>() as i32;
        let mut blocks = 0;
        self.0.module.context.run(format_args!("asking for the occupancy of {}", self.0.name), || {
            // SAFETY: the function lives, and the result goes into a variable.
            unsafe {
                sys::cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
                    &mut blocks,
                    self.0.function,
                    threads,
                    grid.shared as usize,
                    0,
                )
            }
        })?;
        Ok(blocks.max(0) as u32)
    }

    /// Lets blocks have up to `bytes` of dynamic shared memory; above 48 KiB that must be said before the launch.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if the device has less.
    pub fn allow_shared(&self, bytes: u32) -> Result<(), CudaError> {
        if bytes > self.0.shared_limit {
            let problem = format!("{bytes} bytes of shared memory in a block, and the GPU has {}", self.0.shared_limit);
            return Err(CudaError::Shape { op: self.0.name, problem });
        }
        let attribute = Attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
        let what = format_args!("allowing {bytes} bytes of shared memory for {}", self.0.name).to_string();
        self.0.module.context.run(what, || {
            // SAFETY: the function lives.
            unsafe { sys::cuFuncSetAttribute(self.0.function, attribute, bytes as i32) }
        })?;
        self.0.shared_allowed.store(bytes.max(SHARED_BY_DEFAULT.min(self.0.shared_limit)), Ordering::Relaxed);
        Ok(())
    }

    /// Queues a launch.
    ///
    /// # Safety
    /// `params` must have the layout of the structure that the kernel takes, its addresses must belong to live device
    /// memory as large as the kernel will touch, until the launch is done; if a graph is being captured, as long as the
    /// graph can be launched.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if the hardware has no such grid, [`CudaError::Driver`] if the driver refuses it.
    pub unsafe fn launch<P: Pod>(&self, stream: &Stream, grid: Grid, params: &P) -> Result<(), CudaError> {
        // SAFETY: the caller's promise.
        unsafe { self.launch_with(stream, grid, Extras::default(), params) }
    }

    /// Queues a launch with more said about it.
    ///
    /// # Safety
    /// As [`Kernel::launch`]. With [`Extras::overlap`] the kernel must wait for the one before it where it depends on
    /// it.
    ///
    /// # Errors
    /// Those of [`Kernel::launch`].
    pub unsafe fn launch_with<P: Pod>(
        &self,
        stream: &Stream,
        grid: Grid,
        extras: Extras,
        params: &P,
    ) -> Result<(), CudaError> {
        if let Some(problem) = grid.problem(self.0.max_threads, self.0.shared_allowed.load(Ordering::Relaxed)) {
            return Err(CudaError::Shape { op: self.0.name, problem });
        }
        let (mut attributes, count) = attributes(extras);
        let config = sys::CUlaunchConfig {
            gridDimX: grid.blocks[0],
            gridDimY: grid.blocks[1],
            gridDimZ: grid.blocks[2],
            blockDimX: grid.threads[0],
            blockDimY: grid.threads[1],
            blockDimZ: grid.threads[2],
            sharedMemBytes: grid.shared,
            hStream: stream.raw(),
            attrs: attributes.as_mut_ptr(),
            numAttrs: count,
        };
        stream.hold(&self.0);
        let mut args = [std::ptr::from_ref(params).cast::<c_void>().cast_mut()];
        self.0.module.context.run(format_args!("launching {}", self.0.name), || {
            // SAFETY: the caller vouches for the parameters, which the driver copies before it returns; the function,
            // the stream and the attributes live.
            unsafe { sys::cuLaunchKernelEx(&config, self.0.function, args.as_mut_ptr(), std::ptr::null_mut()) }
        })
    }
}

impl Loaded {
    fn attribute(&self, which: Attribute) -> Result<u32, CudaError> {
        let mut value = 0;
        self.module.context.run(format_args!("asking what the kernel {} takes", self.name), || {
            // SAFETY: the function lives as long as its module, and the result goes into a variable.
            unsafe { sys::cuFuncGetAttribute(&mut value, which, self.function) }
        })?;
        Ok(value.max(0) as u32)
    }
}
