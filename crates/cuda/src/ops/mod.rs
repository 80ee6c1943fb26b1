//! One typed launcher an op.

pub mod conv;
pub mod fill;
