//! One allocation on the device.

use std::sync::Arc;

use cudarc::driver::sys;

use crate::context::Context;
use crate::{CudaError, Device, Stream};

/// Device memory, freed when the last handle of it is gone. The driver waits for the work that uses it before it frees.
pub(crate) struct Memory {
    context: Arc<Context>,
    copies: Stream,
    address: u64,
    bytes: usize,
}

impl Memory {
    /// Reserves memory without writing it.
    pub(crate) fn new(device: &Device, bytes: usize) -> Result<Arc<Memory>, CudaError> {
        let context = device.context();
        let what = format_args!("reserving {bytes} bytes").to_string();
        let mut address = 0;
        let reserved = context.run(&what, || {
            // SAFETY: the context is current, and the result goes into a variable. Nothing of 0 bytes can be reserved.
            unsafe { sys::cuMemAlloc_v2(&mut address, bytes.max(1)) }
        });
        match reserved {
            Ok(()) => {
                Ok(Arc::new(Memory { context: context.clone(), copies: device.copies().clone(), address, bytes }))
            }
            Err(CudaError::OutOfMemory { what, free, total, .. }) => {
                Err(CudaError::OutOfMemory { what, bytes: bytes as u64, free, total })
            }
            Err(other) => Err(other),
        }
    }

    pub(crate) fn address(&self) -> u64 {
        self.address
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The stream of blocking copies.
    pub(crate) fn copies(&self) -> &Stream {
        &self.copies
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: reserved once, freed once.
        self.context.release(|| unsafe { sys::cuMemFree_v2(self.address) });
    }
}
