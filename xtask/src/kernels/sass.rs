//! Machine code as cuobjdump prints it.

use std::collections::BTreeMap;

/// Opcodes of one kernel with their modifiers, and how often each stands there.
pub(crate) type Opcodes = BTreeMap<String, u32>;

/// Reads `cuobjdump -sass`: kernels and their opcodes.
pub(crate) fn parse(text: &str) -> BTreeMap<String, Opcodes> {
    let mut functions: BTreeMap<String, Opcodes> = BTreeMap::new();
    let mut kernel = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("Function : ") {
            kernel = name.into();
            functions.entry(kernel.clone()).or_default();
        } else if let (Some(opcode), Some(opcodes)) = (opcode(line), functions.get_mut(&kernel)) {
            *opcodes.entry(opcode.into()).or_default() += 1;
        }
    }
    functions
}

/// The opcode of `/*0010*/ @!P0 LDG.E R0, desc[UR6][R4.64] ; /* 0x... */`.
fn opcode(line: &str) -> Option<&str> {
    let (address, rest) = line.strip_prefix("/*")?.split_once("*/")?;
    let rest = rest.trim_start();
    // The second line of an instruction holds its encoding alone.
    if address.trim().starts_with("0x") || rest.is_empty() {
        return None;
    }
    let words = rest.trim_start_matches('{').split_whitespace();
    words.map(|w| w.trim_end_matches(';')).find(|w| !w.starts_with('@') && !w.is_empty())
}

/// Whether an opcode is of the kind that `pattern` names: `HMMA.16816` is any `HMMA` with that as its first modifier.
pub(crate) fn is(opcode: &str, pattern: &str) -> bool {
    opcode.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// How often opcodes of a kind stand there.
pub(crate) fn count(opcodes: &Opcodes, pattern: &str) -> u32 {
    opcodes.iter().filter(|(opcode, _)| is(opcode, pattern)).map(|(_, n)| n).sum()
}

/// Reads `cuobjdump -elf`: threads a block as the kernels' launch bounds have them.
pub(crate) fn threads(text: &str) -> BTreeMap<String, u32> {
    let mut threads = BTreeMap::new();
    let (mut kernel, mut bound) = (None, false);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix(".nv.info.") {
            kernel = Some(name);
        } else if line.starts_with(".section") || line.starts_with(".text") {
            kernel = None;
        } else if let Some(attribute) = line.strip_prefix("Attribute:") {
            bound = attribute.trim() == "EIATTR_MAX_THREADS";
        } else if let (true, Some(kernel), Some(value)) = (bound, kernel, line.strip_prefix("Value:")) {
            let number = |w: &str| u32::from_str_radix(w.trim_start_matches("0x"), 16).unwrap_or(1);
            threads.insert(kernel.to_owned(), value.split_whitespace().map(number).product());
            bound = false;
        }
    }
    threads
}

#[cfg(test)]
mod tests {
    use super::*;

    const SASS: &str = "
\tcode for sm_90a
\t\tFunction : fine
\t.headerflags\t@\"EF_CUDA_ACCELERATORS EF_CUDA_SM90\"
        /*0000*/                   LDC R1, c[0x0][0x28] ;                    /* 0x00000a00ff017b82 */
                                                                             /* 0x000fe20000000800 */
        /*0070*/              @!P0 LDG.E.128 R0, desc[UR6][R4.64] ;          /* 0x0000000604007981 */
                                                                             /* 0x000ea2000c1e1900 */
        /*00e0*/                   HMMA.16816.F32.BF16 R4, R8, R12, R4 ;     /* 0x0000000000007b1d */
        /*00f0*/                   HMMA.16816.F32 R4, R8, R12, R4 ;          /* 0x0000000000007b1d */
        /*0120*/                   BRA 0x120;                                /* 0xfffffffc00fc7947 */
        /*0130*/                   NOP;                                      /* 0x0000000000007918 */
\t\tFunction : other
        /*0000*/                   EXIT ;                                    /* 0x000000000000794d */
";

    #[test]
    fn opcodes_by_kernel_without_predicates_and_encodings() {
        let functions = parse(SASS);
        let names: Vec<_> = functions["fine"].keys().map(String::as_str).collect();
        assert_eq!(names, ["BRA", "HMMA.16816.F32", "HMMA.16816.F32.BF16", "LDC", "LDG.E.128", "NOP"]);
        assert_eq!(functions["other"], Opcodes::from([("EXIT".into(), 1)]));
    }

    #[test]
    fn a_kind_is_an_opcode_with_its_first_modifiers() {
        let fine = &parse(SASS)["fine"];
        assert_eq!(count(fine, "HMMA.16816"), 2);
        assert_eq!(count(fine, "HMMA"), 2);
        assert_eq!(count(fine, "HMMA.16816.F32.BF16"), 1);
        assert_eq!(count(fine, "LD"), 0);
        assert_eq!(count(fine, "LDG.E.1"), 0);
    }

    #[test]
    fn launch_bounds() {
        let elf = "
.nv.info.fine
\t<0x1>
\tAttribute:\tEIATTR_CUDA_API_VERSION
\tFormat:\tEIFMT_SVAL
\tValue:\t0x82
\t<0x2>
\tAttribute:\tEIATTR_MAX_THREADS
\tFormat:\tEIFMT_SVAL
\tValue:\t0x80 0x2 0x1
.nv.info.free
\t<0x1>
\tAttribute:\tEIATTR_CUDA_API_VERSION
\tValue:\t0x82
";
        assert_eq!(threads(elf), BTreeMap::from([("fine".to_owned(), 256)]));
    }
}
