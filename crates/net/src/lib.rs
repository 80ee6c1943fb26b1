//! ResNet-50 as data.
//!
//! Everything that the crates of the workspace agree on lives here, and nothing that computes a layer:
//!
//! - [`arch`]: the two variants of the network as one table of shapes, with work and traffic counted;
//! - [`engine`]: the [`Engine`] contract that every implementation meets, and the types it speaks in;
//! - [`relevance`]: the contract for layer-wise relevance propagation;
//! - [`weights`]: reading, verifying and folding weights files;
//! - [`files`]: files that appear whole or not at all;
//! - [`labels`]: the 1000 classes by index, WordNet id and name;
//! - [`photo`] and [`preprocess`]: from a file on disk to the numbers that the network expects;
//! - [`random`]: random numbers by address, the same on every engine.
//!
//! Layout everywhere is NHWC: image, row, column, channel, the last one contiguous.
#![forbid(unsafe_code)]

pub mod arch;
pub mod engine;
pub mod files;
pub mod labels;
pub mod names;
pub mod photo;
pub mod preprocess;
pub mod random;
pub mod relevance;
pub mod weights;

pub use arch::{Network, Variant};
pub use engine::{Engine, EngineError, Images, Rule, Seeds, Tap};

/// Rows and columns of the network's input.
pub const SIDE: usize = 224;
/// Colour channels of the network's input.
pub const CHANNELS: usize = 3;
/// Floats in one preprocessed image: 224 x 224 x 3.
pub const IMAGE_LEN: usize = SIDE * SIDE * CHANNELS;
/// Classes of the head.
pub const CLASSES: usize = 1000;
/// Channels of the last block, the features that the head averages.
pub const FEATURES: usize = 2048;
