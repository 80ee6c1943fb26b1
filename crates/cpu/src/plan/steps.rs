//! The table of steps: in which order layers are computed, and which tensors each of them reads and writes.
//!
//! Some steps of a table are *near*: those on large maps, forward at the beginning and backward at the end. A batch
//! takes them a few images at a time, from the first of them to the last, so that what one writes the next finds in a
//! cache; later steps take the whole batch at once, and read their many weights once.
//!
//! Everything else follows from this table: [`forward`](super::forward) and [`backward`](super::backward) walk it, and
//! [`memory`](super::memory) learns from it for how long a tensor must be kept.

use std::ops::Range;

use backlit_net::IMAGE_LEN;
use backlit_net::arch::{Conv, Network};

use super::shape::{Shape, map_len};
use crate::ops::max_pool;

/// A tensor, by its number in its table.
pub(super) type Slot = usize;

/// What a step of the forward pass computes; a number is that of a block.
#[derive(Clone, Copy, Debug)]
pub(super) enum Forward {
    /// The 7x7 with its ReLU and the max-pool, from the images.
    Stem,
    /// The 1x1 that narrows, with its ReLU.
    Reduce(usize),
    /// The 3x3, with its ReLU.
    Spatial(usize),
    /// The 1x1 that widens, plus the shortcut or its projection (of what the block reads, read second), with the
    /// block's ReLU.
    Expand(usize),
    /// Average and fully connected layer, to the logits.
    Head,
}

/// What a step of the backward pass computes: the gradient at the input of that layer, behind the ReLU below it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Backward {
    /// From the seeds to the output of the last block.
    Head,
    /// Through the 1x1 that widens; reads the gradient at the block's output.
    Expand(usize),
    /// Through the 3x3.
    Spatial(usize),
    /// Through the 1x1 that narrows, plus the gradient at the block's output (read second), as it is or through the
    /// projection: the output of the block below.
    Reduce(usize),
    /// Through the max-pool, the stem's ReLU and the 7x7, to the images.
    Stem,
}

/// One step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<Op> {
    pub(super) op: Op,
    pub(super) reads: [Option<Slot>; 2],
    pub(super) writes: Option<Slot>,
}

/// The steps of one pass.
pub(super) struct Table<Op> {
    pub(super) steps: Vec<Step<Op>>,
    /// Floats of one image of each tensor, all multiples of sixteen.
    pub(super) lens: Vec<usize>,
    /// For each block, the step that writes the forward output, or that reads the gradient of it first.
    pub(super) blocks: Vec<usize>,
    /// The steps on large maps.
    pub(super) near: Range<usize>,
}

/// The last stage whose maps are large. Those of an image, at most 3.2 MB each, and the 12 MB of weights that they meet
/// share a third cache of some tens of megabytes; the maps of eight images do not fit beside the weights.
const LAST_NEAR_STAGE: usize = 3;

/// The last block of the near steps.
pub(super) fn last_near(network: &Network) -> usize {
    network.blocks.iter().rposition(|block| block.stage <= LAST_NEAR_STAGE).unwrap_or(0)
}

impl<Op> Table<Op> {
    fn new() -> Table<Op> {
        Table { steps: Vec::new(), lens: Vec::new(), blocks: Vec::new(), near: 0..0 }
    }

    /// Adds a step that writes a new tensor.
    fn step<const N: usize>(&mut self, op: Op, reads: [Slot; N], len: usize) -> Slot {
        self.lens.push(len);
        let written = self.lens.len() - 1;
        self.push(op, reads, Some(written));
        written
    }

    fn push<const N: usize>(&mut self, op: Op, reads: [Slot; N], writes: Option<Slot>) {
        let reads = [reads.first().copied(), reads.get(1).copied()];
        self.steps.push(Step { op, reads, writes });
    }
}

impl Table<Forward> {
    /// The forward pass.
    pub(super) fn forward(network: &Network, shapes: &[Shape]) -> Self {
        let mut table = Table::new();
        let mut x = table.step(Forward::Stem, [], max_pool::OUTPUT_LEN);
        for (block, shape) in network.blocks.iter().zip(shapes) {
            let b = block.index;
            let written = |conv: &Conv, compact| map_len(conv.side_out(), conv.c_out, compact);
            let reduce = table.step(Forward::Reduce(b), [x], written(&block.reduce, false));
            let spatial = table.step(Forward::Spatial(b), [reduce], written(&block.spatial, shape.output));
            x = table.step(Forward::Expand(b), [spatial, x], written(&block.expand, shape.output));
            table.blocks.push(table.steps.len() - 1);
        }
        table.push(Forward::Head, [x], None);
        table.near = 0..table.blocks[last_near(network)] + 1;
        table
    }
}

impl Table<Backward> {
    /// The backward pass of one seed an image.
    pub(super) fn backward(network: &Network, shapes: &[Shape]) -> Self {
        let mut table = Table::new();
        let last = network.blocks.last().map_or(0, |block| block.expand.output_len());
        let mut d = table.step(Backward::Head, [], last);
        for (block, shape) in network.blocks.iter().zip(shapes).rev() {
            let b = block.index;
            let written = |conv: &Conv, compact| map_len(conv.side_in, conv.c_in, compact);
            table.blocks.push(table.steps.len());
            let spatial = table.step(Backward::Expand(b), [d], written(&block.expand, shape.output));
            let reduce = table.step(Backward::Spatial(b), [spatial], written(&block.spatial, false));
            d = table.step(Backward::Reduce(b), [reduce, d], written(&block.reduce, shape.input));
        }
        table.blocks.reverse();
        table.step(Backward::Stem, [d], IMAGE_LEN);
        table.near = table.blocks[last_near(network)]..table.steps.len();
        table
    }
}
