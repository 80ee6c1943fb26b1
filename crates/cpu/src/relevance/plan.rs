//! Relevance as a sequence of the engine's own kernels.
//!
//! The z+ rule after a ReLU is the forward pass of the positive weights, a division, the input gradient of the
//! positive weights and a product. So one map costs two passes beyond the forward one, which keeps every activation;
//! further maps of the same images share the first of the two.

use backlit_net::arch::{Conv, Network, PoolBorder};
use backlit_net::relevance::LrpRules;
use backlit_net::weights::Weights;
use backlit_net::{CLASSES, FEATURES, IMAGE_LEN, Rule};
use rayon::prelude::*;

use super::elementwise::{add, average, divide, multiply, split};
use super::positive_part;
use super::stem::StemRules;
use crate::buffers::{Buffer, Buffers};
use crate::isa::Token;
use crate::lanes::LANES;
use crate::ops::conv2d::{Epilogue, Gate, PackedConv, Residual};
use crate::ops::head::Head;
use crate::ops::max_pool;
use crate::ops::stem::{self, Stem};

/// Packed weights for the forward pass and for the rules.
pub(super) struct Plan {
    token: Token,
    border: PoolBorder,
    stem: Stem,
    stem_rules: StemRules,
    blocks: Vec<Block>,
    head: Head,
    buffers: Buffers,
}

struct Block {
    reduce: Packed,
    spatial: Packed,
    expand: Packed,
    project: Option<Packed>,
}

struct Packed {
    forward: PackedConv,
    positive: PackedConv,
    positive_dgrad: PackedConv,
}

/// Every activation of `n` images.
pub(super) struct Trace<'a> {
    n: usize,
    images: &'a [f32],
    codes: Vec<u8>,
    pooled: Buffer<'a>,
    blocks: Vec<BlockTrace<'a>>,
    /// `[n, 1000]`.
    pub(super) logits: Vec<f32>,
}

struct BlockTrace<'a> {
    reduce: Buffer<'a>,
    spatial: Buffer<'a>,
    /// The projection's output, where there is one.
    shortcut: Option<Buffer<'a>>,
    output: Buffer<'a>,
}

impl Plan {
    pub(super) fn new(weights: &Weights, token: Token) -> Plan {
        let network: &Network = weights.network();
        let pack = |conv: &Conv| {
            let folded = weights.conv(conv);
            let positive = positive_part(&folded);
            Packed {
                forward: PackedConv::forward(token, conv, &folded),
                positive: PackedConv::forward(token, conv, &positive),
                positive_dgrad: PackedConv::dgrad(token, conv, &positive),
            }
        };
        let block = |block: &backlit_net::arch::Block| Block {
            reduce: pack(&block.reduce),
            spatial: pack(&block.spatial),
            expand: pack(&block.expand),
            project: block.project.as_ref().map(pack),
        };
        let stem = weights.conv(&network.stem);
        Plan {
            token,
            border: network.pool.border,
            stem: Stem::new(token, &network.stem, &stem),
            stem_rules: StemRules::new(token, &network.stem, &stem),
            blocks: network.blocks.par_iter().map(block).collect(),
            head: Head::new(&weights.dense()),
            buffers: Buffers::default(),
        }
    }

    /// Runs `images`, `[n, 224, 224, 3]`.
    pub(super) fn forward<'a>(&'a self, images: &'a [f32]) -> Trace<'a> {
        let n = images.len() / IMAGE_LEN;
        let mut pooled = self.buffers.take(n * max_pool::OUTPUT_LEN);
        let mut codes = vec![0u8; n * max_pool::CODES_LEN];
        self.stem.forward_pooled(self.token, images, &mut pooled, &mut codes);
        let mut blocks: Vec<BlockTrace<'a>> = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            let x: &[f32] = blocks.last().map_or(&pooled, |b| &b.output);
            let reduce = self.conv_relu(&block.reduce, n, x, None);
            let spatial = self.conv_relu(&block.spatial, n, &reduce, None);
            let shortcut = block.project.as_ref().map(|project| self.run(&project.forward, n, x));
            let output = self.conv_relu(&block.expand, n, &spatial, Some(shortcut.as_deref().unwrap_or(x)));
            blocks.push(BlockTrace { reduce, spatial, shortcut, output });
        }
        let mut logits = vec![0.0; n * CLASSES];
        self.head.forward(self.token, blocks.last().map_or(&pooled, |b| &b.output), &mut logits);
        Trace { n, images, codes, pooled, blocks, logits }
    }

    /// Hands each relevance of the logits, `[n, 1000]`, down to the images, `[n, 224, 224, 3]`.
    pub(super) fn relevance<'a>(&'a self, trace: &Trace<'_>, logits: &[Vec<f32>], rules: &LrpRules) -> Vec<Buffer<'a>> {
        let stabiliser = rules.stabiliser as f32;
        let last: &[f32] = trace.blocks.last().map_or(&trace.pooled, |b| &b.output);
        let from_head = |start: &Vec<f32>| {
            debug_assert_eq!(start.len(), trace.n * CLASSES);
            let mut ratios = start.clone();
            divide(&mut ratios, &trace.logits, rules.epsilon as f32);
            let mut r = self.buffers.take(last.len());
            self.head.dgrad(self.token, &ratios, None, &mut r);
            average(last, FEATURES, last.len() / trace.n / FEATURES, stabiliser, &mut r);
            r
        };
        let mut r: Vec<Buffer<'_>> = logits.iter().map(from_head).collect();
        for (index, block) in self.blocks.iter().enumerate().rev() {
            let x: &[f32] = index.checked_sub(1).map_or(&trace.pooled, |below| &trace.blocks[below].output);
            r = self.block(block, trace.n, x, &trace.blocks[index], r, stabiliser);
        }
        let through_pool = |r: Buffer<'_>| {
            let mut stem = self.buffers.take(trace.n * stem::OUTPUT_LEN);
            let back = max_pool::Back { border: self.border, rule: Rule::Plain, codes: &trace.codes, dy: &r };
            max_pool::dgrad(self.token, back, &mut stem);
            stem
        };
        let r = r.into_iter().map(through_pool).collect();
        self.stem_rules.run(self.token, &self.buffers, trace.images, rules.composite, stabiliser, r)
    }

    fn block<'a>(
        &'a self,
        block: &Block,
        n: usize,
        x: &[f32],
        trace: &BlockTrace<'_>,
        mut r: Vec<Buffer<'a>>,
        stabiliser: f32,
    ) -> Vec<Buffer<'a>> {
        let shortcut = trace.shortcut.as_deref().unwrap_or(x);
        let divide_up = |r: &mut Buffer<'a>| {
            let mut of_shortcut = self.buffers.take(shortcut.len());
            split(r, &trace.output, shortcut, stabiliser, &mut of_shortcut);
            of_shortcut
        };
        let mut of_shortcut: Vec<Buffer<'a>> = r.iter_mut().map(divide_up).collect();
        if let Some(project) = &block.project {
            of_shortcut = self.z_plus(project, n, x, of_shortcut, stabiliser);
        }
        r = self.z_plus(&block.expand, n, &trace.spatial, r, stabiliser);
        r = self.z_plus(&block.spatial, n, &trace.reduce, r, stabiliser);
        r = self.z_plus(&block.reduce, n, x, r, stabiliser);
        r.iter_mut().zip(&of_shortcut).for_each(|(r, of_shortcut)| add(r, of_shortcut));
        r
    }

    /// The z+ rule for inputs that are not negative: each relevance of the outputs becomes that of x.
    fn z_plus<'a>(
        &'a self,
        conv: &Packed,
        n: usize,
        x: &[f32],
        relevance: Vec<Buffer<'a>>,
        stabiliser: f32,
    ) -> Vec<Buffer<'a>> {
        let z = self.run(&conv.positive, n, x);
        let one = |mut r: Buffer<'a>| {
            divide(&mut r, &z, stabiliser);
            let mut out = self.run(&conv.positive_dgrad, n, &r);
            multiply(&mut out, x);
            out
        };
        relevance.into_iter().map(one).collect()
    }

    fn run(&self, conv: &PackedConv, n: usize, x: &[f32]) -> Buffer<'_> {
        let mut y = self.buffers.take(n * conv.output_len());
        conv.run(x, &mut y, Epilogue { residual: None, gate: Gate::None });
        y
    }

    fn conv_relu(&self, conv: &Packed, n: usize, x: &[f32], residual: Option<&[f32]>) -> Buffer<'_> {
        let len = n * conv.forward.output_len();
        let (mut y, mut gates) = (self.buffers.take(len), vec![0; len / LANES]);
        conv.forward.run(x, &mut y, Epilogue { residual: residual.map(Residual::Same), gate: Gate::Relu(&mut gates) });
        y
    }
}
