//! The path on formulas.

use backlit_testkit::random::Random;

use super::*;
use crate::methods::Baseline;

const N: usize = 400;

fn recipe(steps: usize, fraction: f64, max_distance: f64) -> GuidedIg {
    GuidedIg { steps, fraction, max_distance, baseline: Baseline::Mean }
}

fn ends() -> (Vec<f32>, Vec<f32>) {
    let input: Vec<f32> = (0..N).map(|i| 100.0 * Random::new(1).signed(i)).collect();
    let mut baseline: Vec<f32> = (0..N).map(|i| 10.0 * Random::new(2).signed(i)).collect();
    baseline[7] = input[7]; // a value that has no way to go
    (input, baseline)
}

/// The gradient of the sum of `w x + v x^2 / 200`.
fn slope(i: usize, x: f32) -> f32 {
    Random::new(3).signed(i) + Random::new(4).signed(i) * x / 100.0
}

fn score(x: &[f32]) -> f64 {
    let term = |(i, &x): (usize, &f32)| {
        let (w, v, x) = (f64::from(Random::new(3).signed(i)), f64::from(Random::new(4).signed(i)), f64::from(x));
        w * x + v * x * x / 200.0
    };
    x.iter().enumerate().map(term).sum()
}

fn walk(recipe: &GuidedIg, mut see: impl FnMut(usize, &Walk)) -> Walk {
    let (input, baseline) = ends();
    let mut walk = Walk::new(&input, &baseline);
    for step in 0..recipe.steps {
        let gradient: Vec<f32> = walk.copy().enumerate().map(|(i, x)| slope(i, x)).collect();
        walk.step(recipe, step, &gradient);
        see(step, &walk);
    }
    walk
}

#[test]
fn distance_and_band_are_kept_and_the_end_is_reached() {
    for recipe in
        [recipe(20, 0.25, 0.02), recipe(30, 0.1, 1.0), recipe(7, 0.25, 0.0), recipe(5, 1.0, 0.3), recipe(9, 0.0, 0.1)]
    {
        let walk = walk(&recipe, |step, walk| {
            let alpha = (step + 1) as f64 / recipe.steps as f64;
            let left: f64 = walk.x.iter().zip(&walk.input).map(|(x, i)| (x - i).abs()).sum();
            let expected = walk.total * (1.0 - alpha);
            assert!((left - expected).abs() <= 1e-8 * walk.total, "{recipe:?}, step {step}: {left} for {expected}");
            for i in 0..N {
                let way = walk.input[i] - walk.baseline[i];
                let place = if way == 0.0 { alpha } else { (walk.x[i] - walk.baseline[i]) / way };
                assert!(
                    (place - alpha).abs() <= recipe.max_distance + 1e-9,
                    "{recipe:?}, step {step}, value {i}: {place}"
                );
            }
        });
        let sum: f64 = walk.attribution.iter().sum();
        let (input, baseline) = ends();
        let expected = score(&input) - score(&baseline);
        assert!((sum - expected).abs() <= 0.15 * expected.abs(), "{recipe:?}: {sum} for {expected}");
    }
}

/// With no room to stray it is integrated gradients by a left Riemann sum.
#[test]
fn the_straight_path_is_integrated_gradients() {
    let (input, baseline) = ends();
    let walk = walk(&recipe(10, 0.25, 0.0), |_, _| ());
    for i in 0..N {
        let way = f64::from(input[i]) - f64::from(baseline[i]);
        let at = |step: usize| slope(i, (f64::from(baseline[i]) + way * step as f64 / 10.0) as f32);
        let expected = way / 10.0 * (0..10).map(|s| f64::from(at(s))).sum::<f64>();
        assert!(
            (walk.attribution[i] - expected).abs() <= 1e-5 * way.abs(),
            "{i}: {} for {expected}",
            walk.attribution[i]
        );
    }
}

#[test]
fn values_with_small_gradients_go_first() {
    let mut moved = Vec::new();
    let (_, baseline) = ends();
    walk(&recipe(4, 0.1, 1.0), |step, walk| {
        if step == 0 {
            moved = (0..N).filter(|&i| walk.x[i] != walk.baseline[i]).collect();
        }
    });
    let size = |i: usize| slope(i, baseline[i]).abs();
    let most = moved.iter().map(|&i| size(i)).fold(0f32, f32::max);
    assert!(moved.len() > N / 10 && moved.len() < N / 2, "{}", moved.len());
    assert!((0..N).filter(|i| !moved.contains(i) && *i != 7).all(|i| size(i) > most));
}

#[test]
fn from_the_picture_itself_there_is_no_way() {
    let (input, _) = ends();
    let mut walk = Walk::new(&input, &input);
    walk.step(&recipe(3, 0.25, 0.02), 0, &vec![1.0; N]);
    assert!(walk.finish().iter().all(|&v| v == 0.0));
}
