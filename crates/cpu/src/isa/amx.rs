//! AMX: eight registers of sixteen rows of 64 bytes, and one instruction that multiplies two of them.
//!
//! Intel processors since Sapphire Rapids (2023). Besides the processor, the system has to agree: the tiles are eight
//! kilobytes of state for every thread, and Linux saves them only for processes that asked (`arch_prctl` with
//! `ARCH_REQ_XCOMP_PERM`; Linux, Documentation/arch/x86/xstate.rst). [`Amx::new`] asks once and remembers the answer.
//!
//! Rust has no stable intrinsics for tiles, so every instruction is an `asm!` of its own in [`AmxTiles`], behind
//! [`Tiles`], whose other implementation is a model in plain Rust that everything else is tested with.

use std::arch::asm;
use std::cell::Cell;
use std::sync::OnceLock;

use crate::tiles::{Line, TILE_ROWS, Tiles};

/// Proof that the processor has AMX-TILE and AMX-BF16, and that the system lets this process use them.
#[derive(Clone, Copy, Debug)]
pub struct Amx(());

/// Why there is no [`Amx`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoAmx {
    /// CPUID does not list it.
    #[error("this processor has no AMX with bfloat16 (Intel since Sapphire Rapids)")]
    NotThere,
    /// The processor has it, and the system does not save tiles when it switches threads.
    #[error("AMX: there, but not switched on by the system (XCR0 lacks the tile state): Linux 5.16 or newer does it")]
    NotEnabled,
    /// The system was asked for permission and said no.
    #[error("AMX: there, permission refused by the system (errno {errno})")]
    Refused {
        /// What `arch_prctl` returned.
        errno: i32,
    },
    /// Nobody knows how to ask.
    #[error("AMX: there, but only on Linux is it known how to ask for permission")]
    UnknownSystem,
}

impl Amx {
    /// Asks the processor, and the system for permission. Both are asked once in the life of a process.
    ///
    /// # Errors
    /// [`NoAmx`], the same every time.
    pub fn new() -> Result<Amx, NoAmx> {
        static ANSWER: OnceLock<Result<(), NoAmx>> = OnceLock::new();
        ANSWER.get_or_init(ask).map(|()| Amx(()))
    }

    /// Sets up the tiles of this thread, with `rows` rows in those that hold pixels or sums.
    ///
    /// # Panics
    /// If `rows` is not from 1 to 16, or this thread has tiles set up already.
    #[inline]
    pub(crate) fn tiles(self, rows: usize) -> AmxTiles {
        AmxTiles::set_up(rows)
    }
}

/// CPUID and XCR0, then the system.
fn ask() -> Result<(), NoAmx> {
    // CPUID leaf 1, ECX bit 27: XGETBV may be executed. Leaf 7, EDX bits 22 and 24: AMX-BF16 and AMX-TILE.
    let (most, _, _, _) = cpuid(0);
    let os_saves = cpuid(1).2 >> 27 & 1 == 1;
    let features = if most >= 7 { cpuid(7).3 } else { 0 };
    if features >> 22 & 1 == 0 || features >> 24 & 1 == 0 {
        return Err(NoAmx::NotThere);
    }
    // XCR0 bits 17 and 18: configuration and data of the tiles.
    if !os_saves || xcr0() >> 17 & 3 != 3 {
        return Err(NoAmx::NotEnabled);
    }
    permission()
}

/// EAX, EBX, ECX and EDX of a leaf, sub-leaf 0.
#[allow(unsafe_code)]
fn cpuid(leaf: u32) -> (u32, u32, u32, u32) {
    let (a, b, c, d);
    // SAFETY: every x86-64 processor has CPUID; it writes the four registers named here and nothing else. RBX belongs
    // to LLVM, which does not let it be named, so it is kept in another register meanwhile.
    unsafe {
        asm!(
            "mov {kept:r}, rbx", "cpuid", "xchg {kept:r}, rbx",
            kept = out(reg) b, inout("eax") leaf => a, inout("ecx") 0u32 => c, out("edx") d,
            options(nomem, nostack, preserves_flags),
        );
    }
    // The upper half of the register holds what was kept.
    let b: u64 = b;
    (a, b as u32, c, d)
}

/// Which states the system saves; to be called only where CPUID lists OSXSAVE.
#[allow(unsafe_code)]
fn xcr0() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: `ask`, the only caller, has seen OSXSAVE, which makes XGETBV an instruction that user code may execute;
    // register 0 always exists.
    unsafe {
        asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags));
    }
    u64::from(high) << 32 | u64::from(low)
}

/// Asks Linux for the tile data, which is state component 18.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn permission() -> Result<(), NoAmx> {
    const ARCH_PRCTL: isize = 158;
    const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
    const XTILEDATA: usize = 18;
    let result: isize;
    // SAFETY: number 158 is arch_prctl on every x86-64 Linux. With this code it takes a number, not a pointer, and
    // only widens what the process may do. A system call overwrites RAX, RCX and R11.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => result, in("rdi") ARCH_REQ_XCOMP_PERM, in("rsi") XTILEDATA,
            lateout("rcx") _, lateout("r11") _, options(nostack),
        );
    }
    if result == 0 { Ok(()) } else { Err(NoAmx::Refused { errno: -result as i32 }) }
}

#[cfg(not(target_os = "linux"))]
fn permission() -> Result<(), NoAmx> {
    Err(NoAmx::UnknownSystem)
}

/// The tiles of this thread, set up; released when dropped.
///
/// Registers 0 to 3 hold sums, 4 and 5 pixels, 6 and 7 weights, as [`Tiles`] wants.
pub(crate) struct AmxTiles {
    rows: usize,
    /// Tiles belong to a thread, so this must not be sent to another.
    _here: std::marker::PhantomData<*const ()>,
}

thread_local! {
    /// Whether an [`AmxTiles`] lives on this thread: a second would change the number of rows that the first checks
    /// its slices against.
    static IN_USE: Cell<bool> = const { Cell::new(false) };
}

/// What LDTILECFG reads (Intel SDM volume 1, chapter 18): palette 1, then bytes a row and rows of each tile.
#[repr(C, align(64))]
struct Config {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// Bytes from a row of a tile to the next, in memory.
const STRIDE: usize = 64;

impl AmxTiles {
    #[allow(unsafe_code)]
    fn set_up(rows: usize) -> AmxTiles {
        assert!((1..=TILE_ROWS).contains(&rows), "a tile has 1 to 16 rows, not {rows}");
        assert!(!IN_USE.replace(true), "this thread has tiles set up already");
        let mut config = Config { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
        for tile in 0..8 {
            config.row_bytes[tile] = STRIDE as u16;
            config.rows[tile] = if tile < 6 { rows } else { TILE_ROWS } as u8;
        }
        // SAFETY: called by `Amx::tiles` alone, whose token proves that the instruction exists and that tiles may be
        // used. It reads the 64 bytes of `config`, a valid palette 1, and clears all eight tiles, which no other code
        // of this process uses.
        unsafe {
            asm!(
                "ldtilecfg [{config}]", config = in(reg) &config, options(nostack, preserves_flags, readonly),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            );
        }
        AmxTiles { rows, _here: std::marker::PhantomData }
    }
}

impl Drop for AmxTiles {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: an `AmxTiles` exists only after `set_up` on this same thread (it is not `Send`), so the instruction
        // exists. It marks all tiles as unused, which spares the system saving them.
        unsafe {
            asm!(
                "tilerelease", options(nomem, nostack, preserves_flags),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            );
        }
        IN_USE.set(false);
    }
}

/// One load; the register is part of the instruction, so there is one `asm!` for each.
macro_rules! load {
    ($tile:tt, $from:expr) => {
        asm!(
            concat!("tileloadd ", $tile, ", [{from} + {stride}]"),
            from = in(reg) $from, stride = in(reg) STRIDE, out($tile) _,
            options(nostack, preserves_flags, readonly),
        )
    };
}

macro_rules! store {
    ($tile:tt, $to:expr) => {
        asm!(
            concat!("tilestored [{to} + {stride}], ", $tile),
            to = in(reg) $to, stride = in(reg) STRIDE, options(nostack, preserves_flags),
        )
    };
}

macro_rules! zero {
    ($tile:tt) => {
        asm!(concat!("tilezero ", $tile), out($tile) _, options(nomem, nostack, preserves_flags))
    };
}

macro_rules! multiply {
    ($sums:tt, $pixels:tt, $weights:tt) => {
        asm!(
            concat!("tdpbf16ps ", $sums, ", ", $pixels, ", ", $weights),
            out($sums) _, options(nomem, nostack, preserves_flags),
        )
    };
}

impl Tiles for AmxTiles {
    #[inline(always)]
    #[allow(unsafe_code)]
    fn zero_sums(&mut self) {
        // SAFETY: `self` exists, so tiles are set up on this thread; only tile registers are written.
        unsafe {
            zero!("tmm0");
            zero!("tmm1");
            zero!("tmm2");
            zero!("tmm3");
        }
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn load_pixels<const M: usize>(&mut self, from: &[Line]) {
        assert!(from.len() >= self.rows);
        let from = from.as_ptr();
        // SAFETY: tiles are set up on this thread, 4 and 5 with `rows` rows of 64 bytes, and `from` holds as many lines
        // of 64 bytes, one behind the other.
        unsafe {
            match M {
                0 => load!("tmm4", from),
                _ => load!("tmm5", from),
            }
        }
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn load_weights<const N: usize>(&mut self, from: &[Line; TILE_ROWS]) {
        let from = from.as_ptr();
        // SAFETY: tiles are set up on this thread, 6 and 7 with 16 rows of 64 bytes, which is what `from` holds.
        unsafe {
            match N {
                0 => load!("tmm6", from),
                _ => load!("tmm7", from),
            }
        }
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn multiply(&mut self) {
        // SAFETY: tiles are set up on this thread with shapes that fit each other (rows x 16 pairs, 16 pairs x 16, rows
        // x 16); only tile registers are read and written.
        unsafe {
            multiply!("tmm0", "tmm4", "tmm6");
            multiply!("tmm1", "tmm4", "tmm7");
            multiply!("tmm2", "tmm5", "tmm6");
            multiply!("tmm3", "tmm5", "tmm7");
        }
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn store_sums(&mut self, to: &mut [[[[f32; 16]; TILE_ROWS]; 2]; 2]) {
        let [[a, b], [c, d]] = to;
        // SAFETY: tiles are set up on this thread, 0 to 3 with at most 16 rows of 64 bytes, and each of the four arrays
        // has room for 16 such rows.
        unsafe {
            store!("tmm0", a.as_mut_ptr());
            store!("tmm1", b.as_mut_ptr());
            store!("tmm2", c.as_mut_ptr());
            store!("tmm3", d.as_mut_ptr());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_always_the_same_and_says_why() {
        let answer = Amx::new().map(|_| ());
        assert_eq!(answer, Amx::new().map(|_| ()));
        if let Err(why) = answer {
            println!("SKIPPED: {why}");
            assert!(why.to_string().contains("AMX"));
        }
    }

    #[test]
    fn this_processor_is_known_by_name() {
        let (most, b, c, d) = cpuid(0);
        let name: Vec<u8> = [b, d, c].into_iter().flat_map(u32::to_le_bytes).collect();
        assert!(most >= 1 && name.iter().all(u8::is_ascii_graphic), "{name:?}");
    }
}
