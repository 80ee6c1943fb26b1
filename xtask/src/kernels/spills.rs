//! `kernels/allowed-spills.toml`: kernels that may keep registers in memory.

use std::path::Path;

use serde::Deserialize;

/// The list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allowed {
    #[serde(default)]
    spill: Vec<Spill>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spill {
    kernel: String,
    arch: String,
    bytes: u32,
    #[serde(rename = "reason")]
    _reason: String,
}

impl Allowed {
    /// Reads it.
    pub(crate) fn read(path: &Path) -> Result<Allowed, String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Allowed::parse(&text).map_err(|e| format!("{}: {e}", path.display()))
    }

    fn parse(text: &str) -> Result<Allowed, String> {
        toml::from_str(text).map_err(|e| e.to_string().replace('\n', " "))
    }

    /// Bytes that a kernel may write and read again.
    pub(crate) fn bytes(&self, kernel: &str, arch: &str) -> u32 {
        self.spill.iter().find(|s| s.kernel == kernel && s.arch == arch).map_or(0, |s| s.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_and_only_with_a_reason() {
        let text = "[[spill]]\nkernel = \"k\"\narch = \"sm_80\"\nbytes = 16\nreason = \"cold path\"\n";
        let allowed = Allowed::parse(text).expect("a good list");
        assert_eq!((allowed.bytes("k", "sm_80"), allowed.bytes("k", "sm_86"), allowed.bytes("l", "sm_80")), (16, 0, 0));
        assert_eq!(Allowed::parse("").expect("an empty list").bytes("k", "sm_80"), 0);
        assert!(Allowed::parse("[[spill]]\nkernel = \"k\"\narch = \"sm_80\"\nbytes = 16\n").is_err());
    }
}
