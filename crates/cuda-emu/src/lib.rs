//! Runs CUDA kernels on the CPU for tests: stand-ins for `libcuda.so` and `libnvrtc.so.13`, and what tests can ask of
//! them.

pub mod check;
pub mod direct;
pub mod maps;
pub mod statistics;

use std::ffi::{CStr, c_char};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libloading::{Library, Symbol};

/// The folder with the stand-ins, for `LD_LIBRARY_PATH` and `BACKLIT_NVRTC_DIR` of a child process.
///
/// There, environment variables say what [`Settings`] and [`Gpu`] say here: `BACKLIT_EMU_CHECK` (1), `_SEED`, `_ASYNC`
/// (`lazy`, `eager`, `random`), `_THREADS`, `_LAZY` (1: [`lazy_streams`]), `_ARCH` (`sm_80`), `_MEMORY` (`2g`),
/// `_MODE`, `_DEVICES` (how many; 0 for none), `_DRIVER` (12040 for CUDA 12.4), `_NVRTC` (`12.9`), `_FAIL` (`K` or
/// `K:CODE`: the K-th call of the driver answers CODE).
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

/// A GPU to stand in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gpu {
    /// Compute capability.
    pub capability: (i32, i32),
    /// Memory in bytes; 0 for 16 GiB.
    pub memory: u64,
    /// Compute mode: 0, or 2 if nobody may use it, or 3 if somebody else does.
    pub mode: i32,
}

impl Default for Gpu {
    fn default() -> Gpu {
        Gpu { capability: (9, 0), memory: 0, mode: 0 }
    }
}

/// The environment variable that sends the tests to a GPU.
pub const HARDWARE_VARIABLE: &str = "BACKLIT_TEST_ON_GPU";

/// Whether [`HARDWARE_VARIABLE`] is set: then nothing here stands in for anything, and settings have no effect.
pub fn on_hardware() -> bool {
    std::env::var_os(HARDWARE_VARIABLE).is_some_and(|value| !value.is_empty())
}

/// Loads the stand-in driver into this process, so that whoever asks for `libcuda.so` finds it; returns its library.
///
/// On hardware nothing is loaded, and what is returned is the process itself.
pub fn install() -> &'static Library {
    &libraries().0
}

fn libraries() -> &'static (Library, Library) {
    static LIBRARIES: OnceLock<(Library, Library)> = OnceLock::new();
    let open = |name: &str| {
        if on_hardware() {
            return libloading::os::unix::Library::this().into();
        }
        let path = Path::new(env!("OUT_DIR")).join(name);
        // SAFETY: our own library, whose initialisers only fill a table.
        unsafe { Library::new(&path) }.unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    };
    LIBRARIES.get_or_init(|| (open("libcuda.so"), open("libnvrtc.so.13")))
}

/// A function of a stand-in.
///
/// # Safety
/// `F` must be its type.
unsafe fn symbol<F>(library: &'static Library, name: &str) -> Symbol<'static, F> {
    // SAFETY: the caller's promise.
    unsafe { library.get(name.as_bytes()) }.unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Does something when dropped, also while a panic unwinds.
struct Finally<F: Fn()>(F);

impl<F: Fn()> Drop for Finally<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Runs `f` with launches of this thread done as `settings` say; on hardware there is one way only.
pub fn with<R>(settings: Settings, f: impl FnOnce() -> R) -> R {
    if on_hardware() {
        return f();
    }
    // SAFETY: the symbols are ours and have these signatures.
    let (set, reset) = unsafe {
        (
            symbol::<unsafe extern "C" fn(u32, u64, u32, u32)>(install(), "emu_configure"),
            symbol::<unsafe extern "C" fn()>(install(), "emu_configure_default"),
        )
    };
    // SAFETY: they only store numbers.
    unsafe { set(u32::from(settings.checked), settings.seed, settings.timing as u32, settings.threads) };
    // SAFETY: as above.
    let _reset = Finally(|| unsafe { reset() });
    f()
}

/// Runs `f` with a GPU that only this thread sees: what is opened in there shares nothing with other tests.
pub fn with_gpu<R>(gpu: Gpu, f: impl FnOnce() -> R) -> R {
    with_gpus(&[gpu], f)
}

/// [`with_gpu`] with several of them, numbered from 0.
pub fn with_gpus<R>(gpus: &[Gpu], f: impl FnOnce() -> R) -> R {
    // SAFETY: the symbol is ours and has this signature.
    let add: Symbol<'_, unsafe extern "C" fn(i32, i32, u64, i32)> =
        unsafe { symbol(install(), "emu_configure_device") };
    // SAFETY: it only stores numbers.
    let _reset = Finally(|| unsafe { add(0, 0, 0, 0) });
    for gpu in gpus {
        // SAFETY: as above.
        unsafe { add(gpu.capability.0, gpu.capability.1, gpu.memory, gpu.mode) };
    }
    f()
}

/// Runs `f` with streams of this thread that do their work when somebody waits for it, not before: what reads too early
/// reads old data.
pub fn lazy_streams<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: the symbol is ours and has this signature.
    let set: Symbol<'_, unsafe extern "C" fn(i32)> = unsafe { symbol(install(), "emu_configure_lazy") };
    // SAFETY: it only stores a number.
    unsafe { set(1) };
    // SAFETY: as above.
    let _reset = Finally(|| unsafe { set(-1) });
    f()
}

/// Lets the `k`-th call of the driver by this thread from now answer `code` without being carried out (calls that give
/// something back are carried out all the same); 0 takes that back.
pub fn fail_call(k: u64, code: i32) {
    // SAFETY: the symbol is ours, has this signature, and only stores numbers.
    unsafe { symbol::<unsafe extern "C" fn(u64, i32)>(install(), "emu_fail_call")(k, code) }
}

/// Calls of the driver by this thread so far.
pub fn calls() -> u64 {
    // SAFETY: the symbol is ours, has this signature, and only reads a number.
    unsafe { symbol::<unsafe extern "C" fn() -> u64>(install(), "emu_calls")() }
}

/// Objects alive on the GPUs of this thread: allocations, streams, events, modules, graphs, and held contexts.
pub fn live() -> i64 {
    // SAFETY: the symbols are ours, have these signatures, and only read numbers.
    unsafe {
        let objects = symbol::<unsafe extern "C" fn(i32) -> i64>(install(), "emu_live")(-1);
        let contexts = symbol::<unsafe extern "C" fn() -> i32>(install(), "emu_retained")();
        objects + i64::from(contexts)
    }
}

/// What the last failed launch of this thread said, empty if none failed.
pub fn last_error() -> String {
    if on_hardware() {
        return String::new();
    }
    // SAFETY: the symbol is ours, has this signature, and returns a string that lives until the next launch.
    unsafe {
        let text = symbol::<unsafe extern "C" fn() -> *const c_char>(install(), "emu_last_error")();
        CStr::from_ptr(text).to_string_lossy().into_owned()
    }
}

/// Programs that the stand-in compiler compiled in this process so far.
pub fn compiled() -> u64 {
    // SAFETY: the symbol is ours, has this signature, and only reads a number.
    unsafe { symbol::<unsafe extern "C" fn() -> u64>(&libraries().1, "emu_nvrtc_compiled")() }
}

/// Runs `f` with a compiler whose images begin like the ELF files that real ones are, so that they are worth keeping.
pub fn compiling_elf<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: the symbol is ours and has this signature.
    let set: Symbol<'_, unsafe extern "C" fn(i32)> = unsafe { symbol(&libraries().1, "emu_nvrtc_as_elf") };
    // SAFETY: it only stores a number.
    unsafe { set(1) };
    // SAFETY: as above.
    let _reset = Finally(|| unsafe { set(0) });
    f()
}
