//! Single convolutions: which there are, and what each has to do.

mod case;
mod row;

use backlit_net::arch::{Conv, Network, Role};

pub use case::Case;
pub use row::{LayerPass, LayerRow};

/// Convolutions that are the same work.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The first of them.
    pub conv: &'static Conv,
    /// How many there are.
    pub count: usize,
    /// Whether it reads what the pool wrote: its gradient then leaves through no gate.
    first: bool,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Activations.
    Forward,
    /// Gradient with respect to the input.
    Dgrad,
}

impl Pass {
    /// Both.
    pub const ALL: [Pass; 2] = [Pass::Forward, Pass::Dgrad];

    /// The op's stem: `conv2d_fwd` or `conv2d_dgrad`.
    pub fn stem(self) -> &'static str {
        match self {
            Pass::Forward => "conv2d_fwd",
            Pass::Dgrad => "conv2d_dgrad",
        }
    }

    /// `forward` or `dgrad`.
    pub fn as_str(self) -> &'static str {
        match self {
            Pass::Forward => "forward",
            Pass::Dgrad => "dgrad",
        }
    }
}

/// What the epilogue of a convolution does beside adding the bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ending {
    /// Adds a map of the output's size.
    residual: bool,
    gate: Gate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    None,
    /// ReLU alone: the stem's gates are in the codes of the pool.
    Clamp,
    /// ReLU, and a bit of each output is kept.
    Keep,
    /// Back through the ReLU below, whose bits are read.
    Below,
}

impl Layer {
    /// The distinct convolutions of a network in table order.
    ///
    /// The counts add up to 53. Two convolutions of one shape in different roles are different work: their epilogues
    /// differ.
    pub fn distinct(network: &'static Network) -> Vec<Layer> {
        let mut layers: Vec<Layer> = Vec::new();
        for conv in network.convs() {
            let first = conv.index == network.blocks[0].reduce.index;
            let key = |c: &Conv| (c.role, c.c_in, c.c_out, c.kernel, c.stride, c.side_in);
            match layers.iter_mut().find(|l| key(l.conv) == key(conv) && l.first == first) {
                Some(layer) => layer.count += 1,
                None => layers.push(Layer { conv, count: 1, first }),
            }
        }
        layers
    }

    /// Input map, channels, filter and stride: `56x56x64->64 3x3/1`.
    pub fn shape(&self) -> String {
        let Conv { c_in, c_out, kernel, stride, side_in, .. } = self.conv;
        format!("{side_in}x{side_in}x{c_in}->{c_out} {kernel}x{kernel}/{stride}")
    }

    /// Name, shape and count: `res2a_branch2b 56x56x64->64 3x3/1 x3`.
    pub fn id(&self) -> String {
        format!("{} {} x{}", self.conv.name, self.shape(), self.count)
    }

    /// Floating-point operations of one image in one pass: two for every multiply-add of the table.
    pub fn flops(&self) -> u64 {
        2 * self.conv.macs()
    }

    /// The least that `batch` images in one pass must move: weights, bias, the map read, the map written, what is
    /// added to it and gate bits, each once and the numbers in single precision.
    pub fn bytes(&self, pass: Pass, batch: usize) -> u64 {
        let Ending { residual, gate } = self.ending(pass);
        let written = self.written(pass);
        let floats = self.read(pass) + written + if residual { written } else { 0 };
        let bits = if matches!(gate, Gate::Keep | Gate::Below) { written } else { 0 };
        let parameters = self.conv.weight_len() + if pass == Pass::Forward { self.conv.c_out } else { 0 };
        (4 * parameters + batch * (4 * floats + bits / 8)) as u64
    }

    /// Operations a byte at the least: where the layer stands under the roof.
    pub fn intensity(&self, pass: Pass, batch: usize) -> f64 {
        (batch as u64 * self.flops()) as f64 / self.bytes(pass, batch) as f64
    }

    /// Floats of one image's map that the pass reads.
    fn read(&self, pass: Pass) -> usize {
        match pass {
            Pass::Forward => self.conv.input_len(),
            Pass::Dgrad => self.conv.output_len(),
        }
    }

    /// Floats of one image's map that the pass writes.
    fn written(&self, pass: Pass) -> usize {
        match pass {
            Pass::Forward => self.conv.output_len(),
            Pass::Dgrad => self.conv.input_len(),
        }
    }

    /// As in the network.
    fn ending(&self, pass: Pass) -> Ending {
        let (residual, gate) = match (pass, self.conv.role) {
            (_, Role::Project) | (Pass::Dgrad, Role::Stem) => (false, Gate::None),
            (Pass::Forward, Role::Stem) => (false, Gate::Clamp),
            (Pass::Forward, role) => (role == Role::Expand, Gate::Keep),
            // What the first block reads comes from the pool, which has the gate in its codes.
            (Pass::Dgrad, role) => (role == Role::Reduce, if self.first { Gate::None } else { Gate::Below }),
        };
        Ending { residual, gate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backlit_net::Variant;

    #[test]
    fn rows_add_up_to_the_convolutions_of_the_network() {
        for variant in [Variant::V1, Variant::V1_5] {
            let network = Network::of(variant);
            let layers = Layer::distinct(network);
            assert_eq!(layers.iter().map(|l| l.count).sum::<usize>(), backlit_net::arch::CONVS);
            let flops: u64 = layers.iter().map(|l| l.count as u64 * l.flops()).sum();
            assert_eq!(flops, network.convs().map(|c| 2 * c.macs()).sum::<u64>());
        }
    }

    #[test]
    fn ids_name_shape_and_count() {
        let layers = Layer::distinct(Network::of(Variant::V1));
        let ids: Vec<_> = layers.iter().map(Layer::id).collect();
        assert_eq!(ids[0], "conv1 224x224x3->64 7x7/2 x1");
        assert_eq!(ids[2], "res2a_branch2b 56x56x64->64 3x3/1 x3");
        let unique: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len());
    }

    #[test]
    fn bytes_by_hand() {
        let layers = Layer::distinct(Network::of(Variant::V1));
        let of = |name: &str| layers.iter().find(|l| l.conv.name == name).expect("a layer");
        let map = |side: usize, channels: usize| (4 * side * side * channels) as u64;
        // Reads 56x56x64, adds and writes 56x56x256, keeps a bit of each output.
        let expand = of("res2a_branch2c");
        let (weights, once) = (4 * 64 * 256, map(56, 64) + 2 * map(56, 256) + map(56, 256) / 32);
        assert_eq!(expand.bytes(Pass::Forward, 1), weights + 4 * 256 + once);
        assert_eq!(expand.bytes(Pass::Forward, 8), weights + 4 * 256 + 8 * once);
        // Back: reads 56x56x256, writes 56x56x64 through the gates of the ReLU below.
        assert_eq!(expand.bytes(Pass::Dgrad, 1), weights + map(56, 256) + map(56, 64) + map(56, 64) / 32);
        // The first block's gradient goes to the pool, without gates but with the shortcut's gradient added.
        let reduce = of("res2a_branch2a");
        assert_eq!(reduce.bytes(Pass::Dgrad, 1), 4 * 64 * 64 + 3 * map(56, 64));
        let intensity = reduce.intensity(Pass::Dgrad, 1);
        assert!((intensity - (2 * 56 * 56 * 64 * 64) as f64 / (4 * 64 * 64 + 12 * 56 * 56 * 64) as f64).abs() < 1e-9);
    }
}
