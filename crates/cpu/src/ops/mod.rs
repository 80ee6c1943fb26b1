//! One op per file, forward and backward side by side.

pub(crate) mod conv2d;
pub(crate) mod head;
pub mod max_pool;
pub(crate) mod stem;
pub(crate) mod winograd;
