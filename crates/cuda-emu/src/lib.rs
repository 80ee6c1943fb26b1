//! Runs CUDA kernels on the CPU for tests.

pub mod check;
pub mod direct;
pub mod maps;
pub mod statistics;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The folder with the stand-ins for `libcuda.so` and `libnvrtc.so.13`.
pub fn library_dir() -> PathBuf {
    PathBuf::from(env!("OUT_DIR"))
}

/// When asynchronous copies are carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Async {
    /// As late as the program allows.
    #[default]
    Lazy = 0,
    /// At once.
    Eager = 1,
    /// At a moment chosen by the seed.
    Random = 2,
}

/// How launches of the calling thread are run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// With the checker.
    pub checked: bool,
    /// Order of threads: 0 is fixed, anything else seeds a random order.
    pub seed: u64,
    /// Timing of asynchronous copies.
    pub timing: Async,
    /// OS threads; 0 for as many as there are.
    pub threads: u32,
}

/// Loads the stand-in driver into this process, so that whoever asks for `libcuda.so` finds it; returns its library.
pub fn install() -> &'static libloading::Library {
    static LIBRARY: OnceLock<(libloading::Library, libloading::Library)> = OnceLock::new();
    let open = |name: &str| {
        let path = Path::new(env!("OUT_DIR")).join(name);
        // SAFETY: our own library, whose initialisers only fill a table.
        unsafe { libloading::Library::new(&path) }.unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    };
    &LIBRARY.get_or_init(|| (open("libcuda.so"), open("libnvrtc.so.13"))).0
}

/// Runs `f` with launches of this thread done as `settings` say.
pub fn with<R>(settings: Settings, f: impl FnOnce() -> R) -> R {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            configure(Settings::default());
        }
    }
    configure(settings);
    let _reset = Reset;
    f()
}

fn configure(s: Settings) {
    // SAFETY: the symbol is ours and has this signature.
    unsafe {
        let f: libloading::Symbol<'_, unsafe extern "C" fn(u32, u64, u32, u32)> =
            install().get(b"emu_configure\0").expect("the library exports it");
        f(u32::from(s.checked), s.seed, s.timing as u32, s.threads);
    }
}

/// What the last failed launch of this thread said, empty if none failed.
pub fn last_error() -> String {
    // SAFETY: the symbol is ours, has this signature, and returns a string that lives until the next launch.
    unsafe {
        let f: libloading::Symbol<'_, unsafe extern "C" fn() -> *const std::ffi::c_char> =
            install().get(b"emu_last_error\0").expect("the library exports it");
        std::ffi::CStr::from_ptr(f()).to_string_lossy().into_owned()
    }
}
