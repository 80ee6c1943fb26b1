//! A small sister of ResNet-50: the same sixteen blocks with the same strides and projections, on small images and with
//! few channels. Whatever can go wrong between layers goes wrong in it too, and it costs a thousandth.

use backlit_net::arch::{Conv, Network, Role, Variant};
use backlit_net::weights::{FoldedConv, FoldedDense};
use backlit_net::{CLASSES, FEATURES};

use crate::random::Random;

/// Channels inside a block.
const WIDTH: usize = 64;
/// Channels between blocks, except for the last three.
const WIDE: usize = 128;

/// The table of a variant for images of `side` rows and columns, a multiple of 32: 64 channels inside of blocks, 128
/// between them, and 2048 in the last stage, as the head wants.
pub fn network(variant: Variant, side: usize) -> &'static Network {
    let mut network = Network::of(variant).clone();
    let scaled = |published: usize| published * side / backlit_net::SIDE;
    network.stem.side_in = side;
    network.pool.side_in = scaled(network.pool.side_in);
    let mut c_in = network.pool.channels;
    for block in &mut network.blocks {
        let c_out = if block.stage == 5 { FEATURES } else { WIDE };
        let channels = [(c_in, WIDTH), (WIDTH, WIDTH), (WIDTH, c_out), (c_in, c_out)];
        let convs = [&mut block.reduce, &mut block.spatial, &mut block.expand].into_iter().chain(&mut block.project);
        for (conv, (c_in, c_out)) in convs.zip(channels) {
            (conv.c_in, conv.c_out, conv.side_in) = (c_in, c_out, scaled(conv.side_in));
        }
        c_in = c_out;
    }
    Box::leak(Box::new(network))
}

/// Random weights for a convolution of any table, by its index: activations stay of about unit size if pixels are.
pub fn folded(conv: &Conv, seed: u64) -> FoldedConv {
    let random = Random::new(seed).stream(conv.index as u64);
    let reach = (6.0 / (conv.kernel * conv.kernel * conv.c_in) as f64).sqrt();
    let scale = match conv.role {
        Role::Expand => 0.4,
        Role::Project => 0.8,
        _ => 1.0,
    };
    FoldedConv {
        weight: random.stream(0).values(conv.weight_len(), scale * reach),
        bias: random.stream(1).values(conv.c_out, 0.2),
    }
}

/// Random weights for the head.
pub fn dense(seed: u64) -> FoldedDense {
    let random = Random::new(seed).stream(1 << 32);
    FoldedDense {
        weight: random.stream(0).values(FEATURES * CLASSES, (6.0 / FEATURES as f64).sqrt()),
        bias: random.stream(1).values(CLASSES, 0.1),
    }
}
