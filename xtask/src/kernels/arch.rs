//! The architectures that kernels are compiled for, and what a multiprocessor of each has.

/// One target of NVRTC.
///
/// The numbers are those of the table of technical specifications in the appendix on compute capabilities of the CUDA
/// C++ programming guide. All of these have 65,536 registers a multiprocessor, handed out to warps in units of 256.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arch {
    /// `sm_90a`, ...
    pub(crate) name: &'static str,
    /// 90, ...; orders them.
    pub(crate) number: u32,
    /// Shared memory of a multiprocessor in bytes.
    pub(crate) shared: u32,
    /// Threads that a multiprocessor holds.
    pub(crate) threads: u32,
    /// Blocks that a multiprocessor holds.
    pub(crate) blocks: u32,
}

/// Registers of a multiprocessor, and of a block at most.
pub(crate) const REGISTERS: u32 = 65_536;
/// Shared memory that the system keeps of every block, in bytes.
const RESERVED: u32 = 1024;

/// All targets, oldest first.
pub(crate) const ARCHS: [Arch; 6] = [
    Arch { name: "sm_80", number: 80, shared: 164 << 10, threads: 2048, blocks: 32 },
    Arch { name: "sm_86", number: 86, shared: 100 << 10, threads: 1536, blocks: 16 },
    Arch { name: "sm_89", number: 89, shared: 100 << 10, threads: 1536, blocks: 24 },
    Arch { name: "sm_90a", number: 90, shared: 228 << 10, threads: 2048, blocks: 32 },
    Arch { name: "sm_100", number: 100, shared: 228 << 10, threads: 2048, blocks: 32 },
    Arch { name: "sm_120", number: 120, shared: 100 << 10, threads: 1536, blocks: 24 },
];

impl Arch {
    /// Shared memory that one block may have, in bytes.
    pub(crate) fn shared_per_block(&self) -> u32 {
        self.shared - RESERVED
    }

    /// Blocks of `threads` threads that a multiprocessor holds at once.
    pub(crate) fn resident(&self, threads: u32, registers: u32, shared: u32) -> u32 {
        let warps = threads.div_ceil(32).max(1);
        let by_threads = self.threads / (32 * warps);
        // Each of the four schedulers has a quarter of the registers, and a warp lives with one of them.
        let a_warp = (registers.max(1) * 32).next_multiple_of(256);
        let by_registers = 4 * (REGISTERS / 4 / a_warp) / warps;
        let by_shared = self.shared / (shared + RESERVED).next_multiple_of(128);
        by_threads.min(by_registers).min(by_shared).min(self.blocks)
    }

    /// Share of the threads that a multiprocessor could hold, in percent.
    pub(crate) fn occupancy(&self, threads: u32, registers: u32, shared: u32) -> u32 {
        100 * self.resident(threads, registers, shared) * threads.next_multiple_of(32) / self.threads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> &'static Arch {
        ARCHS.iter().find(|a| a.name == name).expect("a known architecture")
    }

    #[test]
    fn what_is_scarce_decides() {
        let hopper = of("sm_90a");
        assert_eq!(hopper.resident(256, 16, 0), 8); // threads
        assert_eq!(hopper.resident(32, 16, 0), 32); // blocks
        assert_eq!(hopper.resident(256, 128, 0), 2); // registers
        assert_eq!(hopper.resident(256, 32, 64 << 10), 3); // shared memory
        assert_eq!(hopper.occupancy(256, 128, 0), 25);
        assert_eq!(of("sm_86").resident(128, 32, 48 << 10), 2);
        // 168 registers: 21 units a warp, 3 warps a scheduler, 12 in all.
        assert_eq!(hopper.resident(128, 168, 0), 3);
    }

    #[test]
    fn one_block_may_have_all_but_the_reserve() {
        let shared: Vec<u32> = ARCHS.iter().map(|a| a.shared_per_block() >> 10).collect();
        assert_eq!(shared, [163, 99, 99, 227, 227, 99]);
        assert!(ARCHS.iter().all(|a| a.resident(128, 32, a.shared_per_block()) == 1));
    }
}
