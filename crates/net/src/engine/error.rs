//! What can be wrong with a question put to an engine.

use crate::{CLASSES, IMAGE_LEN};

/// A question that an engine cannot answer, with what it expected and what it got.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No image at all.
    #[error("the batch is empty: pass at least one image")]
    EmptyBatch,
    /// Not a whole number of images.
    #[error("{found} floats are no whole number of images: an image is 224 x 224 x 3 = {IMAGE_LEN} floats")]
    ImageLength {
        /// Floats passed.
        found: usize,
    },
    /// A NaN or an infinity among the pixels.
    #[error("image {image} holds {value} at row {row}, column {column}, channel {channel}: every pixel must be finite")]
    NonFinite {
        /// Image in the batch.
        image: usize,
        /// Row, 0 to 223.
        row: usize,
        /// Column, 0 to 223.
        column: usize,
        /// Channel in the network's order.
        channel: usize,
        /// The value found.
        value: f32,
    },
    /// More than the one image that the question is about.
    #[error("{found} images were passed where exactly one is expected")]
    OneImage {
        /// Images passed.
        found: usize,
    },
    /// No seed, or a number of floats that does not match the images.
    #[error("the seeds hold {found} floats, expected {images} x {per_image} x {CLASSES}, at least one seed an image")]
    SeedLength {
        /// Floats passed.
        found: usize,
        /// Images passed.
        images: usize,
        /// Seeds an image.
        per_image: usize,
    },
    /// A NaN or an infinity among the seeds.
    #[error("a seed for image {image} holds {value}: every cotangent must be finite")]
    NonFiniteSeed {
        /// Image in the batch.
        image: usize,
        /// The value found.
        value: f32,
    },
    /// The network overflowed: pixels or weights beyond all bounds.
    #[error("the logits of image {image} are not finite: its pixels, or the weights, are far too large")]
    NonFiniteLogits {
        /// Image in the batch.
        image: usize,
    },
    /// A tap that the network does not have.
    #[error("there is no block {index}: the network has blocks 0 (2a) to 15 (5c)")]
    NoSuchBlock {
        /// Index asked for.
        index: usize,
    },
    /// Not a whole number of a block's outputs, or none at all.
    #[error("{found} floats are no outputs of block {index}: one output is {side} x {side} x {channels} floats")]
    ActivationLength {
        /// Block.
        index: usize,
        /// Floats passed.
        found: usize,
        /// Rows and columns of the block's output.
        side: usize,
        /// Channels of the block's output.
        channels: usize,
    },
    /// A NaN or an infinity among activations.
    #[error("the activations hold {value}: every element must be finite")]
    NonFiniteActivation {
        /// The value found.
        value: f32,
    },
    /// A sampler that yields nothing, or a baseline of the wrong length.
    #[error("the sampler is unusable: {0}")]
    Sampler(String),
    /// A number that is to keep a divisor from zero, and cannot.
    #[error("the {what} of a relevance rule is {value}: expected a number such as 1e-6, finite and above zero")]
    Stabiliser {
        /// `epsilon` or `stabiliser`.
        what: &'static str,
        /// The value found.
        value: f64,
    },
    /// An engine that could hand relevance down, but was not told to get ready for it.
    #[error("this engine was loaded without relevance propagation: load it with it, or take the engine `reference`")]
    NoRelevance,
    /// A question that this engine has no answer to.
    #[error("this engine does not give {what}: take the engine `cpu` or `reference`")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
    },
    /// The caller asked a long computation to stop.
    #[error("stopped before it was done, as asked")]
    Stopped,
    /// The device that computes did not do what it was told.
    #[error("{reason}")]
    Device {
        /// What it was, and what to do.
        reason: String,
    },
    /// The answer would not fit in memory.
    #[error("{bytes} bytes for the answer could not be reserved: pass fewer images or seeds at a time")]
    OutOfMemory {
        /// Bytes asked for.
        bytes: usize,
    },
}
