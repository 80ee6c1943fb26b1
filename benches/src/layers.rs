//! Single convolutions, each with the epilogue that it has in the network.

use backlit_cpu::isa::Token;
use backlit_cpu::layers::{Epilogue, Gate, PackedConv, Residual, Stem};
use backlit_net::Rule;
use backlit_net::arch::{Conv, Network, Role};
use backlit_net::weights::FoldedConv;
use backlit_reference::ops::{Conv2d, conv2d_dgrad, conv2d_fwd, relu_dgrad, relu_fwd, residual_dgrad, residual_fwd};
use backlit_testkit::compare::relative_l2;
use backlit_testkit::random::{Random, to_f32, to_f64};

/// Largest relative L2 error of a layer that may have a speed.
pub const TOLERANCE: f64 = 1e-4;

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
}

/// What the epilogue does at the end.
enum Last {
    Nothing,
    /// ReLU alone: the stem's gates are in the codes of the pool.
    Clamp,
    /// ReLU, with its gate bits as they were written.
    Relu(Vec<u16>),
    /// Back through the ReLU below, with its output and its gate bits.
    Below(Vec<f64>, Vec<u16>),
}

/// Who computes a layer.
enum Kernel {
    Conv(PackedConv),
    StemForward(Stem),
    StemDgrad(Stem),
}

/// One pass of a layer over one image, ready to run.
pub struct Case {
    token: Token,
    kernel: Kernel,
    read: Vec<f32>,
    residual: Option<Vec<f32>>,
    last: Last,
    written: Vec<f32>,
    /// Relative L2 error of the output against the oracle in double precision.
    pub error: f64,
}

impl Case {
    /// Random weights and data; runs once and compares with the oracle.
    ///
    /// # Panics
    /// If the error exceeds [`TOLERANCE`], or gate bits do not fit the output.
    pub fn checked(layer: &Layer, pass: Pass, token: Token) -> Case {
        let conv = layer.conv;
        let random = Random::new(conv.index as u64);
        let values = |stream, n, scale| to_f32(&random.stream(stream).values(n, scale));
        let fan = conv.kernel * conv.kernel * conv.c_in;
        let weight = to_f64(&values(0, conv.weight_len(), (3.0 / fan as f64).sqrt()));
        let folded = FoldedConv { weight, bias: to_f64(&values(1, conv.c_out, 0.1)) };

        let (read, written) = match pass {
            Pass::Forward => (conv.input_len(), conv.output_len()),
            Pass::Dgrad => (conv.output_len(), conv.input_len()),
        };
        let (adds, last) = match (pass, conv.role) {
            (_, Role::Project) | (Pass::Dgrad, Role::Stem) => (false, Last::Nothing),
            (Pass::Forward, Role::Stem) => (false, Last::Clamp),
            (Pass::Forward, role) => (role == Role::Expand, Last::Relu(vec![0; written / 16])),
            (Pass::Dgrad, role) => {
                // What the first block reads comes from the pool, which has the gate in its codes.
                let last = if layer.first { Last::Nothing } else { below(random.stream(3), written) };
                (role == Role::Reduce, last)
            }
        };
        let mut case = Case {
            token,
            kernel: match (conv.role, pass) {
                (Role::Stem, Pass::Forward) => Kernel::StemForward(Stem::new(conv, &folded)),
                (Role::Stem, Pass::Dgrad) => Kernel::StemDgrad(Stem::new(conv, &folded)),
                (_, Pass::Forward) => Kernel::Conv(PackedConv::forward(token, conv, &folded)),
                (_, Pass::Dgrad) => Kernel::Conv(PackedConv::dgrad(token, conv, &folded)),
            },
            read: values(2, read, 1.0),
            residual: adds.then(|| values(4, written, 1.0)),
            last,
            written: vec![f32::NAN; written],
            error: f64::NAN,
        };
        case.run();
        case.check(&format!("{} {} {}", token.level(), pass.stem(), layer.id()), conv, pass, &folded);
        case
    }

    /// Runs once.
    pub fn run(&mut self) {
        let gate = match &mut self.last {
            Last::Nothing | Last::Clamp => Gate::None,
            Last::Relu(words) => Gate::Relu(words),
            Last::Below(_, words) => Gate::Rule(Rule::Plain, words),
        };
        let epilogue = Epilogue { residual: self.residual.as_deref().map(Residual::Same), gate };
        match &self.kernel {
            Kernel::Conv(conv) => conv.run(&self.read, &mut self.written, epilogue),
            Kernel::StemForward(stem) => stem.forward(self.token, &self.read, &mut self.written),
            Kernel::StemDgrad(stem) => stem.dgrad(self.token, &self.read, &mut self.written),
        }
    }

    fn check(&mut self, what: &str, conv: &Conv, pass: Pass, folded: &FoldedConv) {
        let (shape, read) = (Conv2d::from(conv), to_f64(&self.read));
        let residual = self.residual.as_ref().map(|r| to_f64(r));
        let mut expected = vec![f64::NAN; self.written.len()];
        match pass {
            Pass::Forward => {
                conv2d_fwd(&shape, &read, &folded.weight, &folded.bias, &mut expected);
                residual.iter().for_each(|r| residual_fwd(&mut expected, r));
            }
            Pass::Dgrad => {
                conv2d_dgrad(&shape, &read, &folded.weight, &mut expected);
                residual.iter().for_each(|r| residual_dgrad(&mut expected, r));
            }
        }
        match &self.last {
            Last::Nothing => (),
            Last::Clamp => relu_fwd(&mut expected),
            Last::Relu(words) => {
                relu_fwd(&mut expected);
                assert!(*words == bits(&self.written), "{what}: gate bits do not fit the output");
            }
            Last::Below(y, _) => relu_dgrad(Rule::Plain, y, &mut expected),
        }
        self.error = relative_l2(&to_f64(&self.written), &expected);
        assert!(self.error <= TOLERANCE, "{what}: relative error {:e}, tolerance {TOLERANCE:e}", self.error);
    }
}

/// The output of a ReLU and its gate bits; half of them are open.
fn below(random: Random, n: usize) -> Last {
    let mut y = random.values(n, 1.0);
    relu_fwd(&mut y);
    let words = bits(&to_f32(&y));
    Last::Below(y, words)
}

/// One bit for each of sixteen values: positive or not.
fn bits(values: &[f32]) -> Vec<u16> {
    let word = |values: &[f32]| values.iter().rev().fold(0, |word, &v| word << 1 | u16::from(v > 0.0));
    values.chunks_exact(16).map(word).collect()
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
            assert_eq!(layers.iter().map(|l| l.count).sum::<usize>(), 53);
            let flops: u64 = layers.iter().map(|l| l.count as u64 * l.flops()).sum();
            let head = (network.head.c_in * network.head.c_out) as u64;
            assert_eq!(flops, 2 * (network.macs() - head));
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
    fn lowest_bit_first() {
        let mut values = [-1.0; 16];
        values[0] = 1.0;
        values[5] = 0.5;
        values[15] = 2.0;
        assert_eq!(bits(&values), [0b1000_0000_0010_0001]);
    }

    /// The smallest layer of a role.
    fn small(role: Role) -> Layer {
        let layers = Layer::distinct(Network::of(Variant::V1)).into_iter();
        layers.filter(|l| l.conv.role == role).min_by_key(Layer::flops).expect("a layer of every role")
    }

    fn token() -> Token {
        backlit_cpu::isa::Level::best().token().expect("an available level")
    }

    #[test]
    fn a_case_of_every_role_passes_its_check() {
        for role in [Role::Stem, Role::Reduce, Role::Spatial, Role::Expand, Role::Project] {
            for pass in Pass::ALL {
                let layer = small(role);
                let case = Case::checked(&layer, pass, token());
                assert!(case.error > 0.0 && case.error <= TOLERANCE, "{}: {}", layer.id(), case.error);
            }
        }
    }

    #[test]
    fn a_wrong_result_gets_no_speed() {
        let layer = small(Role::Reduce);
        let right = FoldedConv { weight: vec![0.01; layer.conv.weight_len()], bias: vec![0.0; layer.conv.c_out] };
        for pass in Pass::ALL {
            let check = |spoil: &dyn Fn(&mut Case)| {
                let mut case = Case::checked(&layer, pass, token());
                case.kernel = Kernel::Conv(match pass {
                    Pass::Forward => PackedConv::forward(token(), layer.conv, &right),
                    Pass::Dgrad => PackedConv::dgrad(token(), layer.conv, &right),
                });
                case.run();
                spoil(&mut case);
                let check = || case.check("test", layer.conv, pass, &right);
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).is_ok()
            };
            assert!(check(&|_| ()));
            assert!(!check(&|case| case.written[7] = f32::NAN));
            assert!(!check(&|case| case.written.fill(0.0)));
            assert!(!check(&|case| case.written.iter_mut().for_each(|v| *v *= 1.001)));
        }
    }
}
