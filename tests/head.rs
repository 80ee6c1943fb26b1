//! head: mean, dense layer and the shortcut's sum of the reference, against central differences; the engine's head
//! against them, bitwise where sums are exact.

use backlit_cpu::layers::Head;
use backlit_net::weights::FoldedDense;
use backlit_net::{CLASSES, FEATURES, Rule};
use backlit_reference::ops::{
    dense_dgrad, dense_fwd, global_average_dgrad, global_average_fwd, relu_dgrad, residual_dgrad, residual_fwd,
};
use backlit_testkit::compare::{assert_close, assert_same};
use backlit_testkit::differences::central;
use backlit_testkit::random::{Random, to_f32};
use backlit_tests::{levels, on_threads};

#[test]
fn dense() {
    let r = Random::new(1);
    // 19 outputs: two whole groups of partial sums and a rest.
    let (x, w, b, u) = (
        r.stream(0).values(7, 1.0),
        r.stream(1).values(7 * 19, 1.0),
        r.stream(2).values(19, 1.0),
        r.stream(3).values(19, 1.0),
    );
    let expected = central(&x, &u, 1e-3, |x| {
        let mut y = vec![f64::NAN; 19];
        dense_fwd(x, &w, &b, &mut y);
        y
    });
    let mut dx = vec![f64::NAN; 7];
    dense_dgrad(&u, &w, &mut dx);
    assert_close("dense", &dx, &expected, 1e-9);

    let mut y = [f64::NAN; 2];
    dense_fwd(&[1.0, 2.0], &[1.0, 10.0, 3.0, 30.0], &[0.5, 0.0], &mut y);
    assert_eq!(y, [7.5, 70.0]);
}

#[test]
fn global_average() {
    let r = Random::new(2);
    let (x, u) = (r.stream(0).values(49 * 3, 1.0), r.stream(1).values(3, 1.0));
    let expected = central(&x, &u, 1e-3, |x| {
        let mut y = vec![f64::NAN; 3];
        global_average_fwd(x, &mut y);
        y
    });
    let mut dx = vec![f64::NAN; x.len()];
    global_average_dgrad(&u, &mut dx);
    assert_close("global average", &dx, &expected, 1e-9);
}

#[test]
fn residual() {
    // x feeds both paths of y = 2x + x, so its gradient is the sum of theirs.
    let r = Random::new(3);
    let (x, u) = (r.stream(0).values(9, 1.0), r.stream(1).values(9, 1.0));
    let expected = central(&x, &u, 1e-3, |x| {
        let mut y: Vec<f64> = x.iter().map(|v| 2.0 * v).collect();
        residual_fwd(&mut y, x);
        y
    });
    let mut d: Vec<f64> = u.iter().map(|v| 2.0 * v).collect();
    residual_dgrad(&mut d, &u);
    assert_close("residual", &d, &expected, 1e-9);
}

/// Images of the engine's tests, more than a thread has.
const N: usize = 3;
const PIXELS: usize = 49;
const INPUT_LEN: usize = PIXELS * FEATURES;

/// Integers all of whose sums are exact: a mean over 49 is, of multiples of 49.
fn exact(random: Random, n: usize) -> Vec<f64> {
    random.integers(n, 3).iter().map(|v| 49.0 * v).collect()
}

#[test]
fn engine_is_bitwise_equal_to_the_reference() {
    let r = Random::new(4);
    let dense =
        FoldedDense { weight: r.stream(0).integers(FEATURES * CLASSES, 4), bias: r.stream(1).integers(CLASSES, 9) };
    let x = exact(r.stream(2), N * INPUT_LEN);
    let mut logits = vec![0.0; N * CLASSES];
    for (x, logits) in x.chunks_exact(INPUT_LEN).zip(logits.chunks_exact_mut(CLASSES)) {
        let mut average = vec![0.0; FEATURES];
        global_average_fwd(x, &mut average);
        dense_fwd(&average, &dense.weight, &dense.bias, logits);
    }
    // One seed asks for every class, one for a single one and one for nothing.
    let mut seeds = exact(r.stream(3), N * CLASSES);
    seeds[CLASSES..].fill(0.0);
    seeds[CLASSES + 999] = 49.0;
    let y = r.stream(4).values(N * INPUT_LEN, 1.0);
    let words: Vec<u16> =
        y.chunks_exact(16).map(|y| y.iter().rev().fold(0, |w, &v| w << 1 | u16::from(v > 0.0))).collect();
    let mut dx = vec![0.0; x.len()];
    for (seed, dx) in seeds.chunks_exact(CLASSES).zip(dx.chunks_exact_mut(INPUT_LEN)) {
        let mut average = vec![0.0; FEATURES];
        dense_dgrad(seed, &dense.weight, &mut average);
        global_average_dgrad(&average, dx);
    }

    let head = Head::new(&dense);
    for level in levels() {
        let token = level.token().expect("an available level");
        assert_same(&format!("{level} forward"), &forward(&head, token, &to_f32(&x)), &to_f32(&logits));
        let mut found = vec![f32::NAN; dx.len()];
        head.dgrad(token, &to_f32(&seeds), None, &mut found);
        assert_same(&format!("{level} gradient"), &found, &to_f32(&dx));
        for rule in [Rule::Plain, Rule::Guided, Rule::Rectified] {
            let mut expected = dx.clone();
            relu_dgrad(rule, &y, &mut expected);
            let mut found = vec![f32::NAN; dx.len()];
            head.dgrad(token, &to_f32(&seeds), Some((rule, &words)), &mut found);
            assert_same(&format!("{level} {rule:?}"), &found, &to_f32(&expected));
        }
    }
}

#[test]
fn bytes_depend_neither_on_threads_nor_on_the_batch() {
    let r = Random::new(5);
    let dense = FoldedDense { weight: r.stream(0).values(FEATURES * CLASSES, 1.0), bias: vec![0.5; CLASSES] };
    let head = Head::new(&dense);
    let x = to_f32(&r.stream(1).values(N * INPUT_LEN, 1.0));
    let seeds = to_f32(&r.stream(2).values(N * CLASSES, 1.0));
    for level in levels() {
        let token = level.token().expect("an available level");
        let run = |x: &[f32], seeds: &[f32]| {
            let mut dx = vec![f32::NAN; x.len()];
            head.dgrad(token, seeds, None, &mut dx);
            (forward(&head, token, x), dx)
        };
        let whole = on_threads(1, || run(&x, &seeds));
        assert!(whole.0.iter().chain(&whole.1).all(|v| v.is_finite()));
        for threads in [2, 16] {
            assert!(on_threads(threads, || run(&x, &seeds)) == whole, "{level}, {threads} threads");
        }
        let (logits, dx) = run(&x[INPUT_LEN..], &seeds[CLASSES..]);
        assert!(logits == whole.0[CLASSES..] && dx == whole.1[INPUT_LEN..], "{level}, without the first image");
    }
}

#[test]
fn a_nan_reaches_the_logits_and_the_gradient() {
    let head = Head::new(&FoldedDense { weight: vec![1.0; FEATURES * CLASSES], bias: vec![0.0; CLASSES] });
    for level in levels() {
        let token = level.token().expect("an available level");
        let (mut x, mut seed, mut dx) = (vec![0.0; INPUT_LEN], vec![0.0; CLASSES], vec![0.0; INPUT_LEN]);
        (x[7], seed[999]) = (f32::NAN, f32::NAN);
        assert!(forward(&head, token, &x).iter().all(|v| v.is_nan()), "{level}");
        head.dgrad(token, &seed, None, &mut dx);
        assert!(dx.iter().all(|v| v.is_nan()), "{level}");
    }
}

/// Logits of a batch.
fn forward(head: &Head, token: backlit_cpu::isa::Token, x: &[f32]) -> Vec<f32> {
    let mut logits = vec![f32::NAN; x.len() / INPUT_LEN * CLASSES];
    head.forward(token, x, &mut logits);
    logits
}
