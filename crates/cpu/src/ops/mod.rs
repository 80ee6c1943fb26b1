//! One op per file, forward and backward side by side.

pub(crate) mod conv2d;
pub(crate) mod head;
pub mod max_pool;
pub(crate) mod stem;
pub(crate) mod winograd;

/// Channels summed in registers before they are added to the total.
///
/// Two levels of sums keep the rounding error of the longest layer (4608 terms) near that of a short one. The gates
/// of the network, and so its gradient, are only as good as these sums.
const DEPTH: usize = 256;
