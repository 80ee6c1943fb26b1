//! One op per file: forward, and gradient with respect to the input. All work on a single image, `[row, column,
//! channel]`, and check the lengths they are given. The rules of relevance propagation have a folder.

mod conv2d;
mod dense;
mod global_average;
mod max_pool;
mod relevance;
mod relu;
mod residual;

pub use conv2d::{Conv2d, conv2d_dgrad, conv2d_fwd};
pub use dense::{dense_dgrad, dense_fwd};
pub use global_average::{global_average_dgrad, global_average_fwd};
pub use max_pool::{BORDER, MaxPool, max_pool_dgrad, max_pool_fwd};
pub use relevance::{lrp_average, lrp_epsilon, lrp_flat, lrp_sum, lrp_z_plus};
pub use relu::{relu_dgrad, relu_fwd};
pub use residual::{residual_dgrad, residual_fwd};
