//! SHA-256 as it is written.

use sha2::{Digest, Sha256};

/// Of bytes in memory, in lower-case hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    text(&Sha256::digest(bytes))
}

/// Whether `text` is written like a SHA-256.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn text(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
