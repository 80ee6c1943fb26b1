//! stem: the engine's 7x7 and max-pool, forward and back, against the reference, bitwise where sums are exact.

use backlit_cpu::layers::{Stem, max_pool};
use backlit_net::arch::{Network, PoolBorder, Variant};
use backlit_net::weights::FoldedConv;
use backlit_net::{IMAGE_LEN, Rule};
use backlit_reference::ops::{
    Conv2d, MaxPool, conv2d_dgrad, conv2d_fwd, max_pool_dgrad, max_pool_fwd, relu_dgrad, relu_fwd,
};
use backlit_testkit::compare::assert_same;
use backlit_testkit::random::{Random, to_f32, to_f64};
use backlit_tests::{levels, on_threads};

const N: usize = 2;
const RULES: [Rule; 3] = [Rule::Plain, Rule::Guided, Rule::Rectified];

#[test]
fn stem_is_bitwise_equal_to_the_reference() {
    let conv = &Network::of(Variant::V1).stem;
    let shape = Conv2d::from(conv);
    let r = Random::new(1);
    let folded =
        FoldedConv { weight: r.stream(0).integers(conv.weight_len(), 4), bias: r.stream(1).integers(conv.c_out, 9) };
    let images = r.stream(2).integers(N * IMAGE_LEN, 9);
    let dy = r.stream(3).integers(N * conv.output_len(), 4);

    let (mut y, mut dx) = (vec![0.0; dy.len()], vec![0.0; images.len()]);
    for (x, y) in images.chunks_exact(IMAGE_LEN).zip(y.chunks_exact_mut(conv.output_len())) {
        conv2d_fwd(&shape, x, &folded.weight, &folded.bias, y);
    }
    relu_fwd(&mut y);
    for (dy, dx) in dy.chunks_exact(conv.output_len()).zip(dx.chunks_exact_mut(IMAGE_LEN)) {
        conv2d_dgrad(&shape, dy, &folded.weight, dx);
    }

    for level in levels() {
        let token = level.token().expect("an available level");
        let stem = Stem::new(token, conv, &folded);
        let mut found = vec![f32::NAN; y.len()];
        stem.forward(token, &to_f32(&images), &mut found);
        assert_same(&format!("{level} forward"), &found, &to_f32(&y));
        let mut found = vec![f32::NAN; dx.len()];
        stem.dgrad(token, &to_f32(&dy), &mut found);
        assert_same(&format!("{level} gradient"), &found, &to_f32(&dx));
    }
}

/// What a variant's reference makes of images and of a gradient of the pool.
struct Expected {
    pooled: Vec<f64>,
    /// Gradients of the map and of the images.
    back: Vec<(Rule, Vec<f64>, Vec<f64>)>,
}

fn expected(variant: Variant, folded: &FoldedConv, images: &[f64], dy: &[f64]) -> Expected {
    let network = Network::of(variant);
    let (conv, pool) = (Conv2d::from(&network.stem), MaxPool::from(&network.pool));
    let (len_map, len_out) = (conv.output_len(), dy.len() / N);
    let (mut map, mut pooled, mut winner) = (vec![0.0; N * len_map], vec![0.0; dy.len()], vec![0; dy.len()]);
    for i in 0..N {
        let map = &mut map[i * len_map..][..len_map];
        conv2d_fwd(&conv, &images[i * IMAGE_LEN..][..IMAGE_LEN], &folded.weight, &folded.bias, map);
        relu_fwd(map);
        max_pool_fwd(&pool, map, &mut pooled[i * len_out..][..len_out], &mut winner[i * len_out..][..len_out]);
    }
    let back = RULES.map(|rule| {
        let (mut d_map, mut dx) = (vec![0.0; map.len()], vec![0.0; images.len()]);
        for i in 0..N {
            let (winner, dy) = (&winner[i * len_out..][..len_out], &dy[i * len_out..][..len_out]);
            let d_map = &mut d_map[i * len_map..][..len_map];
            max_pool_dgrad(&pool, winner, dy, d_map);
            relu_dgrad(rule, &map[i * len_map..][..len_map], d_map);
            conv2d_dgrad(&conv, d_map, &folded.weight, &mut dx[i * IMAGE_LEN..][..IMAGE_LEN]);
        }
        (rule, d_map, dx)
    });
    Expected { pooled, back: back.into() }
}

/// Runs the fused passes at every level and compares bitwise.
fn check_pooled(what: &str, folded: &FoldedConv, images: &[f64], dy: &[f64]) {
    for variant in [Variant::V1, Variant::V1_5] {
        let network = Network::of(variant);
        let Expected { pooled, back } = expected(variant, folded, images, dy);
        for level in levels() {
            let token = level.token().expect("an available level");
            let stem = Stem::new(token, &network.stem, folded);
            let mut found = vec![f32::NAN; pooled.len()];
            let mut codes = vec![0xA5; N * max_pool::CODES_LEN];
            stem.forward_pooled(token, &to_f32(images), &mut found, &mut codes);
            assert_same(&format!("{what} {variant} {level} pooled"), &found, &to_f32(&pooled));
            for (rule, d_map, dx) in &back {
                let border = network.pool.border;
                let (what, dy) = (format!("{what} {variant} {level} {rule:?}"), to_f32(dy));
                let back = max_pool::Back { border, rule: *rule, codes: &codes, dy: &dy };
                let mut found = vec![f32::NAN; d_map.len()];
                max_pool::dgrad(token, back, &mut found);
                assert_same(&format!("{what} map"), &found, &to_f32(d_map));
                let mut found = vec![f32::NAN; dx.len()];
                stem.dgrad_pooled(token, back, &mut found);
                assert_same(&format!("{what} image"), &found, &to_f32(dx));
            }
        }
    }
}

#[test]
fn stem_with_pool_is_bitwise_equal_to_the_reference() {
    let conv = &Network::of(Variant::V1).stem;
    let r = Random::new(3);
    let folded =
        FoldedConv { weight: r.stream(0).integers(conv.weight_len(), 4), bias: r.stream(1).integers(conv.c_out, 9) };
    let images = r.stream(2).integers(N * IMAGE_LEN, 9);
    check_pooled("random", &folded, &images, &r.stream(3).integers(N * max_pool::OUTPUT_LEN, 9));
}

#[test]
fn pool_agrees_on_ties_windows_of_zeros_and_borders() {
    let conv = &Network::of(Variant::V1).stem;
    let r = Random::new(2);
    // One weight a channel and few distinct pixels: ties everywhere, and many windows with nothing in them.
    let mut weight = vec![0.0; conv.weight_len()];
    for k in 0..conv.c_out {
        let tap = r.stream(0).bits(k) as usize % (conv.weight_len() / conv.c_out);
        weight[tap * conv.c_out + k] = 1.0;
    }
    // Channels whose bias is above zero have their ties in the border of the image too.
    let folded = FoldedConv { weight, bias: (0..conv.c_out).map(|k| f64::from(k % 4 == 0)).collect() };
    let images: Vec<f64> = r.stream(1).integers(N * IMAGE_LEN, 8).iter().map(|v| v - 6.0).collect();
    let pooled = expected(Variant::V1, &folded, &images, &vec![0.0; N * max_pool::OUTPUT_LEN]).pooled;
    assert!(pooled.iter().filter(|&&v| v == 0.0).count() > 1000, "no window of zeros was met");
    check_pooled("ties", &folded, &images, &r.stream(3).integers(N * max_pool::OUTPUT_LEN, 9));
}

#[test]
fn bytes_depend_neither_on_threads_nor_on_the_batch() {
    let conv = &Network::of(Variant::V1).stem;
    let r = Random::new(4);
    let folded = FoldedConv { weight: r.stream(0).values(conv.weight_len(), 1.0), bias: vec![0.1; conv.c_out] };
    let images = to_f32(&r.stream(1).values(N * IMAGE_LEN, 1.0));
    let dy = to_f32(&r.stream(2).values(N * max_pool::OUTPUT_LEN, 1.0));
    for level in levels() {
        let token = level.token().expect("an available level");
        let stem = Stem::new(token, conv, &folded);
        let run = |images: &[f32], dy: &[f32]| {
            let n = images.len() / IMAGE_LEN;
            let (mut pooled, mut codes) = (vec![f32::NAN; dy.len()], vec![0xA5; n * max_pool::CODES_LEN]);
            stem.forward_pooled(token, images, &mut pooled, &mut codes);
            let back = max_pool::Back { border: PoolBorder::Zero, rule: Rule::Plain, codes: &codes, dy };
            let mut dx = vec![f32::NAN; images.len()];
            stem.dgrad_pooled(token, back, &mut dx);
            (pooled, codes, dx)
        };
        let whole = on_threads(1, || run(&images, &dy));
        assert!(whole.0.iter().chain(&whole.2).all(|v| v.is_finite()));
        for threads in [2, 3, 16] {
            assert!(on_threads(threads, || run(&images, &dy)) == whole, "{level}, {threads} threads");
        }
        let one = run(&images[IMAGE_LEN..], &dy[max_pool::OUTPUT_LEN..]);
        assert!(one.0 == whole.0[max_pool::OUTPUT_LEN..], "{level}, second image alone, forward");
        assert!(one.2 == whole.2[IMAGE_LEN..], "{level}, second image alone, gradient");
    }
}

#[test]
fn dgrad_is_the_adjoint_of_the_convolution() {
    let conv = &Network::of(Variant::V1).stem;
    let r = Random::new(5);
    // A bias that no sum undercuts: ReLU is then the identity, and its difference from the bias linear.
    let bias = 64.0;
    let folded = FoldedConv { weight: r.stream(0).values(conv.weight_len(), 0.1), bias: vec![bias; conv.c_out] };
    let v = to_f32(&r.stream(1).values(IMAGE_LEN, 1.0));
    let u = to_f32(&r.stream(2).values(conv.output_len(), 1.0));
    let dot = |a: &[f64], b: &[f32]| a.iter().zip(b).map(|(a, &b)| a * f64::from(b)).sum::<f64>();
    for level in levels() {
        let token = level.token().expect("an available level");
        let stem = Stem::new(token, conv, &folded);
        let (mut jv, mut ju) = (vec![f32::NAN; u.len()], vec![f32::NAN; v.len()]);
        stem.forward(token, &v, &mut jv);
        stem.dgrad(token, &u, &mut ju);
        let jv: Vec<f64> = jv.iter().map(|&y| f64::from(y) - bias).collect();
        assert!(jv.iter().all(|&y| y > -bias), "the bias is too small");
        let (left, right) = (dot(&jv, &u), dot(&to_f64(&ju), &v));
        // Products add up like random steps.
        let scale = jv.iter().zip(&u).map(|(a, &b)| (a * f64::from(b)).powi(2)).sum::<f64>().sqrt();
        assert!((left - right).abs() <= 1e-4 * scale, "{level}: {left} and {right}, scale {scale}");
        assert!(left.abs() > 1e-2 * scale, "{level}: nothing was compared");
    }
}

#[test]
fn a_nan_is_not_hidden() {
    let conv = &Network::of(Variant::V1).stem;
    let folded = FoldedConv { weight: vec![1.0; conv.weight_len()], bias: vec![-1e6; conv.c_out] };
    for level in levels() {
        let token = level.token().expect("an available level");
        let stem = Stem::new(token, conv, &folded);
        let (mut pooled, mut codes) = (vec![0.0; max_pool::OUTPUT_LEN], vec![0; max_pool::CODES_LEN]);
        // Every other window is closed, so only the NaN can be seen, forward and back.
        let mut image = vec![0.0; IMAGE_LEN];
        image[(100 * 224 + 51) * 3 + 1] = f32::NAN;
        stem.forward_pooled(token, &image, &mut pooled, &mut codes);
        assert!(pooled.iter().any(|v| v.is_nan()), "{level}: forward");
        let mut dy = vec![0.0; pooled.len()];
        let at = pooled.iter().position(|v| v.is_nan()).expect("just seen");
        dy[at] = f32::NAN;
        let back = max_pool::Back { border: PoolBorder::Zero, rule: Rule::Plain, codes: &codes, dy: &dy };
        let mut dx = vec![0.0; IMAGE_LEN];
        stem.dgrad_pooled(token, back, &mut dx);
        assert!(dx.iter().any(|v| v.is_nan()), "{level}: gradient");
    }
}
