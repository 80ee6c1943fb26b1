//! What can be wrong with a weights file.

use std::io;

/// A weights file that cannot be used: which one, and why.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {problem}")]
pub struct WeightsError {
    /// The file, or whatever the bytes came from.
    pub origin: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// Why weights cannot be used, with what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[source] io::Error),
    /// The file cannot be written.
    #[error("cannot be written: {0}")]
    Write(#[source] io::Error),
    /// Larger than any ResNet-50.
    #[error("holds {bytes} bytes, far more than a ResNet-50 (102 MB in float32)")]
    TooLarge {
        /// Length of the file.
        bytes: u64,
    },
    /// Cut short, or not this format at all.
    #[error("is truncated or no safetensors file ({0}): fetch or copy it again")]
    Format(String),
    /// A tfjs model that cannot be converted.
    #[error("is no tfjs model with plain float32 weights: {0}")]
    Tfjs(String),
    /// No naming that is understood here.
    #[error(
        "holds no ResNet-50 under a known naming: expected `conv1/kernel` or `conv1_conv/kernel` (Keras) \
         or `conv1.weight` (torchvision, timm) among the tensors"
    )]
    UnknownNames,
    /// A tensor of the table is not there.
    #[error("tensor `{name}` is missing")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A tensor that ResNet-50 does not have.
    #[error("tensor `{name}` is not part of a plain ResNet-50: these weights belong to another network")]
    Unexpected {
        /// Its name.
        name: String,
    },
    /// Two tensors that mean the same.
    #[error("two tensors are called `{name}`")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A tensor of another shape.
    #[error("tensor `{name}` has shape {found:?}, expected {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// The shape that the table asks for.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor of a type that is not read here.
    #[error("tensor `{name}` is of type {found}, expected F32 (or F64, F16, BF16)")]
    Type {
        /// Its name.
        name: String,
        /// The type in the file.
        found: String,
    },
    /// A NaN or an infinity.
    #[error("tensor `{name}` holds {value} at element {index}: every weight must be a finite float32")]
    NonFinite {
        /// Its name.
        name: String,
        /// Element, counted through the tensor as stored.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// A variance below zero, whose root does not exist.
    #[error("tensor `{name}` holds {value} at element {index}: a variance cannot be negative")]
    NegativeVariance {
        /// Its name.
        name: String,
        /// Channel.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// A metadata entry that makes no sense.
    #[error("metadata `{key}` is `{found}`, expected {expected}")]
    Metadata {
        /// The entry.
        key: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
}
