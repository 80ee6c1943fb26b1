//! Moments of the gradient, on an engine whose gradient is a formula.

use backlit_net::engine::{Moments, Pace, PathNode, Sampler};
use backlit_net::random::{Purpose, Random};
use backlit_net::{CLASSES, Engine, EngineError, IMAGE_LEN, Images, Rule, Seeds};
use backlit_testkit::toy::Toy;

/// Class 0: the sum of `x^2 / 2`, so that the gradient is the copy itself.
fn engine() -> Toy {
    Toy::quadratic(vec![1.0; IMAGE_LEN])
}

fn image() -> Vec<f32> {
    (0..IMAGE_LEN).map(|i| (i % 199) as f32 - 99.0).collect()
}

fn first_class() -> Vec<f32> {
    let mut row = vec![0.0; CLASSES];
    row[0] = 1.0;
    row
}

fn moments(sampler: &Sampler, batch: usize) -> Moments {
    let row = first_class();
    let seeds = Seeds::Rows { data: &row, per_image: 1 };
    let pace = &mut Pace { batch, watch: None };
    engine().gradient_moments(Images::new(&image()).unwrap(), sampler, seeds, Rule::Plain, pace).unwrap()
}

fn noise(sigma: f64, samples: usize) -> Sampler {
    Sampler::Noise { sigma, seed: 4, key: 12, samples }
}

#[test]
fn the_bytes_do_not_depend_on_the_batch() {
    let expected = moments(&noise(3.0, 20), 1);
    for batch in [7, 64, 0] {
        assert_eq!(moments(&noise(3.0, 20), batch), expected, "batch {batch}");
    }
}

#[test]
fn moments_are_those_of_the_copies() {
    const SAMPLES: usize = 20;
    let found = moments(&noise(30.0, SAMPLES), 8);
    let random = Random::new(4, 12, Purpose::Noise);
    for (i, &x) in image().iter().enumerate().step_by(97) {
        let copies: Vec<f64> =
            (0..SAMPLES as u32).map(|s| f64::from((f64::from(x) + 30.0 * random.normal(s, i)) as f32)).collect();
        let mean = |f: &dyn Fn(f64) -> f64| copies.iter().map(|&g| f(g)).sum::<f64>() / SAMPLES as f64;
        let average = mean(&|g| g);
        let close = |found: f32, expected: f64| (f64::from(found) - expected).abs() <= 1e-7 * expected.abs().max(1e-3);
        assert!(close(found.mean[i], average), "{i}");
        assert!(close(found.mean_absolute[i], mean(&|g| g.abs())), "{i}");
        assert!(close(found.mean_square[i], mean(&|g| g * g)), "{i}");
        assert!(close(found.variance[i], mean(&|g| (g - average).powi(2))), "{i}");
    }
}

#[test]
fn variance_is_the_square_less_the_squared_mean() {
    let found = moments(&noise(30.0, 20), 8);
    for i in 0..IMAGE_LEN {
        let (mean, square) = (f64::from(found.mean[i]), f64::from(found.mean_square[i]));
        // Each of the three is rounded to single precision.
        let error = (f64::from(found.variance[i]) - (square - mean * mean)).abs();
        assert!(error <= 2e-7 * square && found.variance[i] > 0.0, "{i}: {error}");
    }
}

#[test]
fn no_noise_is_no_variance() {
    let found = moments(&noise(0.0, 100), 8);
    assert_eq!(found.mean, image());
    assert!(found.variance.iter().all(|&v| v == 0.0), "exactly");
    assert!(found.mean_square.iter().zip(image()).all(|(s, x)| *s == x * x));
}

#[test]
fn weights_count() {
    let node = |alpha, weight| PathNode { alpha, weight };
    let nodes = vec![node(0.0, 0.0), node(1.0, 3.0), node(0.5, 1.0)];
    let found = moments(&Sampler::Path { baseline: vec![0.0; IMAGE_LEN], nodes }, 2);
    for (i, x) in image().into_iter().enumerate() {
        // Copies x and x / 2 with shares 3/4 and 1/4.
        let (mean, variance) = (0.875 * x, 3.0 / 64.0 * x * x);
        assert!((found.mean[i] - mean).abs() <= 1e-6 * mean.abs(), "{i}");
        assert!((found.variance[i] - variance).abs() <= 1e-6 * variance, "{i}");
    }
}

#[test]
fn seeds_may_be_written_from_the_logits_of_each_copy() {
    // The seed is the sample's number times the copy's own logit: d/dx of half its square, for instance.
    let write = |sample: usize, logits: &[f32], rows: &mut [f32]| rows[0] = (1 + sample) as f32 * logits[0].signum();
    let seeds = Seeds::FromLogits { per_image: 1, write: &write };
    let (picture, sampler) = (image(), noise(0.0, 5));
    for batch in [1, 2, 5] {
        let pace = &mut Pace { batch, watch: None };
        let found =
            engine().gradient_moments(Images::new(&picture).unwrap(), &sampler, seeds, Rule::Plain, pace).unwrap();
        let expected: Vec<f32> = picture.iter().map(|x| 3.0 * x).collect();
        assert_eq!(found.mean, expected, "mean of 1 to 5, batch {batch}");
    }
}

#[test]
fn told_after_every_batch_and_stopped() {
    let (picture, row, mut told) = (image(), first_class(), Vec::new());
    let seeds = Seeds::Rows { data: &row, per_image: 1 };
    let mut watch = |done| {
        told.push(done);
        done < 6
    };
    let mut pace = Pace { batch: 3, watch: Some(&mut watch) };
    let found =
        engine().gradient_moments(Images::new(&picture).unwrap(), &noise(1.0, 20), seeds, Rule::Plain, &mut pace);
    assert_eq!(found, Err(EngineError::Stopped));
    assert_eq!(told, [3, 6]);
}
