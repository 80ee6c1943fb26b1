//! What the tests and benches of the house share. Never published.
#![forbid(unsafe_code)]

pub mod random;
pub mod server;
pub mod synthetic;
