//! What NVRTC and ptxas say about a compilation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one kernel takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Registers of a thread.
    pub(crate) registers: u32,
    /// Bytes of a thread's memory stack.
    pub(crate) stack: u32,
    /// Bytes of registers written to memory and read again.
    pub(crate) spills: u32,
    /// Bytes of shared memory declared in the source.
    pub(crate) shared: u32,
}

/// A log, read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Log {
    /// By kernel.
    pub(crate) kernels: BTreeMap<String, Usage>,
    /// Everything that is a warning, performance warnings included, a line each.
    pub(crate) warnings: Vec<String>,
}

/// Reads the log of a compilation with `--ptxas-options=-v`.
pub(crate) fn parse(text: &str) -> Log {
    let mut log = Log::default();
    let mut kernel = String::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("Remark:") {
            continue;
        }
        if line.contains("warning") || line.contains("Potential Performance Loss") || line.contains("(C7") {
            log.warnings.push(line.into());
        } else if let Some((_, rest)) = line.split_once("Compiling entry function '") {
            kernel = rest.split('\'').next().unwrap_or_default().into();
            log.kernels.insert(kernel.clone(), Usage::default());
        } else if let Some(usage) = log.kernels.get_mut(&kernel) {
            let number = |unit: &str| number_before(line, unit);
            if let Some(bytes) = number("bytes stack frame") {
                usage.stack = bytes;
                usage.spills = number("bytes spill stores").unwrap_or(0) + number("bytes spill loads").unwrap_or(0);
            }
            if let Some((_, rest)) = line.split_once("Used ") {
                usage.registers = number_before(rest, "registers").unwrap_or(0);
                usage.shared = number("bytes smem").unwrap_or(0);
            }
        }
    }
    log
}

/// The number that stands before `unit`: `512` in `used 1 barriers, 512 bytes smem` before `bytes smem`.
fn number_before(line: &str, unit: &str) -> Option<u32> {
    let (before, _) = line.split_once(unit)?;
    before.split_whitespace().next_back()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
a.cu(5): warning #177-D: variable \"unused\" was declared but never referenced
  KERNEL __launch_bounds__(256) fine(float* x) { int unused = 3; }
                                                     ^

Remark: The warnings can be suppressed with \"-diag-suppress <warning-number>\"

ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'fine' for 'sm_80'
ptxas info    : Function properties for fine
ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 10 registers, used 1 barriers, 512 bytes smem, 360 bytes cmem[0]
ptxas info    : Compile time = 3.524 ms
ptxas info    : Compiling entry function 'spilling' for 'sm_80'
ptxas info    : Function properties for spilling
ptxas         .     448 bytes stack frame, 964 bytes spill stores, 960 bytes spill loads
ptxas info    : Used 255 registers, used 0 barriers, 448 bytes cumulative stack size
ptxas info    : (C7518) Potential Performance Loss: wgmma.mma_async instructions are serialized due to ...
";

    #[test]
    fn registers_spills_and_shared_memory() {
        let log = parse(LOG);
        assert_eq!(log.kernels["fine"], Usage { registers: 10, stack: 0, spills: 0, shared: 512 });
        assert_eq!(log.kernels["spilling"], Usage { registers: 255, stack: 448, spills: 1924, shared: 0 });
        assert_eq!(log.kernels.len(), 2);
    }

    #[test]
    fn warnings_of_both_kinds_but_not_the_remark_below_them() {
        let warnings = parse(LOG).warnings;
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].starts_with("a.cu(5): warning #177-D"));
        assert!(warnings[1].contains("(C7518)"));
    }
}
