//! The architecture: ResNet-50 (He et al. 2015, arXiv:1512.03385, table 1) as a table of shapes.
//!
//! Two published variants differ in where a stage halves the resolution. **v1** (the paper, Keras) strides in the
//! first 1x1 convolution of a stage, **v1.5** (torchvision, timm) in the 3x3 that follows it.

mod conv;
mod network;

pub use conv::{Conv, Role};
pub use network::{BLOCKS, Block, CONVS, Dense, Network, Pool, PoolBorder, Variant};
