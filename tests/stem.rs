//! stem: the engine's 7x7 and max-pool, forward and back, against the reference, bitwise where sums are exact.

use backlit_cpu::layers::{Stem, max_pool};
use backlit_net::arch::{Network, Variant};
use backlit_net::weights::FoldedConv;
use backlit_net::{IMAGE_LEN, Rule};
use backlit_reference::ops::{Conv2d, conv2d_dgrad, conv2d_fwd, max_pool_dgrad, max_pool_fwd, relu_dgrad, relu_fwd};
use backlit_testkit::compare::assert_same;
use backlit_testkit::random::{Random, to_f32};
use backlit_tests::levels;

const N: usize = 2;

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

    let stem = Stem::new(conv, &folded);
    for level in levels() {
        let token = level.token().expect("an available level");
        let mut found = vec![f32::NAN; y.len()];
        stem.forward(token, &to_f32(&images), &mut found);
        assert_same(&format!("{level} forward"), &found, &to_f32(&y));
        let mut found = vec![f32::NAN; dx.len()];
        stem.dgrad(token, &to_f32(&dy), &mut found);
        assert_same(&format!("{level} gradient"), &found, &to_f32(&dx));
    }
}

#[test]
fn pool_agrees_on_ties_windows_of_zeros_and_borders() {
    for variant in [Variant::V1, Variant::V1_5] {
        let pool = &Network::of(variant).pool;
        let len_in = pool.side_in * pool.side_in * pool.channels;
        let len_out = pool.side_out() * pool.side_out() * pool.channels;
        // Few distinct values, most of them zero: ties everywhere, and many windows with nothing in them.
        let r = Random::new(2);
        let x: Vec<f64> = r.stream(0).integers(N * len_in, 8).iter().map(|v| (v - 6.0).max(0.0)).collect();
        let dy = r.stream(1).integers(N * len_out, 9);
        let (mut y, mut winner) = (vec![0.0; dy.len()], vec![0; dy.len()]);
        for i in 0..N {
            let (y, winner) = (&mut y[i * len_out..][..len_out], &mut winner[i * len_out..][..len_out]);
            max_pool_fwd(&pool.into(), &x[i * len_in..][..len_in], y, winner);
        }
        assert!(y.iter().filter(|&&v| v == 0.0).count() > 1000, "no window of zeros was met");
        for level in levels() {
            let token = level.token().expect("an available level");
            let (mut found, mut codes) = (vec![f32::NAN; y.len()], vec![0xA5; y.len()]);
            max_pool::forward(token, &to_f32(&x), &mut found, &mut codes);
            assert_same(&format!("{variant} {level} forward"), &found, &to_f32(&y));
            for rule in [Rule::Plain, Rule::Guided, Rule::Rectified] {
                let mut expected = vec![0.0; x.len()];
                for i in 0..N {
                    let (winner, dy) = (&winner[i * len_out..][..len_out], &dy[i * len_out..][..len_out]);
                    max_pool_dgrad(&pool.into(), winner, dy, &mut expected[i * len_in..][..len_in]);
                }
                relu_dgrad(rule, &x, &mut expected);
                let mut found = vec![f32::NAN; x.len()];
                max_pool::dgrad(token, pool.border, rule, &codes, &to_f32(&dy), &mut found);
                assert_same(&format!("{variant} {level} {rule:?}"), &found, &to_f32(&expected));
            }
        }
    }
}
