//! Every launch of a gradient, with its work and its traffic, derived from the table of the network.

use backlit_net::Variant;
use backlit_net::arch::{Block, Network};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Forward,
    Back,
}

/// What runs it: matrix instructions, or CUDA cores in single precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cores {
    Matrix,
    Plain,
}

/// One launch, for one image.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Launch {
    /// Keras' name without `res`, the first of its kind.
    pub(crate) name: String,
    /// How many of this kind the network has.
    pub(crate) count: usize,
    pub(crate) way: Way,
    pub(crate) cores: Cores,
    /// The product, one image: pixels written, channels written, length of the sums of each term.
    pub(crate) shape: (usize, usize, Vec<usize>),
    /// Multiply-adds.
    pub(crate) macs: usize,
    /// Activations or gradients read and written, residual included: elements.
    pub(crate) moved: usize,
    /// Other bytes read or written: gate bits, pool codes, the picture.
    pub(crate) extra: usize,
    /// Weights read once for the batch: elements.
    pub(crate) weights: usize,
    /// Multiply-adds that kernels do for one of `macs`, on matrix instructions and on CUDA cores: padding of the sums,
    /// edges that neighbouring tiles both compute.
    pub(crate) waste: [f64; 2],
}

/// A block as it is run: in v1 nobody computes what the next stage would skip.
struct Sides {
    /// Of the input, of what the 1x1 writes, of what the 3x3 and the block write.
    input: usize,
    middle: usize,
    output: usize,
    /// Every how many pixels the shortcut reads.
    shortcut: usize,
}

impl Sides {
    fn of(network: &Network, block: &Block) -> Sides {
        let next = network.blocks.get(block.index + 1);
        let (side, out) = (block.spatial.side_in, block.side_out());
        match network.variant {
            Variant::V1 => {
                let skipped = next.is_some_and(|n| n.reduce.stride == 2);
                let output = if skipped { out / 2 } else { out };
                Sides { input: side, middle: side, output, shortcut: side / output }
            }
            _ => Sides { input: block.reduce.side_in, middle: side, output: out, shortcut: block.reduce.side_in / out },
        }
    }
}

/// Forward, then backward; launches of one shape counted together.
pub(crate) fn launches(network: &Network) -> Vec<Launch> {
    let mut all = vec![];
    let (stem, pooled) = (&network.stem, network.pool.side_out().pow(2) * 64);
    let picture = 4 * stem.input_len();
    let stem = |way| Launch {
        name: "conv1 with its pool".into(),
        count: 1,
        way,
        cores: Cores::Matrix,
        shape: (stem.side_out().pow(2), stem.c_out, vec![stem.kernel.pow(2) * stem.c_in]),
        macs: stem.macs() as usize,
        moved: pooled,
        extra: picture + pooled / 2,
        weights: stem.weight_len(),
        // As the heads of the newest kernels in `kernels/stem` count it.
        waste: if way == Way::Forward { [1.2 * 1.13 * 1.1, 1.25] } else { [1.14 * 1.14, 1.1] },
    };
    let head = |way| Launch {
        name: "head".into(),
        count: 1,
        way,
        cores: Cores::Plain,
        shape: (1, network.head.c_out, vec![network.head.c_in]),
        macs: network.head.c_in * network.head.c_out,
        moved: 49 * network.head.c_in,
        extra: if way == Way::Back { 49 * network.head.c_in / 8 } else { 0 },
        weights: network.head.c_in * network.head.c_out,
        waste: [1.0; 2],
    };
    all.push(stem(Way::Forward));
    all.extend(network.blocks.iter().flat_map(|b| forward(network, b)));
    all.push(head(Way::Forward));
    all.push(head(Way::Back));
    all.extend(network.blocks.iter().rev().flat_map(|b| back(network, b)));
    all.push(stem(Way::Back));
    together(all)
}

/// A convolution as a matrix product: pixels and channels written, (pixels read, length of the sum) of each term.
fn product(name: &str, way: Way, pixels: usize, channels: usize, terms: &[(usize, usize, usize)]) -> Launch {
    Launch {
        name: name.trim_start_matches("res").replace("_branch", " "),
        count: 1,
        way,
        cores: Cores::Matrix,
        shape: (pixels, channels, terms.iter().map(|t| t.1).collect()),
        macs: terms.iter().map(|(_, k, done)| done * k * channels).sum(),
        moved: terms.iter().map(|t| t.0).sum::<usize>() + pixels * channels,
        extra: pixels * channels / 8,
        weights: terms.iter().map(|t| t.1 * channels).sum(),
        waste: [1.0; 2],
    }
}

fn forward(network: &Network, block: &Block) -> Vec<Launch> {
    let Sides { input, middle, output, shortcut } = Sides::of(network, block);
    let (x, h, w) = (block.reduce.c_in, block.spatial.c_in, block.c_out());
    let (input, middle, output) = (input.pow(2), middle.pow(2), output.pow(2));
    let reduce = product(&block.reduce.name, Way::Forward, middle, h, &[(input * x, x, middle)]);
    let spatial = product(&block.spatial.name, Way::Forward, output, h, &[(middle * h, 9 * h, output)]);
    let mut terms = vec![(output * h, h, output)];
    if block.project.is_some() {
        terms.push((input * x / shortcut.pow(2), x, output));
    }
    let mut expand = product(&block.expand.name, Way::Forward, output, w, &terms);
    if block.project.is_none() {
        expand.moved += output * w;
    }
    vec![reduce, spatial, expand]
}

fn back(network: &Network, block: &Block) -> Vec<Launch> {
    let Sides { input, middle, output, .. } = Sides::of(network, block);
    let (x, h, w) = (block.reduce.c_in, block.spatial.c_in, block.c_out());
    let (input, middle, output) = (input.pow(2), middle.pow(2), output.pow(2));
    let expand = product(&block.expand.name, Way::Back, output, h, &[(output * w, w, output)]);
    let mut spatial = product(&block.spatial.name, Way::Back, middle, h, &[(output * h, 9 * h, output)]);
    spatial.shape.2 = vec![9 * h * output / middle];
    let mut terms = vec![(middle * h, h, middle)];
    if block.project.is_some() {
        terms.push((output * w, w, output));
    }
    let mut reduce = product(&block.reduce.name, Way::Back, input, x, &terms);
    if block.project.is_none() {
        reduce.moved += output * w;
    }
    if block.index == 0 {
        reduce.extra = 0; // what it reads comes from the pool, which has the gate in its codes
    }
    vec![expand, spatial, reduce]
}

/// Launches that are the same work become one line, where the first of them stands.
fn together(all: Vec<Launch>) -> Vec<Launch> {
    let mut lines: Vec<Launch> = vec![];
    for launch in all {
        let same = |l: &&mut Launch| {
            (l.way, &l.shape, l.macs, l.moved, l.extra)
                == (launch.way, &launch.shape, launch.macs, launch.moved, launch.extra)
        };
        match lines.iter_mut().find(same) {
            Some(line) => line.count += 1,
            None => lines.push(launch),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn macs(variant: Variant, way: Way) -> usize {
        let launches = launches(Network::of(variant));
        launches.iter().filter(|l| l.way == way && l.name != "head").map(|l| l.count * l.macs).sum()
    }

    #[test]
    fn v1_5_does_all_of_the_table_and_v1_what_is_read_later() {
        let head = 2048 * 1000;
        let table = Network::of(Variant::V1_5).macs() as usize - head;
        assert_eq!([macs(Variant::V1_5, Way::Forward), macs(Variant::V1_5, Way::Back)], [table; 2]);
        // Three 3x3 and three expanding 1x1 at a quarter of the pixels: 3 (115.6 + 51.4) 3/4 of a million less.
        let table = Network::of(Variant::V1).macs() as usize - head;
        let saved = 3 * (56 * 56 * 64 * (9 * 64 + 256)) / 4 * 3;
        assert_eq!([macs(Variant::V1, Way::Forward), macs(Variant::V1, Way::Back)], [table - saved; 2]);
    }

    #[test]
    fn one_launch_a_convolution_but_for_projections() {
        for variant in [Variant::V1, Variant::V1_5] {
            let launches = launches(Network::of(variant));
            assert_eq!(launches.iter().map(|l| l.count).sum::<usize>(), 2 * (53 - 4 + 1));
        }
    }

    #[test]
    fn a_first_block_concatenates() {
        let launches = launches(Network::of(Variant::V1));
        let find = |name: &str, way| launches.iter().find(|l| l.name == name && l.way == way).expect("a launch");
        assert_eq!(find("3a 2c", Way::Forward).shape, (784, 512, vec![128, 256]));
        assert_eq!(find("3a 2a", Way::Back).shape, (784, 256, vec![128, 512]));
        // 128 channels and the dense input in, 512 out; gates of the output.
        let expand = find("3a 2c", Way::Forward);
        assert_eq!((expand.moved, expand.extra), (784 * (128 + 256 + 512), 784 * 512 / 8));
    }
}
