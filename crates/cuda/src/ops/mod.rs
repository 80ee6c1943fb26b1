//! One typed launcher an op.

pub mod conv;
pub mod convert;
pub mod fill;
pub mod head;
pub mod map;
pub mod moments;
pub mod preprocess;
pub mod probe;
pub mod sample;
pub mod stem;
pub(crate) mod stored;
