//! Which shapes every block of the network computes in: pure arithmetic, no device.
//!
//! Two variants of the network, with and without the pixels that nobody reads, come out as one kind of description: a
//! block is [`BlockGeometry`], whatever the reason for its strides.

use backlit_net::arch::{BLOCKS, Block, Network, Variant};

/// A feature map of one image: `[side, side, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Map {
    /// Rows and columns.
    pub(crate) side: usize,
    /// Channels.
    pub(crate) channels: usize,
}

impl Map {
    /// Elements of one image.
    pub(crate) fn len(self) -> usize {
        self.side * self.side * self.channels
    }
}

/// What joins a block's input to its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortcut {
    /// The input itself, at every pixel (1) or at those with even row and column (2).
    Identity {
        /// Step in rows and columns.
        stride: usize,
    },
    /// A 1x1 of the input.
    Project {
        /// Step in rows and columns.
        stride: usize,
    },
}

/// One bottleneck as it is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockGeometry {
    /// What enters.
    pub(crate) input: Map,
    /// Behind the first 1x1.
    pub(crate) reduced: Map,
    /// Behind the 3x3.
    pub(crate) spatial: Map,
    /// What leaves.
    pub(crate) output: Map,
    /// Step of the first 1x1.
    pub(crate) stride_reduce: usize,
    /// Step of the 3x3.
    pub(crate) stride_spatial: usize,
    /// What joins input and output.
    pub(crate) shortcut: Shortcut,
    /// Whether only the even pixels of the output are computed, for nobody reads the others.
    pub(crate) thinned: bool,
}

impl BlockGeometry {
    /// Whether the gradient of `reduced` comes from a 3x3 that strides.
    pub(crate) fn reduced_in_parity(&self) -> bool {
        self.stride_spatial == 2
    }

    /// Whether the gradient of `input` comes from a 1x1 that strides.
    pub(crate) fn input_in_parity(&self) -> bool {
        self.stride_reduce == 2 || self.shortcut == Shortcut::Project { stride: 2 }
    }
}

/// The whole network as it is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Rows and columns of the image.
    pub(crate) side: usize,
    /// What the stem and its pool give.
    pub(crate) pooled: Map,
    /// The sixteen blocks.
    pub(crate) blocks: Vec<BlockGeometry>,
}

impl Geometry {
    /// The network on images of `side` rows and columns, a multiple of 32; the published network has 224.
    ///
    /// In v1 the first block of stages 3, 4 and 5 reads only the even pixels of the block before it. With `dead_code`
    /// eliminated that block computes no others: its 3x3 strides instead, and what follows is dense. The sums that
    /// remain are the same sums.
    pub(crate) fn new(network: &Network, side: usize, dead_code: bool) -> Geometry {
        let pooled = Map { side: side / 4, channels: network.pool.channels };
        let mut input = pooled;
        let mut blocks: Vec<BlockGeometry> = Vec::with_capacity(BLOCKS);
        for block in &network.blocks {
            let behind_thinned = blocks.last().is_some_and(|b: &BlockGeometry| b.thinned);
            let next = network.blocks.get(block.index + 1);
            let thinned = dead_code && next.is_some_and(|next| reads_even_pixels_only(network, next));
            let geometry = one(block, input, behind_thinned, thinned);
            input = geometry.output;
            blocks.push(geometry);
        }
        Geometry { side, pooled, blocks }
    }

    /// Whether block `index` computes all of its output.
    pub(crate) fn is_whole(&self, index: usize) -> bool {
        !self.blocks[index].thinned
    }
}

/// Whether a block strides over its input with all that reads it.
fn reads_even_pixels_only(network: &Network, block: &Block) -> bool {
    network.variant == Variant::V1 && block.reduce.stride == 2
}

fn one(block: &Block, input: Map, behind_thinned: bool, thinned: bool) -> BlockGeometry {
    // The pixels that a stride would have skipped are gone already.
    let stride = |published: usize| if behind_thinned { 1 } else { published };
    let stride_reduce = stride(block.reduce.stride);
    let stride_spatial = if thinned { 2 } else { block.spatial.stride };
    let reduced = Map { side: input.side / stride_reduce, channels: block.reduce.c_out };
    let spatial = Map { side: reduced.side.div_ceil(stride_spatial), channels: block.spatial.c_out };
    let output = Map { side: spatial.side, channels: block.expand.c_out };
    let shortcut = match &block.project {
        Some(project) => Shortcut::Project { stride: stride(project.stride) },
        None => Shortcut::Identity { stride: if thinned { 2 } else { 1 } },
    };
    BlockGeometry { input, reduced, spatial, output, stride_reduce, stride_spatial, shortcut, thinned }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry(variant: Variant, side: usize, dead_code: bool) -> Geometry {
        Geometry::new(Network::of(variant), side, dead_code)
    }

    /// Multiply-accumulates of all blocks for one image.
    fn macs(g: &Geometry) -> usize {
        let block = |b: &BlockGeometry| {
            let pixels = |m: Map| m.side * m.side;
            let reduce = pixels(b.reduced) * b.input.channels * b.reduced.channels;
            let spatial = pixels(b.spatial) * 9 * b.reduced.channels * b.spatial.channels;
            let project = if let Shortcut::Project { .. } = b.shortcut { b.input.channels } else { 0 };
            reduce + spatial + pixels(b.output) * (b.spatial.channels + project) * b.output.channels
        };
        g.blocks.iter().map(block).sum()
    }

    #[test]
    fn without_elimination_it_is_the_table() {
        for variant in [Variant::V1, Variant::V1_5] {
            let (network, found) = (Network::of(variant), geometry(variant, 224, false));
            assert_eq!(found.pooled, Map { side: 56, channels: 64 });
            for (block, found) in network.blocks.iter().zip(&found.blocks) {
                assert_eq!(found.input.len(), block.reduce.input_len(), "{}", block.name);
                assert_eq!(found.reduced.len(), block.reduce.output_len(), "{}", block.name);
                assert_eq!(found.spatial.len(), block.spatial.output_len(), "{}", block.name);
                assert_eq!(found.output.len(), block.expand.output_len(), "{}", block.name);
                assert!(!found.thinned);
            }
            let table: u64 = network.convs().skip(1).map(|c| c.macs()).sum();
            assert_eq!(macs(&found) as u64, table);
        }
    }

    #[test]
    fn elimination_thins_three_blocks_of_v1_and_none_of_v1_5() {
        let thin = |variant| {
            let g = geometry(variant, 224, true);
            (0..BLOCKS).filter(|&i| !g.is_whole(i)).collect::<Vec<_>>()
        };
        assert_eq!(thin(Variant::V1), [2, 6, 12]);
        assert!(thin(Variant::V1_5).is_empty());
        assert_eq!(geometry(Variant::V1_5, 224, true), geometry(Variant::V1_5, 224, false));

        let (g, whole) = (geometry(Variant::V1, 224, true), geometry(Variant::V1, 224, false));
        for (index, (b, w)) in g.blocks.iter().zip(&whole.blocks).enumerate() {
            assert_eq!(b.stride_reduce, 1, "{index}");
            assert!(!b.input_in_parity(), "{index}: what is left of v1 is dense");
            assert_eq!(b.reduced_in_parity(), b.thinned, "{index}");
            let next_to_thinned = b.thinned || index > 0 && g.blocks[index - 1].thinned;
            assert_eq!(b == w, !next_to_thinned, "{index}");
        }
        assert_eq!(g.blocks[2].output, Map { side: 28, channels: 256 });
        assert_eq!(g.blocks[2].shortcut, Shortcut::Identity { stride: 2 });
        assert_eq!(g.blocks[3].input, g.blocks[2].output);
        assert_eq!(g.blocks[3].shortcut, Shortcut::Project { stride: 1 });
        // Three 3x3s at a quarter of their pixels, and three expansions.
        let (spatial, expand) = (56 * 56 * 9 * 64 * 64, 56 * 56 * 64 * 256);
        assert_eq!(macs(&whole) - macs(&g), 3 * (spatial + expand) * 3 / 4);
    }

    #[test]
    fn parity_where_a_gradient_is_made_by_striding() {
        let parity = |g: &Geometry| {
            let all = |f: &dyn Fn(usize) -> bool| (0..BLOCKS).filter(|&i| f(i)).collect::<Vec<_>>();
            (
                all(&|i| g.blocks[i].reduced_in_parity()),
                all(&|i| g.blocks.get(i + 1).is_some_and(|next| next.input_in_parity())),
            )
        };
        assert_eq!(parity(&geometry(Variant::V1, 224, true)), (vec![2, 6, 12], vec![]));
        assert_eq!(parity(&geometry(Variant::V1, 224, false)), (vec![], vec![2, 6, 12]));
        assert_eq!(parity(&geometry(Variant::V1_5, 224, true)), (vec![3, 7, 13], vec![2, 6, 12]));
    }

    #[test]
    fn a_tiny_image_goes_all_the_way() {
        for (variant, dead_code) in [(Variant::V1, true), (Variant::V1, false), (Variant::V1_5, true)] {
            let g = geometry(variant, 32, dead_code);
            assert_eq!(g.pooled, Map { side: 8, channels: 64 });
            assert_eq!(g.blocks[BLOCKS - 1].output, Map { side: 1, channels: 2048 });
            for b in g.blocks.iter().filter(|b| b.reduced_in_parity()) {
                assert_eq!(b.reduced.side % 2, 0);
            }
            for b in g.blocks.iter().filter(|b| b.input_in_parity()) {
                assert_eq!(b.input.side % 2, 0);
            }
        }
    }
}
