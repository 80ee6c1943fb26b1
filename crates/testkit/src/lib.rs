//! What tests and benches share: comparison that cannot pass by accident, seeded data, synthetic weights.
//!
//! Unlike the libraries, this crate panics: that is how a test fails.
#![forbid(unsafe_code)]

pub mod compare;
pub mod differences;
pub mod golden;
pub mod random;
pub mod server;
pub mod small;
pub mod synthetic;
pub mod toy;
