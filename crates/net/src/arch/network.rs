//! The table: stem, pool, sixteen bottleneck blocks, head.

use std::sync::LazyLock;

use super::{Conv, Role};
use crate::{CHANNELS, CLASSES, FEATURES, SIDE};

/// Bottleneck blocks in the network.
pub const BLOCKS: usize = 16;
/// Convolutions in the network: the stem, three a block, four projections.
pub const CONVS: usize = 53;

/// (number in Keras' names, blocks, width of the 3x3).
const STAGES: [(usize, usize, usize); 4] = [(2, 3, 64), (3, 4, 128), (4, 6, 256), (5, 3, 512)];

/// Which published ResNet-50.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Variant {
    /// As in the paper and in Keras: a stage strides in its first 1x1; the pool's border is zero.
    V1,
    /// As in torchvision and timm: a stage strides in its first 3x3; the pool's border never wins.
    V1_5,
}

crate::named!(Variant, "variant", { V1 = "v1", V1_5 = "v1.5" });

/// What a max-pool sees beyond the edge of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolBorder {
    /// Zeros that take part in the maximum (Keras' explicit `ZeroPadding2D`).
    Zero,
    /// Nothing: a border position can never be the maximum (torchvision).
    NegativeInfinity,
}

/// The max-pool after the stem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Channels, in and out.
    pub channels: usize,
    /// Rows and columns of the window.
    pub kernel: usize,
    /// Step in rows and columns.
    pub stride: usize,
    /// Border on every side.
    pub pad: usize,
    /// What the border holds.
    pub border: PoolBorder,
    /// Rows and columns of the input map.
    pub side_in: usize,
}

impl Pool {
    /// Rows and columns of the output map.
    pub fn side_out(&self) -> usize {
        (self.side_in + 2 * self.pad - self.kernel) / self.stride + 1
    }
}

/// One bottleneck: `relu(expand(relu(spatial(relu(reduce(x))))) + shortcut(x))`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Position, 0 to 15.
    pub index: usize,
    /// Keras' name, `2a` to `5c`.
    pub name: String,
    /// Stage as Keras counts, 2 to 5.
    pub stage: usize,
    /// The 1x1 that narrows.
    pub reduce: Conv,
    /// The 3x3.
    pub spatial: Conv,
    /// The 1x1 that widens.
    pub expand: Conv,
    /// The shortcut's 1x1, in the first block of a stage; elsewhere the shortcut is the identity.
    pub project: Option<Conv>,
}

impl Block {
    /// Rows and columns of the block's output.
    pub fn side_out(&self) -> usize {
        self.expand.side_out()
    }

    /// Channels of the block's output.
    pub fn c_out(&self) -> usize {
        self.expand.c_out
    }

    /// torchvision's name of the block, `layer1.0` to `layer4.2`.
    pub fn torchvision_name(&self) -> String {
        let first = STAGES[..self.stage - 2].iter().map(|s| s.1).sum::<usize>();
        format!("layer{}.{}", self.stage - 1, self.index - first)
    }

    /// Its convolutions in table order: reduce, spatial, expand, and the projection if there is one.
    pub fn convs(&self) -> impl Iterator<Item = &Conv> {
        [&self.reduce, &self.spatial, &self.expand].into_iter().chain(&self.project)
    }
}

/// The fully connected head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dense {
    /// Averaged features.
    pub c_in: usize,
    /// Classes.
    pub c_out: usize,
}

/// One variant of ResNet-50, every shape a constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Which one.
    pub variant: Variant,
    /// The 7x7 that reads the image.
    pub stem: Conv,
    /// The 3x3 max-pool after it.
    pub pool: Pool,
    /// Sixteen bottlenecks, first to last.
    pub blocks: Vec<Block>,
    /// The head, fed by the mean over the last block's 7x7 positions.
    pub head: Dense,
}

static V1: LazyLock<Network> = LazyLock::new(|| Network::build(Variant::V1));
static V1_5: LazyLock<Network> = LazyLock::new(|| Network::build(Variant::V1_5));

impl Network {
    /// The table of a variant.
    pub fn of(variant: Variant) -> &'static Network {
        match variant {
            Variant::V1 => &V1,
            Variant::V1_5 => &V1_5,
        }
    }

    /// All 53 convolutions, in order of [`Conv::index`].
    pub fn convs(&self) -> impl Iterator<Item = &Conv> {
        std::iter::once(&self.stem).chain(self.blocks.iter().flat_map(Block::convs))
    }

    /// Multiply-accumulates of one image, forward: convolutions and head.
    pub fn macs(&self) -> u64 {
        self.convs().map(Conv::macs).sum::<u64>() + (self.head.c_in * self.head.c_out) as u64
    }

    /// Parameters once BatchNorm is folded: convolution weights, one bias a channel, and the head.
    pub fn parameters(&self) -> usize {
        let convs: usize = self.convs().map(|c| c.weight_len() + c.c_out).sum();
        convs + self.head.c_in * self.head.c_out + self.head.c_out
    }

    /// ReLU outputs of one image: all that a backward pass has to know of each is one bit.
    pub fn relu_outputs(&self) -> usize {
        let blocks: usize =
            self.blocks.iter().flat_map(|b| [&b.reduce, &b.spatial, &b.expand]).map(Conv::output_len).sum();
        self.stem.output_len() + blocks
    }

    fn build(variant: Variant) -> Network {
        let mut index = 0;
        let mut conv = |name: String, role, (c_in, c_out), kernel, stride, side_in| {
            let conv = Conv { index, name, role, c_in, c_out, kernel, stride, pad: kernel / 2, side_in };
            index += 1;
            conv
        };
        let stem = conv("conv1".into(), Role::Stem, (CHANNELS, 64), 7, 2, SIDE);
        let border = match variant {
            Variant::V1 => PoolBorder::Zero,
            Variant::V1_5 => PoolBorder::NegativeInfinity,
        };
        let pool = Pool { channels: 64, kernel: 3, stride: 2, pad: 1, border, side_in: stem.side_out() };

        let mut blocks: Vec<Block> = Vec::with_capacity(BLOCKS);
        let (mut c_in, mut side) = (pool.channels, pool.side_out());
        for (stage, count, width) in STAGES {
            for i in 0..count {
                let name = format!("{stage}{}", char::from(b'a' + i as u8));
                let stride = if i == 0 && stage > 2 { 2 } else { 1 };
                let (s_reduce, s_spatial) = match variant {
                    Variant::V1 => (stride, 1),
                    Variant::V1_5 => (1, stride),
                };
                let c_out = 4 * width;
                let branch = |b: &str| format!("res{name}_branch{b}");
                let reduce = conv(branch("2a"), Role::Reduce, (c_in, width), 1, s_reduce, side);
                let spatial = conv(branch("2b"), Role::Spatial, (width, width), 3, s_spatial, reduce.side_out());
                let expand = conv(branch("2c"), Role::Expand, (width, c_out), 1, 1, spatial.side_out());
                let project = (i == 0).then(|| conv(branch("1"), Role::Project, (c_in, c_out), 1, stride, side));
                side = expand.side_out();
                c_in = c_out;
                blocks.push(Block { index: blocks.len(), name, stage, reduce, spatial, expand, project });
            }
        }
        let head = Dense { c_in: FEATURES, c_out: CLASSES };
        Network { variant, stem, pool, blocks, head }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_match_the_published_network() {
        let v1 = Network::of(Variant::V1);
        assert_eq!(v1.convs().count(), CONVS);
        assert_eq!(v1.blocks.len(), BLOCKS);
        assert!(v1.convs().enumerate().all(|(i, c)| c.index == i));
        // 3.8e9 multiply-adds in the paper's table 1; 4.1e9 once the stride moves into the 3x3.
        assert_eq!(v1.macs(), 3_857_973_248);
        assert_eq!(Network::of(Variant::V1_5).macs(), 4_089_184_256);
        // torchvision reports 25,557,032 parameters, of which 26,560 are BatchNorm scales that folding absorbs.
        assert_eq!(v1.parameters(), 25_557_032 - 26_560);
        assert_eq!(v1.blocks.last().map(|b| (b.side_out(), b.c_out())), Some((7, FEATURES)));
    }

    #[test]
    fn every_layer_reads_what_its_elder_wrote() {
        for variant in [Variant::V1, Variant::V1_5] {
            let net = Network::of(variant);
            let (mut side, mut channels) = (net.pool.side_out(), net.pool.channels);
            for block in &net.blocks {
                assert_eq!((block.reduce.side_in, block.reduce.c_in), (side, channels), "{}", block.name);
                assert_eq!(block.spatial.side_in, block.reduce.side_out());
                assert_eq!(block.expand.side_in, block.spatial.side_out());
                if let Some(p) = &block.project {
                    assert_eq!(
                        (p.side_in, p.c_in, p.side_out(), p.c_out),
                        (side, channels, block.side_out(), block.c_out())
                    );
                } else {
                    assert_eq!((side, channels), (block.side_out(), block.c_out()));
                }
                (side, channels) = (block.side_out(), block.c_out());
            }
        }
    }

    #[test]
    fn names_of_both_worlds() {
        let net = Network::of(Variant::V1);
        let names: Vec<_> = net.blocks.iter().map(|b| (b.name.as_str(), b.torchvision_name())).collect();
        assert_eq!(names[0], ("2a", "layer1.0".into()));
        assert_eq!(names[8], ("4b", "layer3.1".into()));
        assert_eq!(names[15], ("5c", "layer4.2".into()));
        assert_eq!(net.blocks[3].project.as_ref().map(|c| c.name.as_str()), Some("res3a_branch1"));
    }
}
