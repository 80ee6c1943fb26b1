//! What holds for whole tensors: adjointness, independence of the batch, the layers of the network.

use std::collections::HashSet;

use backlit_cuda::Buffer;
use backlit_cuda::ops::conv::{
    Arithmetic, Conv, ConvArgs, ConvShape, Direction, Gates, ResidualShape, RowOrder, Rule, VARIANTS,
};
use backlit_cuda::planes::{Planes, Sixteen, Span, Storage};
use backlit_cuda_emu::{Settings, check, on_hardware};
use backlit_net::arch::{Network, Variant};

use crate::case::{Answer, Case, single};

const F16: Arithmetic = Arithmetic::Half(Sixteen::F16);

/// `<J v, u> = <v, J' u>` exactly, on integers.
#[test]
fn the_gradient_is_the_adjoint() {
    for (kernel, stride) in [(1, 1), (1, 2), (3, 1), (3, 2)] {
        for arithmetic in [Arithmetic::F32, F16] {
            let plain = |direction: Direction| {
                let mut case = Case::new(&single(direction, 6, 64, 128, kernel, stride), 1, arithmetic, true, 3);
                (case.rule, case.bias, case.relu, case.scale) = (None, None, false, 1.0);
                case
            };
            let (forward, mut dgrad) = (plain(Direction::Forward), plain(Direction::Dgrad));
            dgrad.weights = forward.weights.clone();
            let y = forward.run(None, Settings::default()).values;
            let dx = dgrad.run(None, Settings::default()).values;
            let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
            let (left, right) = (dot(&y, &dgrad.tensors[0]), dot(&forward.tensors[0], &dx));
            assert!(left == right && left != 0.0, "{kernel}x{kernel}/{stride} {arithmetic:?}: {left} and {right}");
        }
    }
}

/// The same bytes for an image alone and in a batch, with any tile.
#[test]
fn results_depend_neither_on_the_batch_nor_on_the_tile() {
    let (n, side) = (5, 6);
    for (direction, stride) in [(Direction::Forward, 1), (Direction::Dgrad, 2)] {
        let mut shape = single(direction, side, 128, 128, 3, stride);
        shape.residual = Some(ResidualShape::plain(shape.side));
        for arithmetic in [Arithmetic::F32, Arithmetic::Split, F16, Arithmetic::Half(Sixteen::Bf16)] {
            if direction == Direction::Dgrad && arithmetic == Arithmetic::Split {
                continue;
            }
            let whole = Case::new(&shape, n, arithmetic, false, 5);
            let mut answers: Vec<Answer> = vec![];
            for variant in VARIANTS.iter().filter(|v| v.serves(direction, arithmetic)) {
                answers.push(whole.run(Some(variant), Settings::default()));
            }
            let mut parts = Answer { values: vec![], bits: vec![] };
            for (from, to) in [(0, 2), (2, 3), (3, 5)] {
                let part = whole.images(from, to).run(None, Settings::default());
                parts.values.extend(part.values);
                parts.bits.extend(part.bits);
            }
            answers.push(parts);
            assert!(answers[0].values.iter().any(|&v| v != 0.0));
            for other in &answers[1..] {
                assert!(answers[0].values == other.values && answers[0].bits == other.bits, "{arithmetic:?}");
            }
        }
    }
}

/// Gradients beyond the range of fp16 stay finite, with their sign.
#[test]
fn what_is_finite_stays_finite() {
    let mut case = Case::new(&single(Direction::Dgrad, 4, 64, 64, 1, 1), 1, F16, true, 9);
    (case.rule, case.scale) = (None, 65536.0);
    let sums = case.sums();
    assert!(sums.iter().any(|s| s.abs() > 65504.0));
    case.check("clamped", &sums, &case.run(None, Settings::default()));
}

/// Every convolution of both variants but the stem, with all its channels, at the smallest sides that strides allow.
#[test]
fn every_layer_of_the_network() {
    let mut seen = HashSet::new();
    for variant in [Variant::V1, Variant::V1_5] {
        for conv in Network::of(variant).convs().skip(1) {
            let side = if conv.stride == 2 { 4 } else { 3 };
            if !seen.insert((conv.c_in, conv.c_out, conv.kernel, conv.stride)) {
                continue;
            }
            for direction in [Direction::Forward, Direction::Dgrad] {
                let shape = single(direction, side, conv.c_in, conv.c_out, conv.kernel, conv.stride);
                // Integers: all arithmetics hold them, so one reference serves all.
                let sums = Case::new(&shape, 1, F16, true, 21).sums();
                let split = (direction == Direction::Forward).then_some(Arithmetic::Split);
                let single = (conv.weight_len() < 1 << 18).then_some(Arithmetic::F32);
                for arithmetic in [Some(F16), split, single].into_iter().flatten() {
                    let case = Case::new(&shape, 1, arithmetic, true, 21);
                    let answer = case.run(None, Settings::default());
                    case.check(&format!("{} {direction:?} {arithmetic:?}", conv.name), &sums, &answer);
                }
            }
        }
    }
    assert_eq!(seen.len(), 25, "distinct layers");
}

/// What a launch refuses: the message says what was expected.
#[test]
fn shapes_that_no_kernel_takes() {
    let (device, _) = crate::case::device();
    let good = single(Direction::Dgrad, 8, 64, 64, 3, 2);
    let refused = |change: &dyn Fn(&mut ConvShape), arithmetic, batch, part: &str| {
        let mut shape = good.clone();
        change(&mut shape);
        let error = Conv::prepare(&device, shape, arithmetic, batch).err().expect("it is refused").to_string();
        assert!(error.contains(part), "{error}");
    };
    refused(&|s| s.order = RowOrder::Raster, F16, 1, "parity order");
    refused(&|s| s.side = 9, F16, 1, "side");
    refused(&|s| s.channels = 96, F16, 1, "multiples of 64");
    refused(&|s| s.terms.clear(), F16, 1, "1 or 2 terms");
    refused(&|s| s.terms[0].kernel = 5, F16, 1, "3x3");
    refused(&|s| s.terms[0].side = 5, F16, 1, "side");
    refused(&|s| s.residual = Some(ResidualShape::plain(7)), F16, 1, "residual");
    refused(&|_| (), Arithmetic::Split, 1, "forward pass");
    refused(&|_| (), F16, 0, "images");
    refused(&|_| (), F16, 1 << 25, "smaller batch");
}

/// What a launch refuses before anything is queued.
#[test]
fn arguments_that_do_not_fit() {
    let (device, stream) = crate::case::device();
    let conv = Conv::prepare(&device, single(Direction::Forward, 4, 64, 64, 1, 1), F16, 2).expect("a good shape");
    let sixteen = |len| Planes::sixteen(&Buffer::new(&device, len).expect("memory"), Sixteen::F16);
    let (tensor, weights) = (sixteen(2 * 16 * 64), sixteen(64 * 64));
    let terms = [(tensor, weights)];
    let good = ConvArgs {
        n: 2,
        terms: &terms,
        out_scale: 1.0,
        bias: None,
        residual: None,
        gates: Gates::None,
        relu: true,
        out: tensor,
    };
    let refused = |args: ConvArgs<'_>, part: &str| {
        let error = conv.launch(&stream, &args).expect_err("it is refused").to_string();
        assert!(error.contains(part), "{error}");
    };
    let words = |len| Span::new(4096, len);
    refused(ConvArgs { n: 3, ..good }, "1 to 2 images");
    refused(ConvArgs { terms: &[], ..good }, "terms");
    refused(ConvArgs { residual: Some(tensor), ..good }, "residual");
    refused(ConvArgs { terms: &[(weights, sixteen(64))], ..good }, "weights");
    refused(ConvArgs { out: sixteen(64), ..good }, "output");
    refused(ConvArgs { out: Planes::f32(&Buffer::new(&device, 4096).expect("memory")), ..good }, "F32");
    refused(ConvArgs { bias: Some(Span::new(4096, 63)), ..good }, "bias");
    refused(ConvArgs { gates: Gates::Write(words(255)), ..good }, "256 words");
    refused(ConvArgs { gates: Gates::Apply(words(256), Rule::Plain), ..good }, "cannot");
    assert!(Planes::new(Storage::F32 { address: 4104 }, 1).is_err(), "an address that is not a multiple of 16");
}

/// The swizzle does what it is for: no access to shared memory takes more passes over the banks than its width.
#[test]
fn shared_memory_is_read_without_conflicts() {
    // Only the checker counts.
    if on_hardware() {
        return;
    }
    let checked = Settings { checked: true, threads: 1, ..Settings::default() };
    for direction in [Direction::Forward, Direction::Dgrad] {
        for variant in VARIANTS.iter().filter(|v| v.direction == direction && v.shared > 0) {
            let case = Case::new(&single(direction, 8, 128, 128, 1, 1), 1, variant.arithmetic, true, 17);
            case.run(Some(variant), checked);
            let (used, worst) = (check::bank_use(), check::bank_conflicts(1.0));
            assert!(!used.is_empty(), "{}: nothing was counted", variant.kernel);
            assert!(worst.is_empty(), "{}: {worst:?}", variant.kernel);
        }
    }
}
