//! From source to cubin.

use std::ffi::{CStr, CString};
use std::path::Path;

use cudarc::nvrtc::{result, sys};

use crate::CudaError;
use crate::kernels::{HEADERS, Source};

/// Compiles one source for an architecture such as `sm_90a`.
pub(crate) fn compile(source: &'static Source, arch: &str) -> Result<Vec<u8>, CudaError> {
    preload();
    // SAFETY: it only looks whether the library can be loaded.
    if !unsafe { sys::is_culib_present() } {
        return Err(CudaError::NoNvrtc);
    }
    let c = |s: &str| CString::new(s).unwrap_or_default();
    let (text, name) = (c(source.text), c(source.name));
    let headers: Vec<(CString, CString)> = HEADERS.iter().map(|(n, t)| (c(n), c(t))).collect();
    let names: Vec<_> = headers.iter().map(|h| h.0.as_ptr()).collect();
    let texts: Vec<_> = headers.iter().map(|h| h.1.as_ptr()).collect();
    let options =
        [format!("--gpu-architecture={arch}"), "--std=c++17".into(), "--fmad=false".into(), "-lineinfo".into()];
    let error = |log: String| CudaError::Compile { source_name: source.name, arch: arch.into(), log };
    let mut program = std::ptr::null_mut();
    // SAFETY: all strings live until the program is destroyed; sizes are asked for before buffers are filled.
    unsafe {
        sys::nvrtcCreateProgram(
            &mut program,
            text.as_ptr(),
            name.as_ptr(),
            names.len() as i32,
            texts.as_ptr(),
            names.as_ptr(),
        )
        .result()
        .map_err(|e| error(e.to_string()))?;
        let compiled = result::compile_program(program, &options);
        let log = result::get_program_log(program)
            .map(|l| CStr::from_ptr(l.as_ptr()).to_string_lossy().into_owned())
            .unwrap_or_default();
        let cubin = compiled.map_err(|e| error(format!("{e}\n{log}"))).and_then(|()| {
            let mut size = 0;
            sys::nvrtcGetCUBINSize(program, &mut size).result().map_err(|e| error(e.to_string()))?;
            let mut cubin = vec![0u8; size];
            sys::nvrtcGetCUBIN(program, cubin.as_mut_ptr().cast()).result().map_err(|e| error(e.to_string()))?;
            Ok(cubin)
        });
        let _ = sys::nvrtcDestroyProgram(&mut program);
        cubin
    }
}

/// Loads the libraries of `$BACKLIT_NVRTC_DIR`, so that later requests by name find them.
fn preload() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let Some(dir) = std::env::var_os("BACKLIT_NVRTC_DIR") else { return };
        let mut files: Vec<_> = std::fs::read_dir(Path::new(&dir)).into_iter().flatten().flatten().collect();
        files.retain(|f| f.file_name().to_string_lossy().starts_with("libnvrtc"));
        files.sort_by_key(|f| f.file_name());
        for file in files {
            // SAFETY: NVRTC's libraries have no initialisers that rely on anything.
            if let Ok(library) = unsafe { libloading::Library::new(file.path()) } {
                std::mem::forget(library);
            }
        }
    });
}
