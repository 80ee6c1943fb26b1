//! NVIDIA's runtime compiler, loaded when it is needed.

use std::ffi::{CStr, CString, c_char, c_int};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libloading::Library;

use super::search::{self, Places};
use crate::CudaError;

/// The oldest major version whose cubins are what the kernels are tested with.
const NEEDED: u32 = 13;

type Program = *mut std::ffi::c_void;

/// A loaded libnvrtc. It stays loaded until the process ends: unloading compilers is asking for trouble.
pub struct Nvrtc {
    path: PathBuf,
    version: (u32, u32),
    create: unsafe extern "C" fn(
        *mut Program,
        *const c_char,
        *const c_char,
        c_int,
        *const *const c_char,
        *const *const c_char,
    ) -> c_int,
    compile: unsafe extern "C" fn(Program, c_int, *const *const c_char) -> c_int,
    log_size: unsafe extern "C" fn(Program, *mut usize) -> c_int,
    log: unsafe extern "C" fn(Program, *mut c_char) -> c_int,
    cubin_size: unsafe extern "C" fn(Program, *mut usize) -> c_int,
    cubin: unsafe extern "C" fn(Program, *mut c_char) -> c_int,
    destroy: unsafe extern "C" fn(*mut Program) -> c_int,
    error: unsafe extern "C" fn(c_int) -> *const c_char,
}

/// What NVRTC made of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// Machine code of the architecture.
    pub cubin: Vec<u8>,
    /// Warnings; with `--ptxas-options=-v` also registers, spills and shared memory of every kernel.
    pub log: String,
}

impl Nvrtc {
    /// The one of this process, looked for in [`Places::from_env`] at the first call.
    ///
    /// # Errors
    /// [`CudaError::NoNvrtc`], [`CudaError::OldNvrtc`].
    pub fn get() -> Result<&'static Nvrtc, CudaError> {
        static FOUND: OnceLock<Result<Nvrtc, CudaError>> = OnceLock::new();
        FOUND.get_or_init(|| search::search(&Places::from_env()).0).as_ref().map_err(Clone::clone)
    }

    /// The one in a folder.
    ///
    /// # Errors
    /// [`CudaError::NoNvrtc`] if there is none, [`CudaError::OldNvrtc`] if it cannot be used.
    pub fn in_folder(folder: &Path) -> Result<Nvrtc, CudaError> {
        let places = Places { only: Some(folder.into()), ..Places::default() };
        search::search(&places).0
    }

    /// Checks that a library is what is needed; it is refused with a reason, never with a panic.
    pub(super) fn of(library: Library, path: &Path) -> Result<Nvrtc, CudaError> {
        let refused = |problem: String| CudaError::OldNvrtc { path: path.display().to_string(), problem };
        macro_rules! symbol {
            ($name:literal) => {
                // SAFETY: the type is that of NVRTC's documentation, the same in all versions.
                match unsafe { library.get(concat!($name, "\0").as_bytes()) } {
                    Ok(symbol) => *symbol,
                    Err(_) => return Err(refused(concat!("it has no ", $name).into())),
                }
            };
        }
        let version: unsafe extern "C" fn(*mut c_int, *mut c_int) -> c_int = symbol!("nvrtcVersion");
        let (mut major, mut minor) = (0, 0);
        // SAFETY: the results go into variables.
        if unsafe { version(&mut major, &mut minor) } != 0 {
            return Err(refused("it does not tell its version".into()));
        }
        let version = (major.max(0) as u32, minor.max(0) as u32);
        if version.0 < NEEDED {
            return Err(refused(format!("it is version {major}.{minor}, and {NEEDED} is needed")));
        }
        let nvrtc = Nvrtc {
            path: path.into(),
            version,
            create: symbol!("nvrtcCreateProgram"),
            compile: symbol!("nvrtcCompileProgram"),
            log_size: symbol!("nvrtcGetProgramLogSize"),
            log: symbol!("nvrtcGetProgramLog"),
            cubin_size: symbol!("nvrtcGetCUBINSize"),
            cubin: symbol!("nvrtcGetCUBIN"),
            destroy: symbol!("nvrtcDestroyProgram"),
            error: symbol!("nvrtcGetErrorString"),
        };
        std::mem::forget(library);
        Ok(nvrtc)
    }

    /// Where it was found: a path, or the name by which the loader knows it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its version: major, minor.
    pub fn version(&self) -> (u32, u32) {
        self.version
    }

    /// Compiles `text` for an architecture such as `sm_90a`; `headers` are pairs of name and text.
    ///
    /// # Errors
    /// [`CudaError::Compile`] with the compiler's log.
    pub fn compile<S: AsRef<str>>(
        &self,
        name: &str,
        text: &str,
        headers: &[(S, S)],
        arch: &str,
        options: &[String],
    ) -> Result<Compiled, CudaError> {
        let error = |log: String| CudaError::Compile { source_name: name.into(), arch: arch.into(), log };
        let c = |s: &str| CString::new(s).map_err(|_| error("it contains a zero byte".into()));
        let all = |list: &mut dyn Iterator<Item = &str>| list.map(c).collect::<Result<Vec<_>, _>>();
        let (c_text, c_name) = (c(text)?, c(name)?);
        let header_names = all(&mut headers.iter().map(|h| h.0.as_ref()))?;
        let header_texts = all(&mut headers.iter().map(|h| h.1.as_ref()))?;
        let c_options = all(&mut options.iter().map(String::as_str))?;
        let pointers = |list: &[CString]| list.iter().map(|s| s.as_ptr()).collect::<Vec<_>>();
        let (names, texts, flags) = (pointers(&header_names), pointers(&header_texts), pointers(&c_options));
        let (text, name, count) = (c_text.as_ptr(), c_name.as_ptr(), names.len() as c_int);
        let mut program = Running { nvrtc: self, raw: std::ptr::null_mut() };
        // SAFETY: all strings live beyond the program, and end with zero.
        let made = unsafe { (self.create)(&mut program.raw, text, name, count, texts.as_ptr(), names.as_ptr()) };
        if made != 0 {
            return Err(error(self.describe(made)));
        }
        // SAFETY: the program was made, the options live.
        let code = unsafe { (self.compile)(program.raw, flags.len() as c_int, flags.as_ptr()) };
        let log = program.text();
        if code != 0 {
            return Err(error(format!("{}\n{log}", self.describe(code))));
        }
        let cubin = program.bytes(self.cubin_size, self.cubin).map_err(|code| error(self.describe(code)))?;
        if cubin.is_empty() {
            return Err(error("NVRTC made no machine code of it".into()));
        }
        Ok(Compiled { cubin, log })
    }

    fn describe(&self, code: c_int) -> String {
        // SAFETY: the call returns a string that is never freed, or nothing.
        let text = unsafe { (self.error)(code) };
        if text.is_null() {
            return format!("error {code}");
        }
        // SAFETY: as above.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
    }
}

/// A program of NVRTC's, destroyed at the end.
struct Running<'a> {
    nvrtc: &'a Nvrtc,
    raw: Program,
}

impl Running<'_> {
    fn text(&self) -> String {
        let mut log = self.bytes(self.nvrtc.log_size, self.nvrtc.log).unwrap_or_default();
        log.truncate(log.iter().position(|&byte| byte == 0).unwrap_or(log.len()));
        String::from_utf8_lossy(&log).trim_end().to_owned()
    }

    fn bytes(
        &self,
        size_of: unsafe extern "C" fn(Program, *mut usize) -> c_int,
        fill: unsafe extern "C" fn(Program, *mut c_char) -> c_int,
    ) -> Result<Vec<u8>, c_int> {
        let mut size = 0;
        // SAFETY: the program was made, and the result goes into a variable.
        let sized = unsafe { size_of(self.raw, &mut size) };
        if sized != 0 {
            return Err(sized);
        }
        let mut bytes = vec![0; size];
        if size > 0 {
            // SAFETY: as many bytes are there as it said that it writes.
            let filled = unsafe { fill(self.raw, bytes.as_mut_ptr().cast()) };
            if filled != 0 {
                return Err(filled);
            }
        }
        Ok(bytes)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // SAFETY: made once, destroyed once.
            unsafe { (self.nvrtc.destroy)(&mut self.raw) };
        }
    }
}
