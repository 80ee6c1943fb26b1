//! Compiling without a device, for checks: any text for any architecture, with the compiler's log.

use std::ffi::{CStr, CString};
use std::path::Path;

use cudarc::nvrtc::{result, sys};

use crate::CudaError;

/// What NVRTC made of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// Machine code of the architecture.
    pub cubin: Vec<u8>,
    /// Warnings, and per kernel registers, spills and shared memory.
    pub log: String,
}

/// Loads NVRTC from a folder; later requests by name find it there.
///
/// # Errors
/// [`CudaError::NoNvrtc`] if it is not in there.
pub fn load_nvrtc(folder: &Path) -> Result<(), CudaError> {
    let mut files: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|f| f.path()).collect();
    files.retain(|f| {
        let name = f.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with("libnvrtc") && name.contains(".so") && !name.contains(".alt.")
    });
    // The builtins first: libnvrtc asks for them by bare name.
    files.sort();
    for file in &files {
        // SAFETY: NVRTC's libraries have no initialisers that rely on anything.
        let library = unsafe { libloading::Library::new(file) }.map_err(|_| CudaError::NoNvrtc)?;
        std::mem::forget(library);
    }
    // SAFETY: it only looks whether the library can be loaded.
    if files.is_empty() || !unsafe { sys::is_culib_present() } { Err(CudaError::NoNvrtc) } else { Ok(()) }
}

/// Compiles `text` for an architecture such as `sm_90a` with the options that the engine uses, and a report in the log.
///
/// `headers` are pairs of name and text.
///
/// # Errors
/// [`CudaError::NoNvrtc`], or [`CudaError::Driver`] with the log of what did not compile.
pub fn compile(name: &str, text: &str, headers: &[(String, String)], arch: &str) -> Result<Compiled, CudaError> {
    // SAFETY: it only looks whether the library can be loaded.
    if !unsafe { sys::is_culib_present() } {
        return Err(CudaError::NoNvrtc);
    }
    let error = |reason: String| CudaError::Driver { what: format!("compiling {name} for {arch}"), reason };
    let c = |s: &str| CString::new(s).map_err(|_| error("the source contains a zero byte".into()));
    let (c_text, c_name) = (c(text)?, c(name)?);
    let headers = headers.iter().map(|(n, t)| Ok((c(n)?, c(t)?))).collect::<Result<Vec<_>, CudaError>>()?;
    let names: Vec<_> = headers.iter().map(|h| h.0.as_ptr()).collect();
    let texts: Vec<_> = headers.iter().map(|h| h.1.as_ptr()).collect();
    let architecture = format!("--gpu-architecture={arch}");
    let options = [&architecture, "--std=c++17", "--fmad=false", "-lineinfo", "--ptxas-options=-v"];
    let mut program = std::ptr::null_mut();
    // SAFETY: all strings live until the program is destroyed; sizes are asked for before buffers are filled.
    unsafe {
        let (count, texts, names) = (headers.len() as i32, texts.as_ptr(), names.as_ptr());
        sys::nvrtcCreateProgram(&mut program, c_text.as_ptr(), c_name.as_ptr(), count, texts, names)
            .result()
            .map_err(|e| error(e.to_string()))?;
        let done = result::compile_program(program, &options);
        let log = result::get_program_log(program)
            .map(|l| CStr::from_ptr(l.as_ptr()).to_string_lossy().into_owned())
            .unwrap_or_default();
        let cubin = match done {
            Err(_) => Err(error(log.clone())),
            Ok(()) => {
                let mut size = 0;
                let sized = sys::nvrtcGetCUBINSize(program, &mut size).result();
                let mut cubin = vec![0u8; size];
                let got = sized.and_then(|()| sys::nvrtcGetCUBIN(program, cubin.as_mut_ptr().cast()).result());
                got.map(|()| cubin).map_err(|e| error(e.to_string()))
            }
        };
        let _ = sys::nvrtcDestroyProgram(&mut program);
        Ok(Compiled { cubin: cubin?, log })
    }
}
