//! The driver's context of one GPU: every call goes through it, and it remembers when the GPU was lost.

use std::fmt::Display;
use std::sync::{Arc, OnceLock};

use cudarc::driver::sys::{self, CUresult};

use crate::CudaError;
use crate::error::{describe, is_fatal};

/// A device's primary context, held until dropped. Memory, streams, modules, events and graphs keep it alive.
pub(crate) struct Context {
    ordinal: usize,
    device: sys::CUdevice,
    raw: sys::CUcontext,
    lost: OnceLock<String>,
}

// SAFETY: the driver's contexts may be used from any thread; it is bound before every call.
unsafe impl Send for Context {}
// SAFETY: as above; the only state of its own is a OnceLock.
unsafe impl Sync for Context {}

impl Context {
    /// Takes hold of the primary context. The driver must be initialised and have this device.
    pub(crate) fn retain(ordinal: usize, device: sys::CUdevice) -> Result<Arc<Context>, CudaError> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: the device came from the driver, and the result goes into a variable.
        let code = unsafe { sys::cuDevicePrimaryCtxRetain(&mut raw, device) };
        match code {
            CUresult::CUDA_SUCCESS => Ok(Arc::new(Context { ordinal, device, raw, lost: OnceLock::new() })),
            CUresult::CUDA_ERROR_OUT_OF_MEMORY => Err(CudaError::OutOfMemory {
                what: format!("opening GPU {ordinal}"),
                bytes: 0,
                free: 0,
                total: crate::probe::total_memory(device),
            }),
            CUresult::CUDA_ERROR_DEVICE_UNAVAILABLE
            | CUresult::CUDA_ERROR_INVALID_DEVICE
            | CUresult::CUDA_ERROR_CONTEXT_ALREADY_IN_USE
            | CUresult::CUDA_ERROR_MPS_MAX_CLIENTS_REACHED
            | CUresult::CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED => {
                Err(CudaError::Unavailable { ordinal, reason: describe(code) })
            }
            other => Err(CudaError::Driver { what: format!("opening GPU {ordinal}"), reason: describe(other) }),
        }
    }

    /// The failure that took the device, if one did.
    pub(crate) fn lost(&self) -> Option<&str> {
        self.lost.get().map(String::as_str)
    }

    /// Makes this context current and does `call`; `what` names the operation if it is refused.
    pub(crate) fn run(&self, what: impl Display, call: impl FnOnce() -> CUresult) -> Result<(), CudaError> {
        self.check_lost(&what)?;
        // SAFETY: the context is held by `self`.
        let bound = unsafe { sys::cuCtxSetCurrent(self.raw) };
        let code = if bound == CUresult::CUDA_SUCCESS { call() } else { bound };
        self.check(what, code)
    }

    /// The same for what has to be tried whatever happened before it, such as the end of a capture.
    pub(crate) fn finish(&self, what: impl Display, call: impl FnOnce() -> CUresult) -> Result<(), CudaError> {
        // SAFETY: the context is held by `self`.
        let bound = unsafe { sys::cuCtxSetCurrent(self.raw) };
        let code = call();
        self.check_lost(&what)?;
        self.check(what, if bound == CUresult::CUDA_SUCCESS { code } else { bound })
    }

    /// An error if the device was lost.
    pub(crate) fn check_lost(&self, what: impl Display) -> Result<(), CudaError> {
        match self.lost() {
            None => Ok(()),
            Some(cause) => {
                Err(CudaError::Lost { what: what.to_string(), ordinal: self.ordinal, cause: cause.to_owned() })
            }
        }
    }

    /// Turns a code into a result, and remembers a loss.
    fn check(&self, what: impl Display, code: CUresult) -> Result<(), CudaError> {
        match code {
            CUresult::CUDA_SUCCESS => Ok(()),
            CUresult::CUDA_ERROR_OUT_OF_MEMORY => {
                let (free, total) = self.free_memory();
                Err(CudaError::OutOfMemory { what: what.to_string(), bytes: 0, free, total })
            }
            other => {
                let error = CudaError::Driver { what: what.to_string(), reason: describe(other) };
                if is_fatal(other) {
                    let _ = self.lost.set(error.to_string());
                }
                Err(error)
            }
        }
    }

    /// Gives something back while a value is dropped: done even if the device is lost, and never an error.
    pub(crate) fn release(&self, call: impl FnOnce() -> CUresult) {
        // SAFETY: the context is held by `self`.
        let _ = unsafe { sys::cuCtxSetCurrent(self.raw) };
        let code = call();
        if is_fatal(code) {
            let _ = self.lost.set(format!("an operation that nobody waited for failed: {}", describe(code)));
        }
    }

    /// Bytes free and bytes in all; zeros if the driver does not say.
    pub(crate) fn free_memory(&self) -> (u64, u64) {
        let (mut free, mut total) = (0, 0);
        // SAFETY: the context is held by `self`, and the results go into variables.
        let code = unsafe {
            match sys::cuCtxSetCurrent(self.raw) {
                CUresult::CUDA_SUCCESS => sys::cuMemGetInfo_v2(&mut free, &mut total),
                other => other,
            }
        };
        if code == CUresult::CUDA_SUCCESS { (free as u64, total as u64) } else { (0, 0) }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: retained once, released once; whatever lived in it held an Arc of it.
        let _ = unsafe { sys::cuDevicePrimaryCtxRelease_v2(self.device) };
    }
}
