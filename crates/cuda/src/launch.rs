//! Kernels and their launches.

use std::ffi::{CString, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytemuck::Pod;
use cudarc::driver::sys::{self, CUfunction_attribute as Attribute};

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
        Grid::linear(u32::try_from(items.div_ceil(256)).unwrap_or(u32::MAX), 256)
    }

    /// The first rule of the hardware that it breaks.
    fn problem(&self, max_threads: u32, shared_allowed: u32) -> Option<String> {
        let ([bx, by, bz], [tx, ty, tz]) = (self.blocks, self.threads);
        let threads = [tx, ty, tz].iter().map(|&t| u64::from(t)).product::<u64>();
        if self.blocks.contains(&0) || threads == 0 {
            Some(format!("a grid of {bx} x {by} x {bz} blocks of {tx} x {ty} x {tz} threads is empty"))
        } else if bx > i32::MAX as u32 || by > 65535 || bz > 65535 {
            Some(format!("{bx} x {by} x {bz} blocks, and at most 2147483647 x 65535 x 65535 can be launched"))
        } else if threads > u64::from(max_threads) || tz > 64 {
            Some(format!("{tx} x {ty} x {tz} threads in a block, and at most {max_threads} can run (64 in z)"))
        } else if self.shared > shared_allowed {
            Some(format!("{} bytes of shared memory, and {shared_allowed} were allowed", self.shared))
        } else {
            None
        }
    }
}

/// What a launch can have beyond its grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// Blocks in x, y, z that run together and reach each other's shared memory; sm_90 and newer.
    pub cluster: Option<[u32; 3]>,
    /// May start while the kernel before it on the stream still ends: it must wait itself before it reads that one's
    /// results; sm_90 and newer.
    pub overlap: bool,
}

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
    /// As [`Kernel::launch`]. With [`Extras::overlap`] the kernel must wait for the one before it where it depends on it.
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

/// The driver's form of the extras, and how many there are.
fn attributes(extras: Extras) -> ([sys::CUlaunchAttribute; 2], u32) {
    // SAFETY: plain numbers in a union; zero is a value of each of them (`CU_LAUNCH_ATTRIBUTE_IGNORE`).
    let mut list: [sys::CUlaunchAttribute; 2] = unsafe { std::mem::zeroed() };
    let mut count = 0;
    if let Some([x, y, z]) = extras.cluster {
        list[count].id = sys::CUlaunchAttributeID::CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
        list[count].value.clusterDim = sys::CUlaunchAttributeValue_union__bindgen_ty_1 { x, y, z };
        count += 1;
    }
    if extras.overlap {
        list[count].id = sys::CUlaunchAttributeID::CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
        list[count].value.programmaticStreamSerializationAllowed = 1;
        count += 1;
    }
    (list, count as u32)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_that_no_device_has_are_named() {
        let fine = Grid::linear(10, 256);
        assert_eq!(fine.problem(1024, 49152), None);
        let problem = |grid: Grid| grid.problem(1024, 49152).expect("it is refused");
        assert!(problem(Grid::over(0)).contains("empty"));
        assert!(problem(Grid::linear(1, 2048)).contains("at most 1024"));
        assert!(problem(Grid { blocks: [1, 65536, 1], ..fine }).contains("65535"));
        assert!(problem(Grid { threads: [1, 1, 65], ..fine }).contains("64 in z"));
        assert!(problem(Grid { shared: 49153, ..fine }).contains("49152 were allowed"));
        assert!(problem(Grid::over(usize::MAX)).contains("2147483647"));
    }
}
