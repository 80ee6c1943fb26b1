//! The convolution launches of the network, each kind once.

use backlit_cuda::ops::conv::{ConvShape, Direction, ResidualShape, RowOrder, Term};
use backlit_net::arch::{Block, Network};

/// A launch, by the name of its layer, and how many there are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layer {
    pub(crate) name: String,
    pub(crate) count: usize,
    pub(crate) shape: ConvShape,
}

/// All of variant v1, without what later layers skip: forward, then backward.
pub(crate) fn layers(network: &Network) -> Vec<Layer> {
    let mut layers: Vec<Layer> = vec![];
    let forward = network.blocks.iter().flat_map(|b| forward(network, b));
    for (name, shape) in forward.chain(network.blocks.iter().rev().flat_map(|b| backward(network, b))) {
        match layers.iter_mut().find(|l| l.shape == shape) {
            Some(layer) => layer.count += 1,
            None => layers.push(Layer { name: name.trim_start_matches("res").into(), count: 1, shape }),
        }
    }
    layers
}

/// Sides of what the 1x1 writes and of what the block writes: half of it where the next stage reads every other pixel.
fn sides(network: &Network, block: &Block) -> (usize, usize) {
    let skipped = network.blocks.get(block.index + 1).is_some_and(|next| next.reduce.stride == 2);
    let side = block.spatial.side_in;
    (side, if skipped { side / 2 } else { side })
}

fn order(middle: usize, output: usize) -> RowOrder {
    if middle == output { RowOrder::Raster } else { RowOrder::Parity }
}

fn point(side: usize, channels: usize) -> Term {
    Term { side, channels, kernel: 1, stride: 1, pad: 0 }
}

fn forward(network: &Network, block: &Block) -> Vec<(String, ConvShape)> {
    let (middle, output) = sides(network, block);
    let (x, h, y, stride) = (block.reduce.c_in, block.spatial.c_in, block.c_out(), middle / output);
    let launch = |terms: Vec<Term>, side, channels, residual, order| ConvShape {
        direction: Direction::Forward,
        terms,
        side,
        channels,
        residual,
        order,
    };
    let raster = RowOrder::Raster;
    let spatial = Term { side: middle, channels: h, kernel: 3, stride, pad: 1 };
    let (mut terms, mut residual) = (vec![point(output, h)], None);
    match block.project {
        Some(_) => terms.push(point(middle, x)),
        None => residual = Some(ResidualShape { side: middle, stride_read: stride, stride_write: 1 }),
    }
    vec![
        (block.reduce.name.clone(), launch(vec![point(middle, x)], middle, h, None, order(middle, output))),
        (block.spatial.name.clone(), launch(vec![spatial], output, h, None, raster)),
        (block.expand.name.clone(), launch(terms, output, y, residual, raster)),
    ]
}

fn backward(network: &Network, block: &Block) -> Vec<(String, ConvShape)> {
    let (middle, output) = sides(network, block);
    let (x, h, y, stride) = (block.reduce.c_in, block.spatial.c_in, block.c_out(), middle / output);
    let launch = |terms: Vec<Term>, side, channels, residual, order| ConvShape {
        direction: Direction::Dgrad,
        terms,
        side,
        channels,
        residual,
        order,
    };
    let raster = RowOrder::Raster;
    let spatial = Term { side: output, channels: h, kernel: 3, stride, pad: 1 };
    let (mut terms, mut residual) = (vec![point(middle, h)], None);
    match block.project {
        Some(_) => terms.push(point(output, y)),
        None => residual = Some(ResidualShape { side: output, stride_read: 1, stride_write: stride }),
    }
    vec![
        (block.expand.name.clone(), launch(vec![point(output, y)], output, h, None, raster)),
        (block.spatial.name.clone(), launch(vec![spatial], middle, h, None, order(middle, output))),
        (block.reduce.name.clone(), launch(terms, middle, x, residual, raster)),
    ]
}

#[cfg(test)]
mod tests {
    use backlit_net::Variant;

    use super::*;

    #[test]
    fn all_launches_but_those_of_stem_and_head() {
        let network = Network::of(Variant::V1);
        let layers = layers(network);
        assert_eq!(layers.iter().map(|l| l.count).sum::<usize>(), 2 * 48);
        let macs: u64 = layers.iter().map(|l| l.count as u64 * l.shape.macs()).sum();
        // A stem and what three shortened blocks save are missing: see kernels/PREDICTIONS.md.
        let all = network.convs().map(backlit_net::arch::Conv::macs).sum::<u64>() - network.stem.macs();
        let saved = 3 * (56 * 56 * 64 * (9 * 64 + 256)) / 4 * 3;
        assert_eq!(macs, 2 * (all - saved));
    }
}
