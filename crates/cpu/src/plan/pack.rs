//! Weights, folded and packed once, at load.
//!
//! Layers are independent: they are handed out to the threads one by one, the largest first, so that no thread is left
//! with a large one at the end. BatchNorm is folded in double precision for one layer at a time, which takes 19 MB at
//! most and next to nothing by the time that most packed weights are there.

use backlit_net::arch::{Block, Conv, Network};
use backlit_net::weights::Weights;

use crate::isa::Token;
use crate::ops::conv2d::PackedConv;
use crate::ops::head::Head;
use crate::ops::stem::Stem;

/// The network, packed.
pub(super) struct Packed {
    pub(super) stem: Stem,
    pub(super) blocks: Vec<BlockPlan>,
    pub(super) head: Head,
}

/// The convolutions of a block.
pub(super) struct BlockPlan {
    pub(super) reduce: BothWays,
    pub(super) spatial: BothWays,
    pub(super) expand: BothWays,
    pub(super) project: Option<BothWays>,
}

/// A convolution and its gradient.
pub(super) struct BothWays {
    /// [`Conv::index`].
    pub(super) index: usize,
    pub(super) forward: PackedConv,
    pub(super) dgrad: PackedConv,
}

impl BlockPlan {
    /// In table order: reduce, spatial, expand, and the projection if there is one.
    pub(super) fn convs(&self) -> impl Iterator<Item = &BothWays> {
        [&self.reduce, &self.spatial, &self.expand].into_iter().chain(&self.project)
    }
}

impl Packed {
    pub(super) fn new(weights: &Weights, token: Token) -> Packed {
        let network: &Network = weights.network();
        let convs: Vec<&Conv> = network.blocks.iter().flat_map(Block::convs).collect();
        let (mut stem, mut head) = (None, None);
        let mut packed: Vec<Option<BothWays>> = convs.iter().map(|_| None).collect();

        let mut jobs: Vec<(&Conv, &mut Option<BothWays>)> = convs.into_iter().zip(&mut packed).collect();
        jobs.sort_by_key(|(conv, _)| std::cmp::Reverse(conv.weight_len()));
        rayon::scope_fifo(|scope| {
            for (conv, packed) in jobs {
                scope.spawn_fifo(move |_| *packed = Some(BothWays::new(weights, token, conv)));
            }
            scope.spawn_fifo(|_| head = Some(Head::new(&weights.dense())));
            scope.spawn_fifo(|_| stem = Some(Stem::new(&network.stem, &weights.conv(&network.stem))));
        });

        // In the order of the table, as they were listed.
        let mut packed = packed.into_iter().map(done);
        let mut next = || done(packed.next());
        let block = |block: &Block| BlockPlan {
            reduce: next(),
            spatial: next(),
            expand: next(),
            project: block.project.as_ref().map(|_| next()),
        };
        let blocks = network.blocks.iter().map(block).collect();
        Packed { stem: done(stem), blocks, head: done(head) }
    }
}

fn done<T>(result: Option<T>) -> T {
    result.expect("every task of a scope has run when it ends")
}

impl BothWays {
    fn new(weights: &Weights, token: Token, conv: &Conv) -> BothWays {
        let folded = weights.conv(conv);
        let (forward, dgrad) = (PackedConv::forward(token, conv, &folded), PackedConv::dgrad(token, conv, &folded));
        BothWays { index: conv.index, forward, dgrad }
    }
}
