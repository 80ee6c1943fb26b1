//! SHA-256 as it is written.

pub(super) use backlit_net::files::sha256;

/// Whether `text` is written like a SHA-256.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}
