//! One pass of one layer, computed by the cpu engine and by the oracle.
//!
//! This is the only file that knows how the engine runs a layer by itself.

use backlit_cpu::isa::Token;
use backlit_cpu::layers::{Epilogue, Gate as CpuGate, PackedConv, PackedWinograd, Residual, Stem, winograd_tile};
use backlit_net::Rule;
use backlit_net::arch::{Conv, Role};
use backlit_net::weights::FoldedConv;
use backlit_reference::ops::{Conv2d, conv2d_dgrad, conv2d_fwd, relu_dgrad, relu_fwd, residual_dgrad, residual_fwd};
use backlit_testkit::compare::relative_l2;
use backlit_testkit::random::{Random, to_f32, to_f64};

use super::{Gate, Layer, Pass};
use crate::network::worst;
use crate::{BenchError, Subject};

/// Largest relative L2 error of a layer that may have a speed.
const TOLERANCE: f64 = 1e-4;
/// Images that differ; in a larger batch they come again.
const DISTINCT: usize = 2;

/// One pass of a layer over a batch of random data, with the epilogue that it has in the network.
pub struct Case {
    name: String,
    macs: u64,
    token: Token,
    kernel: Kernel,
    read: Vec<f32>,
    residual: Option<Vec<f32>>,
    gate: Gate,
    /// A bit for each output: written by [`Gate::Keep`], read by [`Gate::Below`].
    bits: Vec<u16>,
    written: Vec<f32>,
    /// Outputs of one image.
    each: usize,
    /// What the oracle makes of the first few images.
    expected: Vec<Vec<f64>>,
}

/// Who computes a layer.
enum Kernel {
    Conv(PackedConv),
    Winograd(PackedWinograd),
    StemForward(Stem),
    StemDgrad(Stem),
}

impl Case {
    /// Draws weights and data, packs the weights, and asks the oracle.
    pub fn new(layer: &Layer, pass: Pass, token: Token, batch: usize) -> Case {
        let (conv, ending) = (layer.conv, layer.ending(pass));
        let (read, written) = (layer.read(pass), layer.written(pass));
        let random = Random::new(conv.index as u64);
        let fan = conv.kernel * conv.kernel * conv.c_in;
        let single = |stream, n, scale| to_f32(&random.stream(stream).values(n, scale));
        let weight = to_f64(&single(0, conv.weight_len(), (3.0 / fan as f64).sqrt()));
        let folded = FoldedConv { weight, bias: to_f64(&single(1, conv.c_out, 0.1)) };
        // Of the first images as many as differ; the oracle sees the same.
        let distinct = batch.min(DISTINCT);
        let x = single(2, distinct * read, 1.0);
        let added = ending.residual.then(|| single(4, distinct * written, 1.0));
        let mut below = random.stream(3).values(distinct * written, 1.0);
        relu_fwd(&mut below);

        let expected = (0..distinct).map(|i| {
            let of = |data: &[f32], len: usize| to_f64(&data[i * len..][..len]);
            let added = added.as_ref().map(|data| of(data, written));
            let below = &below[i * written..][..written];
            oracle(conv, pass, ending.gate, &folded, &of(&x, read), added, below)
        });
        Case {
            name: format!("{} {} {}", token.level(), pass.stem(), layer.id()),
            macs: conv.macs(),
            token,
            kernel: match (conv.role, pass, winograd_tile(conv)) {
                (Role::Stem, Pass::Forward, _) => Kernel::StemForward(Stem::new(token, conv, &folded)),
                (Role::Stem, Pass::Dgrad, _) => Kernel::StemDgrad(Stem::new(token, conv, &folded)),
                (_, Pass::Forward, Some(tile)) => Kernel::Winograd(PackedWinograd::forward(token, conv, &folded, tile)),
                (_, Pass::Dgrad, Some(tile)) => Kernel::Winograd(PackedWinograd::dgrad(token, conv, &folded, tile)),
                (_, Pass::Forward, None) => Kernel::Conv(PackedConv::forward(token, conv, &folded)),
                (_, Pass::Dgrad, None) => Kernel::Conv(PackedConv::dgrad(token, conv, &folded)),
            },
            gate: ending.gate,
            bits: match ending.gate {
                Gate::None | Gate::Clamp => Vec::new(),
                Gate::Keep => vec![0; batch * written / 16],
                Gate::Below => again(&bits(&to_f32(&below)), batch * written / 16),
            },
            expected: expected.collect(),
            read: again(&x, batch * read),
            residual: added.map(|data| again(&data, batch * written)),
            written: vec![f32::NAN; batch * written],
            each: written,
        }
    }

    /// The algorithm that computes it, and the multiply-adds of one image that it executes: fewer than nominal where
    /// a transform saves some.
    pub fn algorithm(&self) -> (&'static str, u64) {
        match &self.kernel {
            Kernel::Winograd(conv) => ("winograd", conv.macs()),
            _ => ("direct", self.macs),
        }
    }

    /// Runs once.
    pub fn run(&mut self) {
        let gate = match self.gate {
            Gate::None | Gate::Clamp => CpuGate::None,
            Gate::Keep => CpuGate::Relu(&mut self.bits),
            Gate::Below => CpuGate::Rule(Rule::Plain, &self.bits),
        };
        let epilogue = Epilogue { residual: self.residual.as_deref().map(Residual::Same), gate };
        match &self.kernel {
            Kernel::Conv(conv) => conv.run(&self.read, &mut self.written, epilogue),
            Kernel::Winograd(conv) => conv.run(&self.read, &mut self.written, epilogue),
            Kernel::StemForward(stem) => stem.forward(self.token, &self.read, &mut self.written),
            Kernel::StemDgrad(stem) => stem.dgrad(self.token, &self.read, &mut self.written),
        }
    }
}

impl Subject for Case {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn tolerance(&self) -> f64 {
        TOLERANCE
    }

    fn run(&mut self) -> Result<(), BenchError> {
        Case::run(self);
        Ok(())
    }

    fn error(&self) -> Result<f64, BenchError> {
        if self.gate == Gate::Keep && self.bits != bits(&self.written) {
            return Err(BenchError::Gates { what: self.name.clone() });
        }
        let images = self.written.chunks_exact(self.each).zip(self.expected.iter().cycle());
        let errors = images.map(|(found, expected)| Ok(relative_l2(&to_f64(found), expected)));
        worst(errors)
    }
}

/// What should come out, in double precision.
fn oracle(
    conv: &Conv,
    pass: Pass,
    gate: Gate,
    folded: &FoldedConv,
    read: &[f64],
    added: Option<Vec<f64>>,
    below: &[f64],
) -> Vec<f64> {
    let shape = Conv2d::from(conv);
    let mut y = vec![f64::NAN; below.len()];
    match pass {
        Pass::Forward => conv2d_fwd(&shape, read, &folded.weight, &folded.bias, &mut y),
        Pass::Dgrad => conv2d_dgrad(&shape, read, &folded.weight, &mut y),
    }
    match (added, pass) {
        (Some(added), Pass::Forward) => residual_fwd(&mut y, &added),
        (Some(added), Pass::Dgrad) => residual_dgrad(&mut y, &added),
        (None, _) => (),
    }
    match gate {
        Gate::None => (),
        Gate::Clamp | Gate::Keep => relu_fwd(&mut y),
        Gate::Below => relu_dgrad(Rule::Plain, below, &mut y),
    }
    y
}

/// So many elements: the same ones again and again.
fn again<T: Copy>(data: &[T], len: usize) -> Vec<T> {
    data.iter().copied().cycle().take(len).collect()
}

/// One bit for each of sixteen values: positive or not.
fn bits(values: &[f32]) -> Vec<u16> {
    let word = |values: &[f32]| values.iter().rev().fold(0, |word, &v| word << 1 | u16::from(v > 0.0));
    values.chunks_exact(16).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stopwatch::Effort;
    use crate::{check, levels, measure};
    use backlit_net::Variant;
    use backlit_net::arch::Network;

    fn case(name: &str, pass: Pass, batch: usize) -> Case {
        let layers = Layer::distinct(Network::of(Variant::V1));
        let layer = layers.iter().find(|l| l.conv.name == name).expect("a layer of that name");
        let level = levels().pop().expect("the portable one at least");
        Case::new(layer, pass, level.token().expect("an available level"), batch)
    }

    #[test]
    fn lowest_bit_first() {
        let mut values = [-1.0; 16];
        (values[0], values[5], values[15]) = (1.0, 0.5, 2.0);
        assert_eq!(bits(&values), [0b1000_0000_0010_0001]);
    }

    #[test]
    fn every_layer_is_right_both_ways() {
        for layer in Layer::distinct(Network::of(Variant::V1)) {
            for pass in Pass::ALL {
                let error = check(&mut case(&layer.conv.name, pass, 1)).expect("a right result");
                assert!(error > 0.0 && error <= 2e-6, "{}: {error:e}", layer.id());
            }
        }
    }

    #[test]
    fn every_image_of_a_batch_is_looked_at() {
        let mut case = case("res4b_branch2a", Pass::Dgrad, 3);
        assert!(case.error().expect("a number").is_nan(), "nothing has run");
        check(&mut case).expect("a right result");
        let last = case.written.len() - 1;
        for (value, is_nan) in [(f32::NAN, true), (1e3, false)] {
            case.written[last] = value;
            let error = case.error().expect("a number");
            assert_eq!((error.is_nan(), error <= TOLERANCE), (is_nan, false), "{error}");
        }
    }

    #[test]
    fn a_broken_layer_gets_no_speed() {
        let mut broken = case("res5a_branch2a", Pass::Forward, 1);
        broken.read[0] += 100.0;
        let found = measure(&mut broken, Effort::QUICK);
        assert!(matches!(found, Err(BenchError::Wrong { .. })), "{found:?}");
        let mut forgetful = case("res5a_branch2a", Pass::Forward, 1);
        forgetful.run();
        forgetful.bits[0] ^= 1;
        assert!(matches!(forgetful.error(), Err(BenchError::Gates { .. })));
    }
}
