//! What launches did, counted.

use crate::install;

/// Counts of the last launch. Passes are passes over the 32 banks of shared memory.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Blocks run.
    pub blocks: u64,
    /// Switches from one thread to another.
    pub switches: u64,
    /// Barriers of blocks.
    pub barriers: u64,
    /// Collectives of warps.
    pub collectives: u64,
    /// mma.sync, each 16 x 8 x 16 (tf32: x 8).
    pub mma: u64,
    /// wgmma.
    pub wgmma: u64,
    /// Passes that ldmatrix took.
    pub ldmatrix_passes: u64,
    /// Passes that it would take without conflicts.
    pub ldmatrix_ideal: u64,
    /// Passes that cp.async of 16 bytes took.
    pub copy_passes: u64,
    /// Passes that they would take without conflicts.
    pub copy_ideal: u64,
}

/// Runs `f`, counting, and returns with its result what the last launch of this thread in it did.
pub fn count<R>(f: impl FnOnce() -> R) -> (R, Statistics) {
    // SAFETY: the symbols are ours and have these signatures.
    let (on, last) = unsafe {
        let on: libloading::Symbol<'_, unsafe extern "C" fn(i32)> =
            install().get(b"emu_count\0").expect("the library exports it");
        let last: libloading::Symbol<'_, unsafe extern "C" fn(*mut Statistics)> =
            install().get(b"emu_last_stats\0").expect("the library exports it");
        (on, last)
    };
    let mut statistics = Statistics::default();
    // SAFETY: it only stores a number.
    unsafe { on(1) };
    let result = f();
    // SAFETY: `Statistics` is laid out as the library's; the second call only stores a number.
    unsafe {
        last(&mut statistics);
        on(0);
    }
    (result, statistics)
}
