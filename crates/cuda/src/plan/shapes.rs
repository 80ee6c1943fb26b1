//! The six convolutions of a block, three there and three back, as launches.
//!
//! ```text
//! forward   reduced  = relu(reduce(input) + bias)
//!           spatial  = relu(3x3(reduced) + bias)
//!           output   = relu(expand(spatial) + project(input) + bias)       two terms, one accumulator
//!                   or relu(expand(spatial) + bias + input)
//! back      d spatial = gate . expand'(d output)
//!           d reduced = gate . 3x3'(d spatial)
//!           d input   = gate . (reduce'(d reduced) + project'(d output))   two terms, one accumulator
//!                    or gate . (reduce'(d reduced) + d output)
//! ```
//!
//! where `f'` is the gradient of `f`, and every gradient that is kept has gone through the gate of its tensor.

use super::geometry::{BlockGeometry, Geometry, Map, Shortcut};
use super::tensors::{input_order, reduced_order};
use crate::ops::conv::{ConvShape, Direction, ResidualShape, RowOrder, Term};

/// The launches of one block.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BlockShapes {
    pub(crate) reduce: ConvShape,
    pub(crate) spatial: ConvShape,
    pub(crate) expand: ConvShape,
    pub(crate) spatial_back: ConvShape,
    pub(crate) reduced_back: ConvShape,
    pub(crate) input_back: ConvShape,
}

impl BlockShapes {
    /// Those of block `index`.
    pub(crate) fn of(geometry: &Geometry, index: usize) -> BlockShapes {
        let b = &geometry.blocks[index];
        let identity = |side, stride_read, stride_write| ResidualShape { side, stride_read, stride_write };
        let (projected, added, added_back) = match b.shortcut {
            Shortcut::Project { stride } => (Some(stride), None, None),
            Shortcut::Identity { stride } => {
                (None, Some(identity(b.input.side, stride, 1)), Some(identity(b.output.side, 1, stride)))
            }
        };
        let (there, back) = (Direction::Forward, Direction::Dgrad);
        let mut expand = shape(there, vec![point(b.spatial, 1)], b.output, input_order(geometry, index + 1));
        let mut input_back =
            shape(back, vec![point(b.reduced, b.stride_reduce)], b.input, input_order(geometry, index));
        if let Some(stride) = projected {
            expand.terms.push(point(b.input, stride));
            input_back.terms.push(point(b.output, stride));
        }
        expand.residual = added;
        input_back.residual = added_back;
        let reduced = reduced_order(b);
        BlockShapes {
            reduce: shape(there, vec![point(b.input, b.stride_reduce)], b.reduced, reduced),
            spatial: shape(there, vec![window(b.reduced, b)], b.spatial, RowOrder::Raster),
            expand,
            spatial_back: shape(back, vec![point(b.output, 1)], b.spatial, RowOrder::Raster),
            reduced_back: shape(back, vec![window(b.spatial, b)], b.reduced, reduced),
            input_back,
        }
    }
}

fn shape(direction: Direction, terms: Vec<Term>, written: Map, order: RowOrder) -> ConvShape {
    ConvShape { direction, terms, side: written.side, channels: written.channels, residual: None, order }
}

/// A 1x1 that reads `map`.
fn point(map: Map, stride: usize) -> Term {
    Term { side: map.side, channels: map.channels, kernel: 1, stride, pad: 0 }
}

/// The block's 3x3, reading `map`.
fn window(map: Map, block: &BlockGeometry) -> Term {
    Term { side: map.side, channels: map.channels, kernel: 3, stride: block.stride_spatial, pad: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backlit_net::arch::{Network, Variant};

    #[test]
    fn both_ways_take_the_same_work() {
        for (variant, dead_code) in [(Variant::V1, true), (Variant::V1, false), (Variant::V1_5, true)] {
            let g = Geometry::new(Network::of(variant), 224, dead_code);
            for index in 0..g.blocks.len() {
                let s = BlockShapes::of(&g, index);
                let there = s.reduce.macs() + s.spatial.macs() + s.expand.macs();
                let back = s.spatial_back.macs() + s.reduced_back.macs() + s.input_back.macs();
                assert_eq!(there, back, "{variant} {index}");
            }
        }
    }

    #[test]
    fn the_network_s_work_is_the_table_s() {
        let network = Network::of(Variant::V1_5);
        let g = Geometry::new(network, 224, true);
        let found: u64 =
            (0..16).map(|i| BlockShapes::of(&g, i)).map(|s| s.reduce.macs() + s.spatial.macs() + s.expand.macs()).sum();
        assert_eq!(found, network.convs().skip(1).map(|c| c.macs()).sum::<u64>());
    }

    #[test]
    fn a_thinned_block_reads_and_writes_even_pixels() {
        let g = Geometry::new(Network::of(Variant::V1), 224, true);
        let s = BlockShapes::of(&g, 2);
        assert_eq!(s.expand.residual, Some(ResidualShape { side: 56, stride_read: 2, stride_write: 1 }));
        assert_eq!(s.input_back.residual, Some(ResidualShape { side: 28, stride_read: 1, stride_write: 2 }));
        assert_eq!((s.spatial.side, s.reduced_back.side, s.reduced_back.order), (28, 56, RowOrder::Parity));
        assert_eq!(s.input_back.order, RowOrder::Raster);
        let next = BlockShapes::of(&g, 3);
        assert_eq!((next.expand.terms.len(), next.expand.terms[1].stride, next.expand.residual), (2, 1, None));
    }
}
