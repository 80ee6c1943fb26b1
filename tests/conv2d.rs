//! conv2d: the reference against central differences and its own adjoint, the engine's kernels against the reference.

use backlit_cpu::layers::{Epilogue, Gate, PackedConv, Residual};
use backlit_net::Rule;
use backlit_net::arch::{Conv, Network, Role, Variant};
use backlit_net::weights::FoldedConv;
use backlit_reference::ops::{Conv2d, conv2d_dgrad, conv2d_fwd, relu_dgrad, relu_fwd};
use backlit_testkit::compare::{assert_close, assert_same, sum_tolerance};
use backlit_testkit::differences::central;
use backlit_testkit::random::{Random, to_f32, to_f64};
use backlit_tests::levels;

/// Shapes that meet every branch: filters of 1, 2, 3 and 7, both strides and 3, with and without border, maps from a
/// single pixel on, not square.
const SHAPES: [Conv2d; 8] = [
    shape(1, 1, 1, 1, 1, 1, 0),
    shape(5, 4, 3, 2, 1, 1, 0),
    shape(5, 7, 2, 3, 1, 2, 0),
    shape(4, 6, 3, 4, 3, 1, 1),
    shape(7, 5, 2, 3, 3, 2, 1),
    shape(3, 3, 2, 2, 3, 2, 0),
    shape(11, 9, 3, 4, 7, 2, 3),
    shape(8, 7, 2, 2, 2, 3, 1),
];

const fn shape(h: usize, w: usize, c_in: usize, c_out: usize, kernel: usize, stride: usize, pad: usize) -> Conv2d {
    Conv2d { height: h, width: w, c_in, c_out, kernel, stride, pad }
}

fn weight_len(s: &Conv2d) -> usize {
    s.kernel * s.kernel * s.c_in * s.c_out
}

#[test]
fn gradient_agrees_with_central_differences() {
    for s in &SHAPES {
        let r = Random::new(1);
        let (x, w) = (r.stream(0).values(s.input_len(), 1.0), r.stream(1).values(weight_len(s), 1.0));
        let (b, u) = (r.stream(2).values(s.c_out, 1.0), r.stream(3).values(s.output_len(), 1.0));
        let mut dx = vec![f64::NAN; s.input_len()];
        conv2d_dgrad(s, &u, &w, &mut dx);
        let differences = central(&x, &u, 1e-3, |x| {
            let mut y = vec![f64::NAN; s.output_len()];
            conv2d_fwd(s, x, &w, &b, &mut y);
            y
        });
        assert_close(&format!("{s:?}"), &dx, &differences, 1e-9);
    }
}

#[test]
fn forward_of_known_numbers() {
    // A 2x2 filter of ones over 1..9 adds up four neighbours.
    let s = shape(3, 3, 1, 1, 2, 1, 0);
    let x: Vec<f64> = (1..=9).map(f64::from).collect();
    let mut y = vec![f64::NAN; 4];
    conv2d_fwd(&s, &x, &[1.0; 4], &[0.5], &mut y);
    assert_eq!(y, [12.5, 16.5, 24.5, 28.5]);
}

/// The engine wants whole words of 16 written channels; both passes write.
fn engine_conv(side_in: usize, c_in: usize, c_out: usize, kernel: usize, stride: usize) -> Conv {
    Conv { index: 0, name: "test".into(), role: Role::Spatial, c_in, c_out, kernel, stride, pad: kernel / 2, side_in }
}

/// Maps below, at and above a strip of pixels, both strides, one to several words of channels.
/// `unit`: channels that are written together.
fn ragged(unit: usize) -> Vec<Conv> {
    let mut convs = Vec::new();
    for side in [1, 2, 3, 5, 6, 7, 13] {
        for (kernel, stride) in [(1, 1), (1, 2), (3, 1), (3, 2)] {
            for (c_in, c_out) in [(unit, unit), (3 * unit, 2 * unit)] {
                convs.push(engine_conv(side, c_in, c_out, kernel, stride));
            }
        }
    }
    convs
}

#[test]
fn kernels_are_bitwise_equal_to_the_reference_where_sums_are_exact() {
    const N: usize = 3;
    let mut checked = 0;
    for level in levels() {
        let token = level.token().expect("an available level");
        for conv in ragged(16 * token.panels()) {
            let s = Conv2d::from(&conv);
            let r = Random::new(2);
            let weight = r.stream(0).integers(conv.weight_len(), 4);
            let bias = r.stream(1).integers(conv.c_out, 9);
            let folded = FoldedConv { weight: weight.clone(), bias: bias.clone() };

            // Forward with residual, ReLU and gate bits.
            let x = r.stream(2).integers(N * conv.input_len(), 4);
            let residual = r.stream(3).integers(N * conv.output_len(), 9);
            let mut expected = vec![0.0; N * conv.output_len()];
            for (x, y) in x.chunks_exact(conv.input_len()).zip(expected.chunks_exact_mut(conv.output_len())) {
                conv2d_fwd(&s, x, &weight, &bias, y);
            }
            expected.iter_mut().zip(&residual).for_each(|(y, r)| *y += r);
            relu_fwd(&mut expected);
            let mut y = vec![f32::NAN; expected.len()];
            let mut words = vec![0xA5A5; y.len() / 16];
            let residual = to_f32(&residual);
            let epilogue = Epilogue { residual: Some(Residual::Same(&residual)), gate: Gate::Relu(&mut words) };
            PackedConv::forward(token, &conv, &folded).run(&to_f32(&x), &mut y, epilogue);
            assert_same(&format!("{level} forward {conv:?}"), &y, &to_f32(&expected));
            for (i, &y) in expected.iter().enumerate() {
                assert_eq!(words[i / 16] >> (i % 16) & 1 == 1, y > 0.0, "{level} gate {i} of {conv:?}");
            }

            // Gradient with residual, and every rule through the gates of the map that it is a gradient of.
            let dy = r.stream(4).integers(N * conv.output_len(), 4);
            let residual = r.stream(5).integers(N * conv.input_len(), 9);
            let below = r.stream(6).integers(N * conv.input_len(), 1);
            let mut words = vec![0u16; below.len() / 16];
            for (i, &y) in below.iter().enumerate() {
                words[i / 16] |= u16::from(y > 0.0) << (i % 16);
            }
            let packed = PackedConv::dgrad(token, &conv, &folded);
            for rule in [Rule::Plain, Rule::Guided, Rule::Rectified] {
                let mut expected = vec![0.0; N * conv.input_len()];
                for (dy, dx) in dy.chunks_exact(conv.output_len()).zip(expected.chunks_exact_mut(conv.input_len())) {
                    conv2d_dgrad(&s, dy, &weight, dx);
                }
                expected.iter_mut().zip(&residual).for_each(|(d, r)| *d += r);
                relu_dgrad(rule, &below, &mut expected);
                let mut dx = vec![f32::NAN; expected.len()];
                let residual = to_f32(&residual);
                let epilogue = Epilogue { residual: Some(Residual::Same(&residual)), gate: Gate::Rule(rule, &words) };
                packed.run(&to_f32(&dy), &mut dx, epilogue);
                assert_same(&format!("{level} {rule:?} gradient {conv:?}"), &dx, &to_f32(&expected));
            }
            checked += 1;
        }
    }
    assert!(checked >= ragged(16).len(), "nothing was checked");
}

#[test]
fn every_layer_of_both_variants_on_random_data() {
    let mut seen: Vec<Conv> = Vec::new();
    for variant in [Variant::V1, Variant::V1_5] {
        for conv in Network::of(variant).convs().filter(|c| c.role != Role::Stem) {
            let shape = |c: &Conv| (c.c_in, c.c_out, c.kernel, c.stride, c.side_in);
            if seen.iter().all(|s| shape(s) != shape(conv)) {
                seen.push(conv.clone());
            }
        }
    }
    assert_eq!(seen.len(), 25, "distinct shapes of the two variants");
    for conv in &seen {
        let s = Conv2d::from(conv);
        let r = Random::new(3);
        let weight = r.stream(0).values(conv.weight_len(), 1.0);
        let folded = FoldedConv { weight: to_f64(&to_f32(&weight)), bias: vec![0.0; conv.c_out] };
        let x = r.stream(1).values(conv.input_len(), 1.0);
        let dy = r.stream(2).values(conv.output_len(), 1.0);
        let (mut y, mut dx) = (vec![0.0; dy.len()], vec![0.0; x.len()]);
        conv2d_fwd(&s, &x, &folded.weight, &folded.bias, &mut y);
        conv2d_dgrad(&s, &dy, &folded.weight, &mut dx);

        // <conv(x), dy> = <x, dgrad(dy)>: the two passes of the reference are each other's adjoint.
        let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (left, right) = (inner(&y, &dy), inner(&x, &dx));
        let scale = inner(&y, &y).sqrt() * inner(&dy, &dy).sqrt();
        assert!((left - right).abs() <= 1e-12 * scale, "{}: {left} and {right}", conv.name);

        let taps = conv.kernel * conv.kernel;
        for level in levels() {
            let token = level.token().expect("an available level");
            let none = || Epilogue { residual: None, gate: Gate::None };
            let mut found = vec![f32::NAN; y.len()];
            PackedConv::forward(token, conv, &folded).run(&to_f32(&x), &mut found, none());
            let tolerance = sum_tolerance(taps * conv.c_in);
            assert_close(&format!("{level} forward {}", conv.name), &to_f64(&found), &y, tolerance);

            let mut found = vec![f32::NAN; dx.len()];
            PackedConv::dgrad(token, conv, &folded).run(&to_f32(&dy), &mut found, none());
            let tolerance = sum_tolerance(taps * conv.c_out);
            assert_close(&format!("{level} gradient {}", conv.name), &to_f64(&found), &dx, tolerance);
        }
    }
}
