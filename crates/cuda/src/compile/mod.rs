//! From source to cubin: taken from a folder of ready ones or the user's cache, else compiled by NVRTC.

mod cache;
mod nvrtc;
mod search;

pub use cache::{Cache, Key, READY_VARIABLE};
pub use nvrtc::{Compiled, Nvrtc};
pub use search::{FOLDER_VARIABLE, Looked, NvrtcStatus, Places, nvrtc_status};

use crate::CudaError;
use crate::kernels::{HEADERS, Source};

/// What every source is compiled with, besides its architecture. Multiplications and additions are fused only where a
/// kernel says `fmaf`, as on the CPU.
pub const OPTIONS: [&str; 3] = ["--std=c++17", "--fmad=false", "-lineinfo"];

/// Machine code, and whether it was made earlier.
pub(crate) struct Found {
    pub(crate) image: Vec<u8>,
    pub(crate) kept: bool,
}

/// The key of a source for an architecture such as `sm_90a`: everything that decides what is compiled.
pub fn key(source: &Source, arch: &str) -> Key {
    Key::new(source.name, source.text, HEADERS, &options(arch))
}

/// The machine code of a source.
pub(crate) fn cubin(source: &'static Source, arch: &str, cache: &Cache) -> Result<Found, CudaError> {
    let key = key(source, arch);
    if let Some(image) = cache.ready(&key) {
        return Ok(Found { image, kept: true });
    }
    let nvrtc = Nvrtc::get();
    if let Some(image) = cache.find(&key, nvrtc.as_ref().ok().map(|found| found.version())) {
        return Ok(Found { image, kept: true });
    }
    // Other errors would only repeat what this one says.
    nvrtc?;
    Ok(Found { image: fresh(source, arch, cache)?, kept: false })
}

/// The machine code of a source, compiled now.
pub(crate) fn fresh(source: &'static Source, arch: &str, cache: &Cache) -> Result<Vec<u8>, CudaError> {
    let nvrtc = Nvrtc::get()?;
    let compiled = nvrtc.compile(source.name, source.text, HEADERS, arch, &options(arch))?;
    cache.store(&key(source, arch), nvrtc.version(), &compiled.cubin);
    Ok(compiled.cubin)
}

/// All options for an architecture.
pub fn options(arch: &str) -> Vec<String> {
    let architecture = format!("--gpu-architecture={arch}");
    std::iter::once(architecture).chain(OPTIONS.iter().map(|option| (*option).to_owned())).collect()
}
