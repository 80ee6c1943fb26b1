//! What a GPU holds from the beginning: weights and kernels.

use std::sync::Arc;

use backlit_net::arch::Network;

use crate::ops::convert::Convert;
use crate::ops::head::{Head, HeadDgrad, HeadWeights};
use crate::ops::stem::{Stem, StemDgrad, StemWeights};
use crate::plan::{Convs, Geometry};
use crate::weights::{BlockWeights, Format, HostWeights};
use crate::{CudaError, Device, Stream};

/// Weights on the device, and the launches that do not depend on the number of images.
pub(crate) struct Parts {
    pub(crate) device: Arc<Device>,
    /// All kernels run here.
    pub(crate) stream: Stream,
    pub(crate) network: &'static Network,
    pub(crate) format: Format,
    /// The network as published, on images of this engine's side.
    pub(crate) published: Geometry,
    pub(crate) blocks: Vec<BlockWeights>,
    pub(crate) stem_weights: StemWeights,
    pub(crate) head_weights: HeadWeights,
    pub(crate) stem: Stem,
    pub(crate) stem_back: StemDgrad,
    pub(crate) head: Head,
    pub(crate) head_back: HeadDgrad,
    pub(crate) convert: Convert,
    /// Without the pixels that nobody reads, if so asked; then all of them.
    pub(crate) convs: [Convs; 2],
}

impl Parts {
    /// Uploads weights and loads kernels, for images of `side` rows and columns and at most `batch` of them.
    pub(crate) fn new(
        device: Arc<Device>,
        host: &HostWeights,
        side: usize,
        dead_code: bool,
        batch: usize,
    ) -> Result<Parts, CudaError> {
        let network = host.network;
        let published = Geometry::new(network, side, false);
        let last = published.blocks[published.blocks.len() - 1].output;
        let pixels = last.side * last.side;
        let convs = |dead_code| {
            let geometry = Geometry::new(network, side, dead_code);
            Convs::prepare(&device, geometry, host.format(), batch)
        };
        Ok(Parts {
            stream: device.stream()?,
            network,
            format: host.format(),
            blocks: host.upload(&device)?,
            stem_weights: StemWeights::new(&device, &host.stem.weight, &host.stem.bias)?,
            head_weights: HeadWeights::new(&device, &host.dense.weight, &host.dense.bias)?,
            stem: Stem::prepare_for(&device, side, host.format().forward())?,
            stem_back: StemDgrad::prepare_for(&device, side, host.format().backward())?,
            head: Head::prepare(&device, pixels)?,
            head_back: HeadDgrad::prepare(&device, pixels)?,
            convert: Convert::prepare(&device)?,
            convs: [convs(dead_code)?, convs(false)?],
            published,
            device,
        })
    }

    /// Rows and columns of an image.
    pub(crate) fn side(&self) -> usize {
        self.published.side
    }

    /// Floats of an image.
    pub(crate) fn image_len(&self) -> usize {
        self.side() * self.side() * 3
    }
}
