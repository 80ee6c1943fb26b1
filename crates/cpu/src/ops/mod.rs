//! One op per file, forward and backward side by side.

pub mod conv2d;
pub(crate) mod head;
pub mod max_pool;
pub mod stem;
mod strip;
