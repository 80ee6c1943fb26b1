//! What the checker knows besides errors: bank conflicts by source line; and what it can be told of buffers.

use std::ffi::{CStr, CString, c_char, c_void};

use crate::install;

/// How the accesses of one source line met the 32 banks of shared memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankUse {
    /// `folder/file.cu:line`.
    pub place: String,
    /// Instructions, counted a warp.
    pub instructions: u64,
    /// Passes over the banks that they took.
    pub wavefronts: u64,
    /// Passes that accesses of their width take at least.
    pub least: u64,
}

impl BankUse {
    /// Passes taken for each that was needed: 1 is free of conflicts.
    pub fn ratio(&self) -> f64 {
        self.wavefronts as f64 / self.least.max(1) as f64
    }
}

/// Shared memory accesses of this thread's last checked launch, by source line.
pub fn bank_use() -> Vec<BankUse> {
    // SAFETY: the symbol is ours, has this signature, and returns a string that lives until the next call.
    let text = unsafe {
        let report: libloading::Symbol<'_, unsafe extern "C" fn() -> *const c_char> =
            install().get(b"emu_bank_report\0").expect("the library exports it");
        CStr::from_ptr(report()).to_string_lossy().into_owned()
    };
    text.lines().filter_map(parse).collect()
}

/// The lines of [`bank_use`] that took more than `ratio` passes for each that was needed.
pub fn bank_conflicts(ratio: f64) -> Vec<BankUse> {
    bank_use().into_iter().filter(|u| u.ratio() > ratio).collect()
}

fn parse(line: &str) -> Option<BankUse> {
    let mut fields = line.split('\t');
    let place = fields.next()?.to_owned();
    let mut number = || fields.next()?.parse().ok();
    Some(BankUse { place, instructions: number()?, wavefronts: number()?, least: number()? })
}

/// Gives a part of device memory a name for messages, such as one tensor of an arena, until another part that overlaps
/// it gets one.
pub fn name(address: u64, bytes: usize, name: &str) {
    let name = CString::new(name.replace('\0', "")).expect("no zero byte is left");
    // SAFETY: the symbol is ours and has this signature; it copies the name and does not look at the memory.
    unsafe {
        let f: libloading::Symbol<'_, unsafe extern "C" fn(*mut c_void, usize, *const c_char)> =
            install().get(b"emu_name\0").expect("the library exports it");
        f(address as *mut c_void, bytes, name.as_ptr());
    }
}

/// Declares a range of device memory unwritten: it is filled with 0xff, and checked launches may not read it before they
/// write it. For arenas, whose memory is used again for another tensor.
///
/// # Safety
/// The range is memory of the stand-in device, and no launch that uses it is under way.
pub unsafe fn poison(address: u64, bytes: usize) {
    // SAFETY: the symbol is ours and has this signature; the caller vouches for the range.
    unsafe {
        let f: libloading::Symbol<'_, unsafe extern "C" fn(*mut c_void, usize)> =
            install().get(b"emu_poison\0").expect("the library exports it");
        f(address as *mut c_void, bytes);
    }
}
