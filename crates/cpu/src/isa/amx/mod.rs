//! AMX: eight registers of sixteen rows of 64 bytes, and one instruction that multiplies two of them.
//!
//! Intel processors since Sapphire Rapids (2023). Besides the processor, the system has to agree: the tiles are eight
//! kilobytes of state for every thread, and Linux saves them only for processes that asked (`arch_prctl` with
//! `ARCH_REQ_XCOMP_PERM`; Linux, Documentation/arch/x86/xstate.rst). [`Amx::new`] asks once and remembers the answer.
//!
//! Rust has no stable intrinsics for tiles, so every instruction is an `asm!` of its own in [`AmxTiles`], behind
//! [`Tiles`](crate::tiles::Tiles), whose other implementation is a model in plain Rust that everything else is tested
//! with.

mod tiles;

use std::arch::asm;
use std::sync::OnceLock;

pub(crate) use tiles::AmxTiles;

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
