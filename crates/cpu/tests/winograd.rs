//! Winograd convolutions against the oracle, against each other, and whatever the batch and the threads.

use backlit_cpu::isa::{Level, Token};
use backlit_cpu::layers::{Epilogue, Gate, Outputs, PackedWinograd, Residual};
use backlit_net::Rule;
use backlit_net::arch::{Conv, Role};
use backlit_net::weights::FoldedConv;
use backlit_reference::ops::{Conv2d, conv2d_dgrad, conv2d_fwd, relu_dgrad, relu_fwd};
use backlit_testkit::compare::{assert_close, sum_tolerance};
use backlit_testkit::random::{Random, to_f32, to_f64};

/// Every stride-1 3x3 of the network, and maps smaller than a tile, ragged, and of one and more units of channels.
const SHAPES: [(usize, usize, usize); 13] = [
    (56, 64, 64),
    (28, 128, 128),
    (14, 256, 256),
    (7, 512, 512),
    (1, 16, 16),
    (2, 16, 32),
    (3, 32, 16),
    (5, 48, 32),
    (7, 16, 48),
    (14, 32, 16),
    (5, 32, 96),
    (3, 96, 32),
    (7, 32, 32),
];

fn conv((side, c_in, c_out): (usize, usize, usize)) -> Conv {
    Conv {
        index: 0,
        name: "test".into(),
        role: Role::Spatial,
        c_in,
        c_out,
        kernel: 3,
        stride: 1,
        pad: 1,
        side_in: side,
    }
}

/// Both tiles at every level of this processor that writes so many channels: they come in groups.
fn ways(c_write: usize) -> impl Iterator<Item = (Outputs, Token)> {
    let whole = move |token: &Token| c_write.is_multiple_of(16 * token.panels());
    let tokens = move || Level::ALL.into_iter().filter_map(Level::token).filter(whole);
    [Outputs::Two, Outputs::Four].into_iter().flat_map(move |kind| tokens().map(move |token| (kind, token)))
}

/// How far a Winograd sum of values from -1 to 1 may be from the true one.
///
/// [`sum_tolerance`] allows a sum of `terms` products half an epsilon of its running total at each step. The
/// transforms of F(4x4) make the running totals larger than the result; on random data their error is about three
/// times that of a direct sum. The floor is for sums so short that the transforms are most of the error.
fn tolerance(c_read: usize) -> f64 {
    2.0 * sum_tolerance(9 * c_read.max(32))
}

/// Numbers that are exact in float32.
fn exact(random: Random, n: usize, scale: f64) -> Vec<f64> {
    to_f64(&to_f32(&random.values(n, scale)))
}

fn folded(conv: &Conv, r: Random) -> FoldedConv {
    FoldedConv { weight: exact(r.stream(0), conv.weight_len(), 1.0), bias: exact(r.stream(1), conv.c_out, 1.0) }
}

/// Enough images for a ragged batch, one where the oracle takes long.
fn images(conv: &Conv) -> usize {
    if conv.weight_len() > 30_000 { 1 } else { 3 }
}

#[test]
fn forward_with_every_epilogue_against_the_oracle() {
    for shape in SHAPES {
        let conv = conv(shape);
        let (r, n) = (Random::new(1), images(&conv));
        let folded = folded(&conv, r);
        let x = exact(r.stream(2), n * conv.input_len(), 1.0);
        let residual = exact(r.stream(3), n * conv.output_len(), 4.0);
        let mut plain = vec![0.0; n * conv.output_len()];
        for (x, y) in x.chunks_exact(conv.input_len()).zip(plain.chunks_exact_mut(conv.output_len())) {
            conv2d_fwd(&Conv2d::from(&conv), x, &folded.weight, &folded.bias, y);
        }
        let mut gated: Vec<f64> = plain.iter().zip(&residual).map(|(y, r)| y + r).collect();
        relu_fwd(&mut gated);
        let (x, residual) = (to_f32(&x), to_f32(&residual));
        for (kind, token) in ways(conv.c_out) {
            let what = format!("{} {kind:?} {shape:?}", token.level());
            let packed = PackedWinograd::forward(token, &conv, &folded, kind);
            let mut y = vec![f32::NAN; plain.len()];
            packed.run(&x, &mut y, Epilogue::NONE);
            assert_close(&what, &to_f64(&y), &plain, tolerance(conv.c_in));

            let mut words = vec![0xA5A5; y.len() / 16];
            y.fill(f32::NAN);
            packed.run(
                &x,
                &mut y,
                Epilogue { residual: Some(Residual::Same(&residual)), gate: Gate::Relu(&mut words) },
            );
            assert_close(&format!("{what}, gated"), &to_f64(&y), &gated, tolerance(conv.c_in));
            for (i, &y) in y.iter().enumerate() {
                assert_eq!(words[i / 16] >> (i % 16) & 1 == 1, y > 0.0, "{what}: gate {i}");
            }
        }
    }
}

#[test]
fn gradient_under_every_rule_against_the_oracle() {
    for shape in SHAPES {
        let conv = conv(shape);
        let (r, n) = (Random::new(2), images(&conv));
        let folded = folded(&conv, r);
        let dy = exact(r.stream(2), n * conv.output_len(), 1.0);
        let residual = exact(r.stream(3), n * conv.input_len(), 4.0);
        let below = r.stream(4).integers(n * conv.input_len(), 1);
        let mut words = vec![0u16; below.len() / 16];
        for (i, &y) in below.iter().enumerate() {
            words[i / 16] |= u16::from(y > 0.0) << (i % 16);
        }
        let mut plain = vec![0.0; n * conv.input_len()];
        for (dy, dx) in dy.chunks_exact(conv.output_len()).zip(plain.chunks_exact_mut(conv.input_len())) {
            conv2d_dgrad(&Conv2d::from(&conv), dy, &folded.weight, dx);
        }
        // Rectified and guided cut off where the sum changes its sign: a rounding error moves the result no further.
        let added: Vec<f64> = plain.iter().zip(&residual).map(|(d, r)| d + r).collect();
        let (dy, residual) = (to_f32(&dy), to_f32(&residual));
        for (kind, token) in ways(conv.c_in) {
            let what = format!("{} {kind:?} {shape:?}", token.level());
            let packed = PackedWinograd::dgrad(token, &conv, &folded, kind);
            let mut dx = vec![f32::NAN; plain.len()];
            packed.run(&dy, &mut dx, Epilogue::NONE);
            assert_close(&what, &to_f64(&dx), &plain, tolerance(conv.c_out));
            for rule in [Rule::Plain, Rule::Guided, Rule::Rectified] {
                let mut expected = added.clone();
                relu_dgrad(rule, &below, &mut expected);
                dx.fill(f32::NAN);
                packed.run(
                    &dy,
                    &mut dx,
                    Epilogue { residual: Some(Residual::Same(&residual)), gate: Gate::Rule(rule, &words) },
                );
                assert_close(&format!("{what}, {rule:?}"), &to_f64(&dx), &expected, tolerance(conv.c_out));
            }
        }
    }
}

#[test]
fn the_gradient_is_the_adjoint_of_the_forward_pass() {
    for shape in SHAPES {
        let conv = conv(shape);
        let r = Random::new(3);
        let folded = FoldedConv { bias: vec![0.0; conv.c_out], ..folded(&conv, r) };
        let x = to_f32(&exact(r.stream(2), conv.input_len(), 1.0));
        let dy = to_f32(&exact(r.stream(3), conv.output_len(), 1.0));
        // Both are written; the lowest bits of both are in either.
        for (kind, token) in ways(conv.c_in | conv.c_out) {
            let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
            PackedWinograd::forward(token, &conv, &folded, kind).run(&x, &mut y, Epilogue::NONE);
            PackedWinograd::dgrad(token, &conv, &folded, kind).run(&dy, &mut dx, Epilogue::NONE);
            let inner = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
            let (left, right) = (inner(&y, &dy), inner(&x, &dx));
            let scale = (inner(&y, &y) * inner(&dy, &dy)).sqrt();
            assert!(scale > 0.0 && (left - right).abs() <= 2e-6 * scale, "{kind:?} {shape:?}: {left} and {right}");
        }
    }
}

#[test]
fn bytes_do_not_depend_on_batch_or_threads() {
    // The last two have more channels than are summed in one go.
    for shape in [(14, 64, 32), (28, 16, 64), (7, 32, 96), (5, 16, 16), (7, 512, 32), (3, 272, 32)] {
        let conv = conv(shape);
        let r = Random::new(4);
        let folded = folded(&conv, r);
        let x = to_f32(&r.stream(2).values(8 * conv.input_len(), 1.0));
        for (kind, token) in ways(conv.c_out) {
            let packed = PackedWinograd::forward(token, &conv, &folded, kind);
            let run = |threads: usize, batch: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
                let mut y = vec![f32::NAN; 8 * conv.output_len()];
                let mut words = vec![0u16; y.len() / 16];
                let len = batch * conv.output_len();
                let written = y.chunks_mut(len).zip(words.chunks_mut(len / 16));
                for (x, (y, words)) in x.chunks(batch * conv.input_len()).zip(written) {
                    let epilogue = Epilogue { residual: None, gate: Gate::Relu(words) };
                    pool.install(|| packed.run(x, y, epilogue));
                }
                (y.into_iter().map(f32::to_bits).collect::<Vec<_>>(), words)
            };
            let alone = run(1, 1);
            assert!(alone.1.iter().any(|&w| w != 0));
            for (threads, batch) in [(1, 3), (1, 8), (2, 1), (3, 3), (16, 1), (16, 8)] {
                assert!(run(threads, batch) == alone, "{kind:?} {shape:?}, {threads} threads, batch {batch}");
            }
        }
    }
}

#[test]
fn what_is_not_finite_stays_visible() {
    let conv = conv((14, 16, 32));
    let folded = folded(&conv, Random::new(5));
    for (kind, token) in ways(conv.c_out) {
        let packed = PackedWinograd::forward(token, &conv, &folded, kind);
        for ((h, w), bad) in [((0, 0), f32::NAN), ((3, 4), f32::INFINITY), ((7, 7), f32::NAN), ((13, 13), f32::NAN)] {
            let mut x = to_f32(&Random::new(6).values(conv.input_len(), 1.0));
            x[(h * 14 + w) * 16 + 5] = bad;
            let mut y = vec![0.0f32; conv.output_len()];
            let mut words = vec![0; y.len() / 16];
            // An infinity may meet a negative weight, and a ReLU may then turn it into a zero; a NaN passes every ReLU.
            let gate = if bad.is_nan() { Gate::Relu(&mut words) } else { Gate::None };
            packed.run(&x, &mut y, Epilogue { residual: None, gate });
            for (i, y) in y.chunks_exact(32).enumerate() {
                let reads = (i / 14).abs_diff(h) <= 1 && (i % 14).abs_diff(w) <= 1;
                assert!(!reads || y.iter().all(|y| !y.is_finite()), "{kind:?}: pixel {i} hides {bad} at {h}, {w}");
            }
        }
    }
}
