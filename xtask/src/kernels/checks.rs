//! What must hold of every kernel on every architecture.

use super::arch::{Arch, REGISTERS};
use super::log::Usage;
use super::promises::{Promises, missing};
use super::sass::{Opcodes, count};
use super::spills::Allowed;

/// One kernel on one architecture.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Path below `kernels/`.
    pub(crate) file: String,
    /// Its name.
    pub(crate) kernel: String,
    /// Where.
    pub(crate) arch: &'static Arch,
    /// What it takes.
    pub(crate) usage: Usage,
    /// Threads a block, 0 if it has no launch bounds.
    pub(crate) threads: u32,
    /// Dynamic shared memory of a block in bytes, as promised.
    pub(crate) dynamic: u32,
    /// What it is made of.
    pub(crate) opcodes: Opcodes,
    /// Bytes of the file's cubin.
    pub(crate) cubin: usize,
}

impl Row {
    /// Shared memory of a block in bytes.
    pub(crate) fn shared(&self) -> u32 {
        self.usage.shared + self.dynamic
    }
}

/// Everything that is wrong with a kernel, one sentence each.
pub(crate) fn problems(row: &Row, promises: &Promises, allowed: &Allowed) -> Vec<String> {
    let mut problems = vec![];
    let mut say = |what: String| problems.push(format!("{} ({}) for {}: {what}", row.kernel, row.file, row.arch.name));
    let (spills, allowed) = (row.usage.spills, allowed.bytes(&row.kernel, row.arch.name));
    if spills > allowed {
        say(format!("spills {spills} bytes, {allowed} are allowed"));
    }
    if allowed == 0 {
        let local = count(&row.opcodes, "LDL") + count(&row.opcodes, "STL");
        if local > 0 || row.usage.stack > 0 {
            say(format!("{local} accesses to local memory, a stack of {} bytes", row.usage.stack));
        }
    }
    if row.opcodes.is_empty() {
        say("the disassembly has no such kernel".into());
    }
    for opcode in missing(promises, row) {
        say(format!("no {opcode}, which the file's head promises"));
    }
    if row.threads == 0 {
        say("no launch bounds: write `KERNEL __launch_bounds__(n)`".into());
    }
    if row.threads.next_multiple_of(32) * row.usage.registers.next_multiple_of(8) > REGISTERS {
        say(format!("{} threads of {} registers do not fit", row.threads, row.usage.registers));
    }
    if row.shared() > row.arch.shared_per_block() {
        say(format!("{} bytes of shared memory, a block may have {}", row.shared(), row.arch.shared_per_block()));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::arch::ARCHS;
    use super::*;

    fn row() -> Row {
        Row {
            file: "a.cu".into(),
            kernel: "k".into(),
            arch: &ARCHS[1],
            usage: Usage { registers: 64, stack: 0, spills: 0, shared: 0 },
            threads: 256,
            dynamic: 99 << 10,
            opcodes: Opcodes::from([("STG.E".into(), 1)]),
            cubin: 1000,
        }
    }

    fn found(change: impl FnOnce(&mut Row)) -> Vec<String> {
        let mut row = row();
        change(&mut row);
        let promises = Promises::of("a.cu", "// opcodes all: STG\n");
        let problems = problems(&row, &promises, &Allowed::default()).into_iter();
        problems.map(|p| p.trim_start_matches("k (a.cu) for sm_86: ").to_owned()).collect()
    }

    #[test]
    fn a_good_kernel_passes() {
        assert_eq!(found(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn everything_else_is_named() {
        assert_eq!(found(|r| r.usage.spills = 8), ["spills 8 bytes, 0 are allowed"]);
        assert_eq!(found(|r| r.usage.stack = 16), ["0 accesses to local memory, a stack of 16 bytes"]);
        let local = |r: &mut Row| *r.opcodes.entry("LDL.64".into()).or_default() = 3;
        assert_eq!(found(local), ["3 accesses to local memory, a stack of 0 bytes"]);
        let bare = |r: &mut Row| r.opcodes = Opcodes::from([("EXIT".into(), 1)]);
        assert_eq!(found(bare), ["no STG, which the file's head promises"]);
        assert_eq!(found(|r| r.threads = 0), ["no launch bounds: write `KERNEL __launch_bounds__(n)`"]);
        assert_eq!(found(|r| r.usage.registers = 255), Vec::<String>::new());
        assert_eq!(found(|r| r.threads = 1024), Vec::<String>::new());
        assert_eq!(found(|r| (r.threads, r.usage.registers) = (512, 129)), ["512 threads of 129 registers do not fit"]);
        assert_eq!(found(|r| r.usage.shared = 4), ["101380 bytes of shared memory, a block may have 101376"]);
    }
}
