//! The contract between those who compute (engines) and those who ask (saliency, the command).
//!
//! One [`Engine`] holds one network with its weights and answers questions about preprocessed images. Whatever
//! the batch, the number of threads or the order of the images, the answer for an image is the same, byte for byte.

mod ask;
mod conv_gradients;
mod error;
mod head;
mod moments;
mod outputs;
mod quadrature;
pub mod question;
mod sampler;
mod seeds;

pub use ask::{Answer, Ask};
pub use conv_gradients::ConvGradient;
pub use error::EngineError;
pub use head::Head;
pub use moments::{Moments, Pace};
pub use outputs::{Features, Gradients, Logits, TapGradients, check_logits};
pub use quadrature::{MAX_STEPS, PathNode, Quadrature};
pub use sampler::Sampler;
pub use seeds::{Seeds, WriteSeeds};

use serde::{Serialize, Serializer};

use crate::arch::{BLOCKS, Network, Variant};
use crate::relevance::Propagate;
use crate::{IMAGE_LEN, SIDE};

/// How a gradient passes backward through `y = relu(x)`; the forward pass is the same for all three.
///
/// With g the incoming gradient. The derivative of ReLU at 0 is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rule {
    /// `g * [y > 0]`: the true gradient (Simonyan et al. 2013, arXiv:1312.6034).
    #[default]
    Plain,
    /// `g * [y > 0] * [g > 0]`: guided backpropagation (Springenberg et al. 2014, arXiv:1412.6806).
    Guided,
    /// `g * [g > 0]`: the deconvnet's rule (Zeiler and Fergus 2013, arXiv:1311.2901), keras-vis' `rectified`.
    Rectified,
}

crate::named!(Rule, "rule", { Plain = "plain", Guided = "guided", Rectified = "rectified" });

/// Arithmetic of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// Double precision throughout: the oracle.
    F64,
    /// Single precision throughout.
    F32,
    /// The forward pass in two 16-bit parts a number, 16 bits of them (bfloat16, on CPUs) to 21 (fp16, on GPUs), so that
    /// the gates are nearly or quite those of single precision; the backward pass in 16 bits, scaled image by image.
    Mixed,
    /// 16 bits both ways: the fastest, and a tenth (fp16) to a quarter (bfloat16) of a gradient's length off, for gates
    /// flip.
    Half,
}

impl Precision {
    /// `f64`, `f32`, `mixed` or `half`, the spelling of options and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Precision::F64 => "f64",
            Precision::F32 => "f32",
            Precision::Mixed => "mixed",
            Precision::Half => "half",
        }
    }
}

/// What an engine is, for reports: results are comparable byte for byte only where all of this agrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// `cpu`, `reference`, ...
    pub name: &'static str,
    /// Its arithmetic.
    pub precision: Precision,
    /// The instruction set it chose, for example `avx2` or `portable`.
    pub isa: String,
    /// Threads it computes with.
    pub threads: usize,
}

/// A place inside the network where an activation and its gradient can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tap {
    /// The output of bottleneck 0 (`2a`, `layer1.0`) to 15 (`5c`, `layer4.2`), after its ReLU.
    Block(usize),
}

impl Tap {
    /// The last block's output, which the head averages.
    pub const LAST: Tap = Tap::Block(BLOCKS - 1);

    /// Finds a block by Keras' name (`4b`) or torchvision's (`layer3.1`).
    pub fn by_name(network: &Network, name: &str) -> Option<Tap> {
        let found = network.blocks.iter().find(|b| b.name == name || b.torchvision_name() == name)?;
        Some(Tap::Block(found.index))
    }

    /// Index of the block, or an error if the network has no such block.
    pub fn block(self) -> Result<usize, EngineError> {
        match self {
            Tap::Block(index) if index < BLOCKS => Ok(index),
            Tap::Block(index) => Err(EngineError::NoSuchBlock { index }),
        }
    }
}

/// Keras' name of the block, for example `5c`.
impl Serialize for Tap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Tap::Block(index) = *self;
        // The names are the same in every variant.
        match Network::of(Variant::V1).blocks.get(index) {
            Some(block) => serializer.serialize_str(&block.name),
            None => serializer.collect_str(&index),
        }
    }
}

/// One or more preprocessed images: `[n, 224, 224, 3]` float32, NHWC, in the network's own channel order.
///
/// Holding one proves that it is not empty, is whole, and has only finite values.
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    data: &'a [f32],
}

impl<'a> Images<'a> {
    /// Checks and wraps `n * 224 * 224 * 3` floats.
    ///
    /// # Errors
    /// [`EngineError::EmptyBatch`], [`EngineError::ImageLength`] for a length that is not a whole number of images,
    /// [`EngineError::NonFinite`] for a NaN or infinity.
    pub fn new(data: &'a [f32]) -> Result<Self, EngineError> {
        if data.is_empty() {
            return Err(EngineError::EmptyBatch);
        }
        if !data.len().is_multiple_of(IMAGE_LEN) {
            return Err(EngineError::ImageLength { found: data.len() });
        }
        if let Some(at) = data.iter().position(|v| !v.is_finite()) {
            let (image, rest) = (at / IMAGE_LEN, at % IMAGE_LEN);
            let (row, column, channel) = (rest / (SIDE * 3), rest / 3 % SIDE, rest % 3);
            return Err(EngineError::NonFinite { image, row, column, channel, value: data[at] });
        }
        Ok(Images { data })
    }

    /// Number of images, at least one.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.data.len() / IMAGE_LEN
    }

    /// All values.
    pub fn data(&self) -> &'a [f32] {
        self.data
    }

    /// Image `index`, `[224, 224, 3]`.
    ///
    /// # Panics
    /// If `index` is not below [`Images::len`].
    pub fn get(&self, index: usize) -> Images<'a> {
        self.range(index..index + 1)
    }

    /// Checks that it is exactly one image.
    ///
    /// # Errors
    /// [`EngineError::OneImage`].
    pub fn check_one(&self) -> Result<(), EngineError> {
        match self.len() {
            1 => Ok(()),
            found => Err(EngineError::OneImage { found }),
        }
    }

    /// A run of images.
    ///
    /// # Panics
    /// If the range is empty or reaches past the end.
    pub fn range(&self, range: std::ops::Range<usize>) -> Images<'a> {
        assert!(!range.is_empty(), "an empty range of images");
        Images { data: &self.data[range.start * IMAGE_LEN..range.end * IMAGE_LEN] }
    }
}

/// A network with its weights, ready to answer.
///
/// Object-safe and shared between threads. A batch may have any size from one image on: engines split it as they like.
/// An empty batch cannot be asked about, for [`Images`] has at least one.
///
/// What an engine calls while it computes (seeds that are written from logits, `see`, the watch of a [`Pace`]) must not
/// ask the same engine again: an engine may hold what the second question would wait for.
pub trait Engine: Send + Sync {
    /// What it is.
    fn info(&self) -> EngineInfo;

    /// The table it implements.
    fn network(&self) -> &'static Network;

    /// Scores before the softmax, `[n, 1000]`.
    fn predict(&self, images: Images<'_>) -> Result<Logits, EngineError>;

    /// Logits, and for every seed of every image the input gradient `d(seed . logits) / d input`.
    ///
    /// Several seeds for one image share one forward pass.
    fn gradient(&self, images: Images<'_>, seeds: Seeds<'_>, rule: Rule) -> Result<Gradients, EngineError>;

    /// The last block's output, `[n, 7, 7, 2048]`, and the logits: all that a class activation map needs.
    fn features(&self, images: Images<'_>) -> Result<Features, EngineError>;

    /// Activation and gradient at a block's output, going back no further than that block.
    fn gradient_at(
        &self,
        images: Images<'_>,
        seeds: Seeds<'_>,
        rule: Rule,
        tap: Tap,
    ) -> Result<TapGradients, EngineError>;

    /// Several of the questions above at once, each answered with the same bytes as alone.
    ///
    /// This default asks one after the other; an engine had better do with one forward pass, and with one backward
    /// pass for the plain input gradient and all taps together.
    fn ask(&self, images: Images<'_>, ask: &Ask<'_>) -> Result<Answer, EngineError> {
        ask::one_by_one(self, images, ask)
    }

    /// [`gradient`](Engine::gradient) of exactly one image, showing `see` the gradient at every convolution on the way.
    ///
    /// Seed after seed, each from the head down: of every block expand, spatial, reduce and projection, last the stem.
    ///
    /// # Errors
    /// [`EngineError::OneImage`]; [`EngineError::Unsupported`] by an engine that cannot show them (the default).
    fn conv_gradients(
        &self,
        image: Images<'_>,
        seeds: Seeds<'_>,
        rule: Rule,
        see: &mut (dyn FnMut(ConvGradient<'_>) + Send),
    ) -> Result<Gradients, EngineError> {
        let _ = (image, seeds, rule, see);
        Err(EngineError::Unsupported { what: "the gradient at every convolution" })
    }

    /// Weighted moments of the gradient over the copies of one image that a sampler makes.
    ///
    /// Every copy is asked about the same seeds, those of one image: `[1, k, 1000]` known beforehand, or written from
    /// the copy's own logits, `write(sample, logits, rows)`. Memory does not grow with the number of samples, and the
    /// sums are taken in sample order, so the result does not depend on how many copies run at once. This default
    /// materialises a few copies at a time; an engine may instead sample where it computes.
    ///
    /// # Errors
    /// [`EngineError`]: more than one image, an unusable sampler, or [`EngineError::Stopped`] as the pace asks.
    fn gradient_moments(
        &self,
        image: Images<'_>,
        sampler: &Sampler,
        seeds: Seeds<'_>,
        rule: Rule,
        pace: &mut Pace<'_>,
    ) -> Result<Moments, EngineError> {
        moments::moments_by_batches(self, image, sampler, seeds, rule, pace)
    }

    /// Weight and bias of the head: with the last block's output, all that closed forms of class activation maps need.
    ///
    /// # Errors
    /// [`EngineError::Unsupported`] by an engine that does not tell (the default).
    fn head(&self) -> Result<Head<'_>, EngineError> {
        Err(EngineError::Unsupported { what: "the weights of the head" })
    }

    /// What hands relevance down through the same network.
    ///
    /// # Errors
    /// [`EngineError::NoRelevance`] by an engine that was loaded without; [`EngineError::Unsupported`] by one that has
    /// none (the default).
    fn propagator(&self) -> Result<&dyn Propagate, EngineError> {
        Err(EngineError::Unsupported { what: "layer-wise relevance propagation" })
    }

    /// Logits of the network from a block's output on: `activations` is `[n, side, side, channels]`, as
    /// [`gradient_at`](Engine::gradient_at) gives them, changed or not.
    ///
    /// # Errors
    /// [`EngineError::ActivationLength`]; [`EngineError::Unsupported`] by an engine that cannot start in the middle
    /// (the default).
    fn resume(&self, tap: Tap, activations: &[f32]) -> Result<Logits, EngineError> {
        let _ = (tap, activations);
        Err(EngineError::Unsupported { what: "logits from the output of a block on" })
    }
}
