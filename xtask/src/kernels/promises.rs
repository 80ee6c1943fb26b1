//! What the head of a `.cu` file promises about its machine code; `kernels/README.md` describes the lines.
//!
//! ```text
//! // opcodes sm_80+: HMMA.16816 LDGSTS LDSM
//! // opcodes conv_mma_* sm_80,sm_90a: LDG.E.128
//! // shared conv_mma_* all: 49152
//! ```

use super::arch::{ARCHS, Arch};
use super::checks::Row;
use super::sass;

/// The lines of one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Promises {
    file: String,
    opcodes: Vec<Line>,
    shared: Vec<Line>,
    /// Lines that say nothing, one sentence each.
    pub(crate) problems: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    kernel: String,
    archs: Vec<&'static str>,
    words: Vec<String>,
}

impl Promises {
    /// Reads the lines of a file's head, that is of the comment lines at its beginning.
    pub(crate) fn of(file: &str, text: &str) -> Promises {
        let mut promises = Promises { file: file.into(), ..Promises::default() };
        for line in text.lines().map_while(|l| l.strip_prefix("//")) {
            let line = line.trim();
            let (keyword, rest) = line.split_once(' ').unwrap_or((line, ""));
            if keyword != "opcodes" && keyword != "shared" {
                continue;
            }
            match Line::parse(rest) {
                Some(line) if keyword == "opcodes" => promises.opcodes.push(line),
                Some(line) if line.words.len() == 1 && line.words[0].parse::<u32>().is_ok() => {
                    promises.shared.push(line);
                }
                _ => promises.problems.push(format!("kernels/{file}: not understood: `{keyword} {rest}`")),
            }
        }
        if promises.opcodes.is_empty() {
            promises.problems.push(format!("kernels/{file}: its head has no line `// opcodes ARCHS: ...`"));
        }
        promises
    }

    /// Opcodes that a kernel must have on an architecture.
    pub(crate) fn opcodes<'a>(&'a self, kernel: &'a str, arch: &'a Arch) -> impl Iterator<Item = &'a str> {
        self.opcodes.iter().filter(move |l| l.meets(kernel, arch)).flat_map(|l| l.words.iter().map(String::as_str))
    }

    /// Dynamic shared memory of a block in bytes, 0 unless a line says more; the last line that fits counts.
    pub(crate) fn shared(&self, kernel: &str, arch: &Arch) -> u32 {
        let line = self.shared.iter().rev().find(|l| l.meets(kernel, arch));
        line.and_then(|l| l.words[0].parse().ok()).unwrap_or(0)
    }

    /// Lines that no kernel of any architecture meets.
    pub(crate) fn idle(&self, rows: &[Row]) -> Vec<String> {
        let met = |line: &Line| rows.iter().any(|r| r.file == self.file && line.meets(&r.kernel, r.arch));
        let idle = self.opcodes.iter().chain(&self.shared).filter(|l| !met(l));
        idle.map(|l| format!("kernels/{}: no kernel is called `{}`", self.file, l.kernel)).collect()
    }
}

impl Line {
    /// `[KERNEL] ARCHS: WORD ...`.
    fn parse(text: &str) -> Option<Line> {
        let (whom, words) = text.split_once(':')?;
        let (kernel, archs) = match whom.split_whitespace().collect::<Vec<_>>()[..] {
            [archs] => ("*", archs),
            [kernel, archs] => (kernel, archs),
            _ => return None,
        };
        let archs = archs.split(',').map(select).collect::<Option<Vec<_>>>()?.concat();
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        (!words.is_empty()).then(|| Line { kernel: kernel.into(), archs, words })
    }

    fn meets(&self, kernel: &str, arch: &Arch) -> bool {
        self.archs.contains(&arch.name) && fits(&self.kernel, kernel)
    }
}

/// `all`, `sm_90a`, or `sm_80+` for that one and all younger ones.
fn select(text: &str) -> Option<Vec<&'static str>> {
    let names = |keep: &dyn Fn(&Arch) -> bool| ARCHS.iter().filter(|a| keep(a)).map(|a| a.name).collect::<Vec<_>>();
    if text == "all" {
        return Some(names(&|_| true));
    }
    let (name, on) = text.strip_suffix('+').map_or((text, false), |name| (name, true));
    let first = ARCHS.iter().find(|a| a.name == name)?.number;
    Some(names(&|a| a.number == first || on && a.number > first))
}

/// Whether a name fits a pattern in which one `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail),
    }
}

/// Promised opcodes that a kernel does not have.
pub(crate) fn missing<'a>(promises: &'a Promises, row: &'a Row) -> Vec<&'a str> {
    promises.opcodes(&row.kernel, row.arch).filter(|p| sass::count(&row.opcodes, p) == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "\
// conv: a convolution.
//
// opcodes sm_80+: HMMA.16816 LDSM
// opcodes wide_* sm_90a,sm_100: LDG.E.128
// shared wide_* all: 49152
// shared wide_* sm_86: 32768
#include \"device.cuh\"
// opcodes all: NOT.HERE
";

    fn arch(name: &str) -> &'static Arch {
        ARCHS.iter().find(|a| a.name == name).expect("a known architecture")
    }

    #[test]
    fn by_kernel_and_architecture() {
        let promises = Promises::of("conv.cu", HEAD);
        assert_eq!(promises.problems, Vec::<String>::new());
        let of = |kernel, name| promises.opcodes(kernel, arch(name)).collect::<Vec<_>>();
        assert_eq!(of("narrow", "sm_120"), ["HMMA.16816", "LDSM"]);
        assert_eq!(of("wide_64", "sm_90a"), ["HMMA.16816", "LDSM", "LDG.E.128"]);
        assert_eq!(of("wide_64", "sm_89"), ["HMMA.16816", "LDSM"]);
        assert_eq!(promises.shared("wide_64", arch("sm_80")), 49152);
        assert_eq!(promises.shared("wide_64", arch("sm_86")), 32768);
        assert_eq!(promises.shared("narrow", arch("sm_86")), 0);
    }

    #[test]
    fn what_says_nothing_is_reported() {
        let problems = |head: &str| Promises::of("a.cu", head).problems;
        assert_eq!(problems("// just words\n"), ["kernels/a.cu: its head has no line `// opcodes ARCHS: ...`"]);
        for line in ["opcodes sm_70: HMMA", "opcodes all:", "opcodes HMMA", "shared all: many", "opcodes a b c: HMMA"] {
            let found = problems(&format!("// opcodes all: STG\n// {line}\n"));
            assert_eq!(found, [format!("kernels/a.cu: not understood: `{line}`")]);
        }
    }

    #[test]
    fn a_star_stands_for_anything() {
        assert!(fits("*", "x") && fits("a_*", "a_") && fits("a_*_b", "a_x_b") && fits("a", "a"));
        assert!(!fits("a_*", "b_") && !fits("a*a", "a") && !fits("a", "ab"));
    }
}
