//! One typed launcher an op.

pub mod fill;
