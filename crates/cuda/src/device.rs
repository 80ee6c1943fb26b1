//! One GPU: its context, its streams, its modules.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use cudarc::driver::{CudaContext, CudaModule, CudaStream};
use cudarc::nvrtc::Ptx;

use crate::kernels::Source;
use crate::{CudaError, Kernel, compile};

/// A GPU with the modules loaded so far.
pub struct Device {
    context: Arc<CudaContext>,
    default: Arc<CudaStream>,
    arch: String,
    modules: Mutex<HashMap<&'static str, Arc<CudaModule>>>,
}

/// Work in order; streams run beside each other.
#[derive(Clone)]
pub struct Stream(Arc<CudaStream>);

impl Stream {
    pub(crate) fn raw(&self) -> &Arc<CudaStream> {
        &self.0
    }

    /// Waits until all that was queued is done.
    ///
    /// # Errors
    /// [`CudaError::Driver`] with what went wrong on the way.
    pub fn synchronize(&self) -> Result<(), CudaError> {
        self.0.synchronize().map_err(CudaError::driver("waiting for the device"))
    }
}

impl Device {
    /// Opens a GPU by number.
    ///
    /// # Errors
    /// [`CudaError`]: no driver, no such device.
    pub fn open(ordinal: usize) -> Result<Arc<Device>, CudaError> {
        // SAFETY: it only looks whether the library can be loaded.
        if !unsafe { cudarc::driver::sys::is_culib_present() } {
            return Err(CudaError::NoDriver);
        }
        let context = CudaContext::new(ordinal).map_err(CudaError::driver(format!("opening GPU {ordinal}")))?;
        // SAFETY: order between streams is kept by explicit synchronisation, here and in the plans.
        unsafe { context.disable_event_tracking() };
        let (major, minor) = context.compute_capability().map_err(CudaError::driver("asking for the architecture"))?;
        let arch = if (major, minor) == (9, 0) { "sm_90a".into() } else { format!("sm_{major}{minor}") };
        let default = context.new_stream().map_err(CudaError::driver("making a stream"))?;
        Ok(Arc::new(Device { context, default, arch, modules: Mutex::default() }))
    }

    /// A stream of its own.
    ///
    /// # Errors
    /// [`CudaError::Driver`].
    pub fn stream(&self) -> Result<Stream, CudaError> {
        Ok(Stream(self.context.new_stream().map_err(CudaError::driver("making a stream"))?))
    }

    pub(crate) fn default_stream(&self) -> Arc<CudaStream> {
        self.default.clone()
    }

    /// A kernel of a source, compiled and loaded if this is the first of it.
    ///
    /// # Errors
    /// [`CudaError`]: no NVRTC, a source that does not compile, a kernel that it does not have.
    pub fn kernel(&self, source: &'static Source, name: &'static str) -> Result<Kernel, CudaError> {
        let mut modules = self.modules.lock().unwrap_or_else(|e| e.into_inner());
        let module = match modules.get(source.name) {
            Some(module) => module.clone(),
            None => {
                let cubin = compile::compile(source, &self.arch)?;
                let loaded = self.context.load_module(Ptx::from_binary(cubin));
                let module = loaded.map_err(CudaError::driver(format!("loading {}", source.name)))?;
                modules.insert(source.name, module.clone());
                module
            }
        };
        let function = module.load_function(name).map_err(CudaError::driver(format!("finding the kernel {name}")))?;
        Ok(Kernel::new(function, name))
    }
}
