//! What there is to compute on. Nothing in here panics on a machine without a driver.

use std::ffi::CStr;

use cudarc::driver::sys::{self, CUdevice_attribute as Attribute, CUresult};

use crate::CudaError;
use crate::error::describe;

/// The least version of CUDA that a driver must support: that of the compiler whose cubins it has to load.
pub const NEEDED: (u32, u32) = (13, 0);

/// What a GPU says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Its number, as `--device` takes it.
    pub ordinal: usize,
    /// Its name.
    pub name: String,
    /// What kernels are compiled for, such as `sm_90a`.
    pub arch: String,
    /// Compute capability.
    pub capability: (u32, u32),
    /// Memory in bytes.
    pub memory: u64,
    /// Streaming multiprocessors.
    pub multiprocessors: u32,
    /// Version of CUDA that the driver supports: major, minor.
    pub driver: (u32, u32),
}

impl DeviceInfo {
    /// Whether the kernels run on it: sm_80 or newer.
    pub fn is_supported(&self) -> bool {
        self.capability >= (8, 0)
    }
}

/// Version of CUDA that the installed driver supports.
///
/// # Errors
/// [`CudaError::NoDriver`].
pub fn driver_version() -> Result<(u32, u32), CudaError> {
    // SAFETY: it only looks whether the library can be loaded.
    if !unsafe { sys::is_culib_present() } {
        return Err(CudaError::NoDriver);
    }
    let mut version = 0;
    // SAFETY: the library is there, this call exists in all versions and needs no initialisation.
    let code = unsafe { sys::cuDriverGetVersion(&mut version) };
    match code {
        CUresult::CUDA_SUCCESS => Ok((version as u32 / 1000, version as u32 % 1000 / 10)),
        other => Err(CudaError::Driver { what: "asking for the driver's version".into(), reason: describe(other) }),
    }
}

/// Loads and initialises the driver.
pub(crate) fn initialise() -> Result<(u32, u32), CudaError> {
    let found = driver_version()?;
    if found < NEEDED {
        return Err(CudaError::OldDriver { found, needed: NEEDED });
    }
    // SAFETY: the library is there; 0 is the only value for flags.
    let code = unsafe { sys::cuInit(0) };
    match code {
        CUresult::CUDA_SUCCESS => Ok(found),
        CUresult::CUDA_ERROR_NO_DEVICE => Err(CudaError::NoDevice { reason: describe(code) }),
        CUresult::CUDA_ERROR_STUB_LIBRARY => Err(CudaError::NoDriver),
        other => Err(CudaError::Driver { what: "initialising the CUDA driver".into(), reason: describe(other) }),
    }
}

/// How many GPUs there are; the driver must be initialised.
pub(crate) fn count() -> Result<usize, CudaError> {
    let mut count = 0;
    // SAFETY: the driver is initialised, and the result goes into a variable.
    check("counting the GPUs", unsafe { sys::cuDeviceGetCount(&mut count) })?;
    Ok(count.max(0) as usize)
}

/// The handle of a GPU; the driver must be initialised.
pub(crate) fn handle(ordinal: usize) -> Result<sys::CUdevice, CudaError> {
    let count = count()?;
    if count == 0 {
        return Err(CudaError::NoDevice { reason: "it counts none".into() });
    }
    if ordinal >= count {
        return Err(CudaError::NoSuchDevice { ordinal, count });
    }
    let mut device = 0;
    // SAFETY: there are more than `ordinal` devices.
    check("finding the GPU", unsafe { sys::cuDeviceGet(&mut device, ordinal as i32) })?;
    Ok(device)
}

/// Asks a device what it is.
pub(crate) fn info(ordinal: usize, device: sys::CUdevice, driver: (u32, u32)) -> Result<DeviceInfo, CudaError> {
    let mut name = [0; 256];
    // SAFETY: the device came from the driver; the name is cut to the room given, its zero included.
    check("asking for the GPU's name", unsafe {
        sys::cuDeviceGetName(name.as_mut_ptr(), name.len() as i32 - 1, device)
    })?;
    // SAFETY: the last byte is still zero.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned();
    let major = attribute(device, Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?;
    let minor = attribute(device, Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
    let multiprocessors = attribute(device, Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?;
    let capability = (major, minor);
    let arch = arch_of(capability);
    Ok(DeviceInfo { ordinal, name, arch, capability, memory: total_memory(device), multiprocessors, driver })
}

/// What to compile for: a cubin runs on its own architecture and later ones of the same major number; only sm_90a has
/// the matrix instructions of Hopper.
fn arch_of((major, minor): (u32, u32)) -> String {
    if (major, minor) == (9, 0) { "sm_90a".into() } else { format!("sm_{major}{minor}") }
}

/// Bytes in all; 0 if the driver does not say.
pub(crate) fn total_memory(device: sys::CUdevice) -> u64 {
    let mut bytes = 0;
    // SAFETY: the device came from the driver, and the result goes into a variable.
    let code = unsafe { sys::cuDeviceTotalMem_v2(&mut bytes, device) };
    if code == CUresult::CUDA_SUCCESS { bytes as u64 } else { 0 }
}

/// One number that describes a device.
pub(crate) fn attribute(device: sys::CUdevice, which: Attribute) -> Result<u32, CudaError> {
    let mut value = 0;
    // SAFETY: the device came from the driver, and the result goes into a variable.
    check("asking what the GPU has", unsafe { sys::cuDeviceGetAttribute(&mut value, which, device) })?;
    Ok(value.max(0) as u32)
}

fn check(what: &str, code: CUresult) -> Result<(), CudaError> {
    match code {
        CUresult::CUDA_SUCCESS => Ok(()),
        other => Err(CudaError::Driver { what: what.into(), reason: describe(other) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hopper_gets_its_own_instructions() {
        assert_eq!(arch_of((8, 0)), "sm_80");
        assert_eq!(arch_of((9, 0)), "sm_90a");
        assert_eq!(arch_of((12, 0)), "sm_120");
    }
}
