//! Weights, folded and packed once, at load.
//!
//! Blocks are independent, and so are the 3x3 and the 1x1s of one: they are handed out to the threads one by one, those
//! that fold the most weights first. BatchNorm is folded in double precision, which takes up to 29 MB a thread; this is
//! given back before most packed weights are there, and no thread is left with a large part at the end.

use std::sync::Arc;

use backlit_net::arch::{Block, Conv};
use backlit_net::weights::{FoldedConv, Weights};

use super::shape::Shape;
use crate::isa::Token;
use crate::ops::conv2d::{Epilogue, PackedConv};
use crate::ops::head::Head;
use crate::ops::stem::Stem;
use crate::ops::winograd::{Outputs, PackedWinograd};

/// The network, packed.
pub(super) struct Packed {
    pub(super) stem: Stem,
    pub(super) blocks: Vec<BlockPlan>,
    pub(super) head: Head,
    /// By [`Conv::index`].
    pub(super) biases: Vec<Vec<f32>>,
}

/// The convolutions of a block, each the sum that one step computes.
#[derive(Clone)]
pub(super) struct BlockPlan {
    /// Forward through the 1x1 that narrows.
    pub(super) reduce: Arc<PackedConv>,
    /// The 3x3, forward and back.
    pub(super) spatial: Arc<[Spatial; 2]>,
    /// Forward through the 1x1 that widens, and the projection if there is one.
    pub(super) expand: Arc<PackedConv>,
    /// Back through the 1x1 that widens.
    pub(super) expand_dgrad: Arc<PackedConv>,
    /// Back through the 1x1 that narrows, and the projection if there is one.
    pub(super) input_dgrad: Arc<PackedConv>,
}

/// A 3x3, one way or the other.
pub(super) enum Spatial {
    Direct(PackedConv),
    Winograd(PackedWinograd),
}

impl Spatial {
    fn new(token: Token, conv: &Conv, folded: &FoldedConv, winograd: Option<Outputs>) -> [Spatial; 2] {
        match winograd {
            Some(tile) => {
                [PackedWinograd::forward(token, conv, folded, tile), PackedWinograd::dgrad(token, conv, folded, tile)]
                    .map(Spatial::Winograd)
            }
            None => {
                [PackedConv::forward(token, conv, folded), PackedConv::dgrad(token, conv, folded)].map(Spatial::Direct)
            }
        }
    }

    /// Forward, where only even pixels of its output are wanted.
    fn at_even_pixels(&self) -> Spatial {
        match self {
            Spatial::Direct(conv) => Spatial::Direct(conv.compact(&[false], true)),
            Spatial::Winograd(_) => unreachable!("a map that may be wanted at even pixels only is summed directly"),
        }
    }

    pub(super) fn run(&self, x: &[f32], y: &mut [f32], epilogue: Epilogue<'_>) {
        match self {
            Spatial::Direct(conv) => conv.run(x, y, epilogue),
            Spatial::Winograd(conv) => conv.run(x, y, epilogue),
        }
    }
}

/// The tile of a convolution that goes by Winograd's way where all of its map is wanted: the 3x3s do, but for the
/// strided ones. The last map takes the smaller tile: its weights come from memory for every image, 17 MB of them
/// rather than 38.
pub fn winograd_tile(conv: &Conv) -> Option<Outputs> {
    /// Sides up to here.
    const SMALL: usize = 7;
    let tile = if conv.side_in > SMALL { Outputs::Four } else { Outputs::Two };
    (conv.kernel == 3 && conv.stride == 1).then_some(tile)
}

/// A map that may be wanted at even pixels only is summed directly: it is to have the same bytes either way.
fn by_winograd(conv: &Conv, shape: Shape) -> Option<Outputs> {
    winograd_tile(conv).filter(|_| !shape.may_be_compact)
}

impl Packed {
    pub(super) fn new(weights: &Weights, token: Token, shapes: &[Shape]) -> Packed {
        let network = weights.network();
        let (mut stem, mut head) = (None, None);
        let mut slots: Vec<Slots> = network.blocks.iter().map(|_| Slots::default()).collect();
        type Pack<'a> = Box<dyn FnOnce() + Send + 'a>;
        // With the number of weights that each folds.
        let mut jobs: Vec<(usize, Pack<'_>)> = Vec::new();
        for ((block, slots), &shape) in network.blocks.iter().zip(&mut slots).zip(shapes) {
            let Slots { outer, spatial } = slots;
            let conv = &block.spatial;
            let winograd = by_winograd(conv, shape);
            jobs.push((
                conv.weight_len(),
                Box::new(move || {
                    let folded = weights.conv(conv);
                    *spatial = Some((Arc::new(Spatial::new(token, conv, &folded, winograd)), bias(conv, &folded)));
                }),
            ));
            let all: usize = block.convs().map(Conv::weight_len).sum();
            jobs.push((all - conv.weight_len(), Box::new(move || *outer = Some(Outer::new(weights, token, block)))));
        }
        let dense = network.head.c_in * network.head.c_out;
        jobs.push((dense, Box::new(|| head = Some(Head::new(&weights.dense())))));
        let conv = &network.stem;
        jobs.push((conv.weight_len(), Box::new(|| stem = Some(Stem::new(token, conv, &weights.conv(conv))))));
        jobs.sort_by_key(|(folded, _)| std::cmp::Reverse(*folded));
        rayon::scope_fifo(|scope| jobs.into_iter().for_each(|(_, job)| scope.spawn_fifo(move |_| job())));

        let (stem, head): (Stem, Head) = (done(stem), done(head));
        let mut biases = vec![Vec::new(); network.convs().count()];
        biases[network.stem.index] = stem.bias().to_vec();
        let block = |slots: Slots| {
            let (outer, (spatial, bias)) = (done(slots.outer), done(slots.spatial));
            let Outer { reduce, expand, expand_dgrad, input_dgrad, biases: others } = outer;
            others.into_iter().chain([bias]).for_each(|(conv, bias)| biases[conv] = bias);
            let [reduce, expand, expand_dgrad, input_dgrad] = [reduce, expand, expand_dgrad, input_dgrad].map(Arc::new);
            BlockPlan { reduce, spatial, expand, expand_dgrad, input_dgrad }
        };
        let blocks = slots.into_iter().map(block).collect();
        Packed { stem, blocks, head, biases }
    }

    /// The blocks for maps of other shapes, with the same weights. Only a block that touches a compact map has a
    /// packing of its own, and it shares all but the way back through its 3x3.
    pub(super) fn shaped(&self, weights: &Weights, token: Token, shapes: &[Shape]) -> Vec<BlockPlan> {
        let network = weights.network();
        let shaped = |((plan, block), &Shape { input, output, .. }): ((&BlockPlan, &Block), &Shape)| {
            let mut plan = plan.clone();
            let projects = block.project.is_some();
            if input {
                assert!(projects && !output, "a compact map is read by the first block of a stage");
                plan.reduce = Arc::new(plan.reduce.compact(&[true], false));
                plan.expand = Arc::new(plan.expand.compact(&[false, true], false));
                plan.input_dgrad = Arc::new(plan.input_dgrad.compact(&[false, false], true));
            }
            if output {
                assert!(!projects, "the last block of a stage has no projection");
                let strided = Conv { stride: 2, ..block.spatial.clone() };
                let folded = weights.conv(&block.spatial);
                plan.spatial = Arc::new([
                    plan.spatial[0].at_even_pixels(),
                    Spatial::Direct(PackedConv::dgrad(token, &strided, &folded)),
                ]);
                plan.expand = Arc::new(plan.expand.compact(&[true], true));
                plan.expand_dgrad = Arc::new(plan.expand_dgrad.compact(&[true], true));
            }
            plan
        };
        self.blocks.iter().zip(&network.blocks).zip(shapes).map(shaped).collect()
    }
}

/// What is to become a block.
#[derive(Default)]
struct Slots {
    outer: Option<Outer>,
    spatial: Option<(Arc<[Spatial; 2]>, Bias)>,
}

/// A bias, with [`Conv::index`].
type Bias = (usize, Vec<f32>);

fn bias(conv: &Conv, folded: &FoldedConv) -> Bias {
    (conv.index, folded.bias.iter().map(|&b| b as f32).collect())
}

/// All of a block but its 3x3.
struct Outer {
    reduce: PackedConv,
    expand: PackedConv,
    expand_dgrad: PackedConv,
    input_dgrad: PackedConv,
    biases: Vec<Bias>,
}

impl Outer {
    fn new(weights: &Weights, token: Token, block: &Block) -> Outer {
        let (reduce, expand) = (weights.conv(&block.reduce), weights.conv(&block.expand));
        let project = block.project.as_ref().map(|conv| (conv, weights.conv(conv)));
        let project = project.as_ref().map(|(conv, folded)| (*conv, folded));
        let reduce = (&block.reduce, &reduce);
        let expand = (&block.expand, &expand);
        let with_projection = |first| -> Vec<_> { std::iter::once(first).chain(project).collect() };
        Outer {
            reduce: PackedConv::forward(token, reduce.0, reduce.1),
            expand: PackedConv::forward_sum(token, &with_projection(expand)),
            expand_dgrad: PackedConv::dgrad(token, expand.0, expand.1),
            input_dgrad: PackedConv::dgrad_sum(token, &with_projection(reduce)),
            biases: [reduce, expand].into_iter().chain(project).map(|(conv, folded)| bias(conv, folded)).collect(),
        }
    }
}

fn done<T>(result: Option<T>) -> T {
    result.expect("every task of a scope has run when it ends")
}
