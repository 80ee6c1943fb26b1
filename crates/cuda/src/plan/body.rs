//! The blocks of the network, as launches in the memory of a plan.

use std::sync::Arc;

use backlit_net::Rule;

use super::geometry::{BlockGeometry, Geometry, Map, Shortcut};
use super::shapes::BlockShapes;
use super::tensors::{Layout, Name, input_order, reduced_order};
use crate::ops::conv::{Conv, ConvArgs, Gates, RowOrder, gates};
use crate::planes::{Planes, Sixteen, Span, Storage};
use crate::weights::{BlockWeights, Format};
use crate::{CudaError, Device, Stream};

/// Every convolution, ready to run for any number of images up to a limit.
pub(crate) struct Convs {
    pub(crate) geometry: Geometry,
    blocks: Vec<BlockConvs>,
}

struct BlockConvs {
    reduce: Conv,
    spatial: Conv,
    expand: Conv,
    spatial_back: Conv,
    reduced_back: Conv,
    input_back: Conv,
}

impl Convs {
    /// Loads the kernels.
    pub(crate) fn prepare(
        device: &Arc<Device>,
        geometry: Geometry,
        format: Format,
        max_batch: usize,
    ) -> Result<Convs, CudaError> {
        let (there, back) = (format.forward(), format.backward());
        let block = |index: usize| {
            let s = BlockShapes::of(&geometry, index);
            Ok(BlockConvs {
                reduce: Conv::prepare(device, s.reduce, there, max_batch)?,
                spatial: Conv::prepare(device, s.spatial, there, max_batch)?,
                expand: Conv::prepare(device, s.expand, there, max_batch)?,
                spatial_back: Conv::prepare(device, s.spatial_back, back, max_batch)?,
                reduced_back: Conv::prepare(device, s.reduced_back, back, max_batch)?,
                input_back: Conv::prepare(device, s.input_back, back, max_batch)?,
            })
        };
        let blocks = (0..geometry.blocks.len()).map(block).collect::<Result<_, CudaError>>()?;
        Ok(Convs { geometry, blocks })
    }
}

/// The tensors of `n` images at an address.
#[derive(Clone, Copy)]
pub(crate) struct Tensors<'a> {
    pub(crate) n: usize,
    pub(crate) geometry: &'a Geometry,
    pub(crate) format: Format,
    pub(crate) layout: &'a Layout,
    /// Where the memory of the plan begins.
    pub(crate) base: u64,
}

impl Tensors<'_> {
    fn address(&self, name: Name) -> u64 {
        self.base + self.layout.offset(name) as u64
    }

    /// Activations.
    fn there(&self, name: Name, map: Map) -> Result<Planes, CudaError> {
        let (address, len) = (self.address(name), self.n * map.len());
        let storage = match self.format {
            Format::F32 => Storage::F32 { address },
            Format::Split => Storage::Split { hi: address, lo: address + 2 * len as u64 },
            Format::Sixteen(kind) => Storage::Sixteen { address, kind },
        };
        Planes::new(storage, len)
    }

    /// A gradient.
    fn back(&self, name: Name, map: Map) -> Result<Planes, CudaError> {
        let (address, len) = (self.address(name), self.n * map.len());
        let storage = match self.format {
            Format::F32 => Storage::F32 { address },
            Format::Split => Storage::Sixteen { address, kind: Sixteen::F16 },
            Format::Sixteen(kind) => Storage::Sixteen { address, kind },
        };
        Planes::new(storage, len)
    }

    /// Its shape.
    pub(crate) fn map(&self, name: Name) -> Map {
        let g = self.geometry;
        match name {
            Name::Input(i) | Name::InputBack(i) | Name::InputGates(i) => match g.blocks.get(i) {
                Some(block) => block.input,
                None => g.blocks[g.blocks.len() - 1].output,
            },
            Name::Reduced(i) | Name::ReducedBack(i) | Name::ReducedGates(i) => g.blocks[i].reduced,
            Name::Spatial(i) | Name::SpatialBack(i) | Name::SpatialGates(i) => g.blocks[i].spatial,
        }
    }

    /// A tensor of activations or a gradient.
    pub(crate) fn planes(&self, name: Name) -> Result<Planes, CudaError> {
        match name.is_gradient() {
            true => self.back(name, self.map(name)),
            false => self.there(name, self.map(name)),
        }
    }

    /// The order of gates.
    pub(crate) fn order(&self, name: Name) -> RowOrder {
        match name {
            Name::InputGates(i) => input_order(self.geometry, i),
            Name::ReducedGates(i) => reduced_order(&self.geometry.blocks[i]),
            _ => RowOrder::Raster,
        }
    }

    /// Gates.
    pub(crate) fn gates(&self, name: Name) -> Span<u32> {
        let map = self.map(name);
        Span::new(self.address(name), gates::words(self.order(name), self.n, map.side, map.channels))
    }
}

/// One of the three steps of a block's way back, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BackStep {
    /// The gradient behind the 3x3.
    Spatial,
    /// The gradient behind the first 1x1.
    Reduced,
    /// The gradient of the block's input, which is the output of the block before; `gated` or as it is.
    Input {
        /// Whether the gate of that output is applied.
        gated: bool,
    },
}

impl Convs {
    /// Queues a block's forward pass.
    pub(crate) fn forward(
        &self,
        stream: &Stream,
        tensors: &Tensors<'_>,
        weights: &BlockWeights,
        index: usize,
    ) -> Result<(), CudaError> {
        let (convs, block, n) = (&self.blocks[index], &self.geometry.blocks[index], tensors.n);
        let input = tensors.planes(Name::Input(index))?;
        let reduced = tensors.planes(Name::Reduced(index))?;
        let spatial = tensors.planes(Name::Spatial(index))?;
        let args = |terms, bias, gates, out| ConvArgs {
            n,
            terms,
            out_scale: weights.out_scale,
            bias: Some(bias),
            residual: None,
            gates: Gates::Write(tensors.gates(gates)),
            relu: true,
            out,
        };
        let terms = [(input, weights.reduce.planes())];
        let reduce = args(&terms, Span::from(&weights.bias_reduce), Name::ReducedGates(index), reduced);
        convs.reduce.launch(stream, &reduce)?;
        let terms = [(reduced, weights.spatial.planes())];
        let window = args(&terms, Span::from(&weights.bias_spatial), Name::SpatialGates(index), spatial);
        convs.spatial.launch(stream, &window)?;

        let mut terms = vec![(spatial, weights.expand.planes())];
        terms.extend(weights.project.as_ref().map(|project| (input, project.planes())));
        let output = tensors.planes(Name::Input(index + 1))?;
        let mut expand = args(&terms, Span::from(&weights.bias_output), Name::InputGates(index + 1), output);
        expand.residual = is_identity(block).then_some(input);
        convs.expand.launch(stream, &expand)
    }

    /// Queues one step of a block's backward pass.
    pub(crate) fn backward(
        &self,
        stream: &Stream,
        tensors: &Tensors<'_>,
        weights: &BlockWeights,
        (index, step): (usize, BackStep),
        rule: Rule,
    ) -> Result<(), CudaError> {
        let (convs, block) = (&self.blocks[index], &self.geometry.blocks[index]);
        let output = tensors.planes(Name::InputBack(index + 1))?;
        let reduced = tensors.planes(Name::ReducedBack(index))?;
        let spatial = tensors.planes(Name::SpatialBack(index))?;
        let gates = |name| Gates::Apply(tensors.gates(name), rule);
        let args = |terms, gates, out| ConvArgs {
            n: tensors.n,
            terms,
            out_scale: weights.out_scale,
            bias: None,
            residual: None,
            gates,
            relu: false,
            out,
        };
        match step {
            BackStep::Spatial => {
                let terms = [(output, weights.expand.planes())];
                convs.spatial_back.launch(stream, &args(&terms, gates(Name::SpatialGates(index)), spatial))
            }
            BackStep::Reduced => {
                let terms = [(spatial, weights.spatial.planes())];
                convs.reduced_back.launch(stream, &args(&terms, gates(Name::ReducedGates(index)), reduced))
            }
            BackStep::Input { gated } => {
                let mut terms = vec![(reduced, weights.reduce.planes())];
                terms.extend(weights.project.as_ref().map(|project| (output, project.planes())));
                // The pooled map has no gates of its own: its codes know, and the stem applies them.
                let gates = if gated && index > 0 { gates(Name::InputGates(index)) } else { Gates::None };
                let mut args = args(&terms, gates, tensors.planes(Name::InputBack(index))?);
                args.residual = is_identity(block).then_some(output);
                convs.input_back.launch(stream, &args)
            }
        }
    }
}

fn is_identity(block: &BlockGeometry) -> bool {
    matches!(block.shortcut, Shortcut::Identity { .. })
}
