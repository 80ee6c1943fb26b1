//! A loaded cubin.

use std::sync::Arc;

use cudarc::driver::sys;

use crate::CudaError;
use crate::context::Context;

/// Machine code on the device, unloaded when dropped.
pub(crate) struct Module {
    pub(crate) context: Arc<Context>,
    pub(crate) raw: sys::CUmodule,
}

// SAFETY: the driver's modules may be used from any thread.
unsafe impl Send for Module {}
// SAFETY: as above; nothing in it changes.
unsafe impl Sync for Module {}

impl Module {
    /// Loads an image; `name` says what it is if it is refused.
    pub(crate) fn load(context: &Arc<Context>, name: &str, image: &[u8]) -> Result<Arc<Module>, CudaError> {
        // The driver reads text up to a zero byte if the image is not a binary it knows.
        let image = [image, &[0]].concat();
        let mut raw = std::ptr::null_mut();
        context.run(format_args!("loading {name}"), || {
            // SAFETY: the image lives during the call, and ends with a zero byte.
            unsafe { sys::cuModuleLoadData(&mut raw, image.as_ptr().cast()) }
        })?;
        Ok(Arc::new(Module { context: context.clone(), raw }))
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        // SAFETY: loaded once, unloaded once; kernels hold an Arc of the module.
        self.context.release(|| unsafe { sys::cuModuleUnload(self.raw) });
    }
}
