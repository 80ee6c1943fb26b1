//! One typed launcher an op.

pub mod fill;
pub mod probe;
