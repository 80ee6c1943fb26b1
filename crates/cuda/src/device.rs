//! One GPU: what it is, its streams, its modules.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cudarc::driver::sys::CUdevice_attribute as Attribute;

use crate::compile::{self, Cache};
use crate::context::Context;
use crate::kernels::Source;
use crate::module::Module;
use crate::probe::{self, DeviceInfo};
use crate::{CudaError, Kernel, Stream};

/// Where compiled kernels are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cubins {
    /// In the user's cache folder, if there is one: see [`Cache::default_folder`].
    #[default]
    UserCache,
    /// In this folder.
    Folder(PathBuf),
    /// Nowhere: every process compiles for itself.
    Nowhere,
}

/// A GPU with the modules loaded so far. Everything made on it keeps what it needs of it alive.
pub struct Device {
    info: DeviceInfo,
    shared_limit: u32,
    context: Arc<Context>,
    copies: Stream,
    cache: Cache,
    modules: Mutex<HashMap<&'static str, Slot>>,
}

/// A source's module once it is loaded. Its own lock, so that sources compile side by side.
type Slot = Arc<Mutex<Option<Arc<Module>>>>;

impl Device {
    /// Opens a GPU by number.
    ///
    /// # Errors
    /// [`CudaError`]: no driver or an old one, no such device or an old one, one that others have to themselves, no
    /// memory left on it.
    pub fn open(ordinal: usize) -> Result<Arc<Device>, CudaError> {
        Device::open_with(ordinal, &Cubins::UserCache)
    }

    /// Opens a GPU by number, with compiled kernels kept somewhere else.
    ///
    /// # Errors
    /// Those of [`Device::open`].
    pub fn open_with(ordinal: usize, cubins: &Cubins) -> Result<Arc<Device>, CudaError> {
        let driver = probe::initialise()?;
        let handle = probe::handle(ordinal)?;
        let info = probe::info(ordinal, handle, driver)?;
        if !info.is_supported() {
            return Err(CudaError::OldDevice { ordinal, name: info.name, arch: info.arch });
        }
        // 2: nobody may make a context; 3: one process at a time may.
        if probe::attribute(handle, Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_MODE)? == 2 {
            return Err(CudaError::Unavailable { ordinal, reason: "its compute mode is `prohibited`".into() });
        }
        let shared_limit = probe::attribute(handle, Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)?;
        let context = Context::retain(ordinal, handle)?;
        let copies = Stream::new(&context)?;
        let cache = match cubins {
            Cubins::UserCache => Cache::from_env(),
            Cubins::Folder(folder) => Cache::at(folder),
            Cubins::Nowhere => Cache::none(),
        };
        Ok(Arc::new(Device { info, shared_limit, context, copies, cache, modules: Mutex::default() }))
    }

    /// How many GPUs this machine has.
    ///
    /// # Errors
    /// [`CudaError`]: no driver, or an old one. A driver without a GPU counts 0.
    pub fn count() -> Result<usize, CudaError> {
        match probe::initialise() {
            Ok(_) => probe::count(),
            Err(CudaError::NoDevice { .. }) => Ok(0),
            Err(other) => Err(other),
        }
    }

    /// What this machine has, supported or not.
    ///
    /// # Errors
    /// [`CudaError`]: no driver, or an old one.
    pub fn list() -> Result<Vec<DeviceInfo>, CudaError> {
        let count = Device::count()?;
        let driver = probe::driver_version()?;
        (0..count).map(|ordinal| probe::info(ordinal, probe::handle(ordinal)?, driver)).collect()
    }

    /// What it says about itself.
    pub fn info(&self) -> &DeviceInfo {
        &self.info
    }

    /// What kernels are compiled for, such as `sm_90a`.
    pub fn arch(&self) -> &str {
        &self.info.arch
    }

    /// The most dynamic shared memory that a block can have, in bytes.
    pub fn shared_limit(&self) -> u32 {
        self.shared_limit
    }

    /// The failure that took the device, if one did: every later operation is refused with [`CudaError::Lost`].
    pub fn lost(&self) -> Option<&str> {
        self.context.lost()
    }

    /// Bytes of memory free now and in all; zeros if the driver does not say.
    pub fn free_memory(&self) -> (u64, u64) {
        self.context.free_memory()
    }

    /// A stream of its own.
    ///
    /// # Errors
    /// [`CudaError::Driver`].
    pub fn stream(&self) -> Result<Stream, CudaError> {
        Stream::new(&self.context)
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The stream of blocking copies.
    pub(crate) fn copies(&self) -> &Stream {
        &self.copies
    }

    /// A kernel of a source, compiled and loaded if this is the first of it. Different sources compile side by side.
    ///
    /// # Errors
    /// [`CudaError`]: no NVRTC, a source that does not compile, a kernel that it does not have.
    pub fn kernel(&self, source: &'static Source, name: &'static str) -> Result<Kernel, CudaError> {
        let slot = lock(&self.modules).entry(source.name).or_default().clone();
        let mut loaded = lock(&slot);
        let module = match &*loaded {
            Some(module) => module.clone(),
            None => loaded.insert(self.load(source)?).clone(),
        };
        drop(loaded);
        Kernel::new(module, name, self.shared_limit)
    }

    /// Compiles sources side by side, so that kernels of them load at once later.
    ///
    /// # Errors
    /// Those of [`Device::kernel`].
    pub fn preload(&self, sources: &[&'static Source]) -> Result<(), CudaError> {
        use rayon::prelude::*;
        sources.par_iter().try_for_each(|source| {
            let slot = lock(&self.modules).entry(source.name).or_default().clone();
            let mut loaded = lock(&slot);
            if loaded.is_none() {
                *loaded = Some(self.load(source)?);
            }
            Ok(())
        })
    }

    /// The module of a source. A kept cubin that the driver does not take is made anew.
    fn load(&self, source: &'static Source) -> Result<Arc<Module>, CudaError> {
        self.context.check_lost(format_args!("loading {}", source.name))?;
        let found = compile::cubin(source, &self.info.arch, &self.cache)?;
        match Module::load(&self.context, source.name, &found.image) {
            Err(CudaError::Driver { .. }) if found.kept && self.context.lost().is_none() => {
                let image = compile::fresh(source, &self.info.arch, &self.cache)?;
                Module::load(&self.context, source.name, &image)
            }
            other => other,
        }
    }
}

/// A panic elsewhere leaves nothing half done here.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
