//! The network as a sequence of ops, for a few images at a time.

use backlit_net::arch::{Block, Conv, Network, PoolBorder};
use backlit_net::weights::{FoldedConv, Weights};
use backlit_net::{CLASSES, IMAGE_LEN, Rule};
use rayon::prelude::*;

use crate::buffers::{Buffer, Buffers};
use crate::gates;
use crate::isa::Token;
use crate::lanes::{GateWord, LANES};
use crate::ops::conv2d::{Epilogue, Gate, PackedConv};
use crate::ops::head::Head;
use crate::ops::max_pool;
use crate::ops::stem::{self, Stem};

/// Packed weights of the whole network, one packing for each pass.
pub(crate) struct Plan {
    token: Token,
    border: PoolBorder,
    stem: Stem,
    blocks: Vec<BlockPlan>,
    head: Head,
    buffers: Buffers,
}

struct BlockPlan {
    reduce: BothWays,
    spatial: BothWays,
    expand: BothWays,
    project: Option<BothWays>,
}

impl BlockPlan {
    /// In table order: reduce, spatial, expand, and the projection if there is one.
    fn convs(&self) -> impl Iterator<Item = &BothWays> {
        [&self.reduce, &self.spatial, &self.expand].into_iter().chain(&self.project)
    }
}

struct BothWays {
    /// [`Conv::index`].
    index: usize,
    forward: PackedConv,
    dgrad: PackedConv,
}

/// One way back: under which rule, and what is to be met.
pub(crate) struct Pass<'a> {
    pub(crate) rule: Rule,
    /// Blocks at whose outputs the gradient is read.
    pub(crate) taps: &'a [usize],
    /// Whether it goes down to the image; else it ends at the lowest tap.
    pub(crate) input: bool,
    /// Whether [`Place::Conv`] is wanted.
    pub(crate) convs: bool,
}

/// Where a gradient is met on the way back.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// A tap: the output of a block, before its gate.
    Tap(usize),
    /// The output of a convolution, by [`Conv::index`], behind the gate above it.
    Conv(usize),
    /// The image.
    Input,
}

/// [`Conv::index`] of the stem.
pub(crate) const STEM: usize = 0;

/// What the forward pass of `n` images leaves for the backward pass.
pub(crate) struct Tape {
    /// `[n, 1000]`.
    pub(crate) logits: Vec<f32>,
    /// Winners of the max-pool, one a window.
    pub(crate) codes: Vec<u8>,
    /// Gate bits of each block.
    pub(crate) gates: Vec<BlockGates>,
}

/// Gate bits of one block, one for every ReLU output.
pub(crate) struct BlockGates {
    pub(crate) reduce: Vec<GateWord>,
    pub(crate) spatial: Vec<GateWord>,
    pub(crate) output: Vec<GateWord>,
}

impl Plan {
    /// Folds and packs, layers in parallel.
    pub(crate) fn new(weights: &Weights, token: Token) -> Plan {
        let network: &Network = weights.network();
        let pack = |conv: &Conv| {
            let folded: FoldedConv = weights.conv(conv);
            let (forward, dgrad) = (PackedConv::forward(conv, &folded), PackedConv::dgrad(conv, &folded));
            BothWays { index: conv.index, forward, dgrad }
        };
        let block = |block: &Block| BlockPlan {
            reduce: pack(&block.reduce),
            spatial: pack(&block.spatial),
            expand: pack(&block.expand),
            project: block.project.as_ref().map(pack),
        };
        Plan {
            token,
            border: network.pool.border,
            stem: Stem::new(&network.stem, &weights.conv(&network.stem)),
            blocks: network.blocks.par_iter().map(block).collect(),
            head: Head::new(&weights.dense()),
            buffers: Buffers::default(),
        }
    }

    /// Runs `images`, `[n, 224, 224, 3]`; `see(block, output)` is shown the output of every block.
    pub(crate) fn forward(&self, images: &[f32], see: impl FnMut(usize, &[f32])) -> Tape {
        let n = images.len() / IMAGE_LEN;
        let mut x = self.buffers.take(n * max_pool::OUTPUT_LEN);
        let mut codes = vec![0u8; x.len()];
        let mut stem = self.buffers.take(n * stem::OUTPUT_LEN);
        self.stem.forward(self.token, images, &mut stem);
        max_pool::forward(self.token, &stem, &mut x, &mut codes);
        drop(stem);
        let (logits, gates) = self.forward_from(0, n, x, see);
        Tape { logits, codes, gates }
    }

    /// Logits of `n` images from what enters block `first` on, or the head if there is none, with the gates on the way.
    fn forward_from<'a>(
        &'a self,
        first: usize,
        n: usize,
        mut x: Buffer<'a>,
        mut see: impl FnMut(usize, &[f32]),
    ) -> (Vec<f32>, Vec<BlockGates>) {
        let mut gates = Vec::with_capacity(self.blocks.len());
        for (index, block) in self.blocks.iter().enumerate().skip(first) {
            let (reduced, reduce) = self.conv_relu(&block.reduce, n, &x, None);
            let (spatial_out, spatial) = self.conv_relu(&block.spatial, n, &reduced, None);
            drop(reduced);
            if let Some(project) = &block.project {
                let mut shortcut = self.buffers.take(n * project.forward.output_len());
                let epilogue = Epilogue { residual: None, gate: Gate::None };
                project.forward.run(self.token, &x, &mut shortcut, epilogue);
                x = shortcut;
            }
            let (y, output) = self.conv_relu(&block.expand, n, &spatial_out, Some(&x));
            see(index, &y);
            gates.push(BlockGates { reduce, spatial, output });
            x = y;
        }
        (self.head.forward(self.token, &x), gates)
    }

    /// Logits, `[n, 1000]`, from the outputs of a block, `[n, side, side, channels]`.
    pub(crate) fn resume(&self, block: usize, outputs: &[f32]) -> Vec<f32> {
        let mut x = self.buffers.take(outputs.len());
        x.copy_from_slice(outputs);
        self.forward_from(block + 1, outputs.len() / self.block_len(block), x, |_, _| ()).0
    }

    /// Weight `[2048, 1000]` and bias `[1000]` of the head.
    pub(crate) fn head(&self) -> (&[f32], &[f32]) {
        self.head.parts()
    }

    /// The bias of every convolution, by [`Conv::index`].
    pub(crate) fn biases(&self) -> Vec<&[f32]> {
        let convs = self.blocks.iter().flat_map(BlockPlan::convs);
        std::iter::once(self.stem.bias()).chain(convs.map(|conv| conv.forward.bias())).collect()
    }

    /// Floats of one image's output of a block.
    pub(crate) fn block_len(&self, index: usize) -> usize {
        self.blocks[index].expand.forward.output_len()
    }

    /// Sends one seed an image, `[n, 1000]`, back, and shows `see` the gradient at every place that it passes.
    pub(crate) fn backward(&self, tape: &Tape, seeds: &[f32], pass: &Pass<'_>, see: &mut dyn FnMut(Place, &[f32])) {
        let (n, rule) = (seeds.len() / CLASSES, pass.rule);
        let last = self.blocks.len() - 1;
        // A tap is read before the gate of its block; anywhere else the gate is applied while sums are in registers.
        let fused = |index: usize| (!pass.taps.contains(&index)).then(|| (rule, tape.gates[index].output.as_slice()));
        let mut d = self.buffers.take(n * self.block_len(last));
        self.head.dgrad(self.token, seeds, fused(last), &mut d);
        for (index, block) in self.blocks.iter().enumerate().rev() {
            let gates = &tape.gates[index];
            if pass.taps.contains(&index) {
                see(Place::Tap(index), &d);
                if !pass.input && pass.taps.iter().all(|&tap| tap >= index) {
                    return;
                }
                gates::relu_dgrad_all(rule, &gates.output, &mut d);
            }
            see(Place::Conv(block.expand.index), &d);
            let spatial = self.dgrad(&block.expand, n, &d, None, Some((rule, &gates.spatial)));
            see(Place::Conv(block.spatial.index), &spatial);
            let reduce = self.dgrad(&block.spatial, n, &spatial, None, Some((rule, &gates.reduce)));
            see(Place::Conv(block.reduce.index), &reduce);
            drop(spatial);
            if let Some(project) = &block.project {
                see(Place::Conv(project.index), &d);
                d = self.dgrad(project, n, &d, None, None);
            }
            d = self.dgrad(&block.reduce, n, &reduce, Some(&d), index.checked_sub(1).and_then(fused));
        }
        let mut stem = self.buffers.take(n * stem::OUTPUT_LEN);
        max_pool::dgrad(self.token, self.border, rule, &tape.codes, &d, &mut stem);
        drop(d);
        see(Place::Conv(STEM), &stem);
        let mut dx = self.buffers.take(n * IMAGE_LEN);
        self.stem.dgrad(self.token, &stem, &mut dx);
        see(Place::Input, &dx);
    }

    fn conv_relu(&self, conv: &BothWays, n: usize, x: &[f32], residual: Option<&[f32]>) -> (Buffer<'_>, Vec<GateWord>) {
        let len = n * conv.forward.output_len();
        let (mut y, mut gates) = (self.buffers.take(len), vec![0; len / LANES]);
        conv.forward.run(self.token, x, &mut y, Epilogue { residual, gate: Gate::Relu(&mut gates) });
        (y, gates)
    }

    fn dgrad(
        &self,
        conv: &BothWays,
        n: usize,
        dy: &[f32],
        residual: Option<&[f32]>,
        gate: Option<(Rule, &[GateWord])>,
    ) -> Buffer<'_> {
        let mut dx = self.buffers.take(n * conv.dgrad.output_len());
        let gate = gate.map_or(Gate::None, |(rule, words)| Gate::Rule(rule, words));
        conv.dgrad.run(self.token, dy, &mut dx, Epilogue { residual, gate });
        dx
    }
}
