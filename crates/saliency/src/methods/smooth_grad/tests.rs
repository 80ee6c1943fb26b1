//! SmoothGrad on an engine whose gradient is a formula.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;
use crate::methods::GradientPass;
use crate::methods::testing::{Picture, assert_batch_does_not_matter, assert_near, class, power, try_all, weight};
use crate::{Progress, Run};

fn recipe(moment: Moment, noise: f64, samples: usize) -> Recipe {
    Recipe::SmoothGrad(SmoothGrad { moment, noise, samples, ..SmoothGrad::default() })
}

fn all_moments(noise: f64, samples: usize) -> Vec<Recipe> {
    Moment::ALL.iter().map(|&moment| recipe(moment, noise, samples)).collect()
}

#[test]
fn one_run_serves_all_moments() {
    let engine = power(weight(1e-4), 3);
    let steps = AtomicUsize::new(0);
    let count = |_: Progress| {
        steps.fetch_add(1, Ordering::Relaxed);
    };
    let run = Run::default().with_batch(4).with_progress(&count);
    let found = try_all(&engine, &[class(0)], &all_moments(0.1, 12), &run).unwrap();
    assert_eq!(steps.load(Ordering::Relaxed), 3, "three batches of four in all");
    let values = |m: usize| found[m][0].values.values.iter().map(|&v| f64::from(v));
    let [mean, absolute, square, variance] = [0, 1, 2, 3];
    for (((mean, absolute), square), variance) in
        values(mean).zip(values(absolute)).zip(values(square)).zip(values(variance))
    {
        // VarGrad = SmoothGrad squared - SmoothGrad^2; each is rounded to single precision.
        assert!((variance - (square - mean * mean)).abs() <= 3e-7 * square, "{variance} {square} {mean}");
        assert!(
            variance >= 0.0 && mean.abs() <= absolute * (1.0 + 1e-6) && absolute * absolute <= square * (1.0 + 1e-6)
        );
    }
    // Other options are another run.
    let two = [recipe(Moment::Mean, 0.1, 12), recipe(Moment::Mean, 0.2, 12)];
    let found = try_all(&engine, &[class(0)], &two, &run).unwrap();
    assert_eq!(steps.load(Ordering::Relaxed), 9);
    assert_ne!(found[0], found[1]);
}

#[test]
fn no_noise_is_the_gradient() {
    let mut recipes = all_moments(0.0, 40);
    recipes.push(Recipe::Pass(GradientPass::Gradient));
    let found = try_all(&power(weight(1e-4), 3), &[class(0)], &recipes, &Run::default()).unwrap();
    let gradient = &found[4][0].values.values;
    assert_eq!(&found[0][0].values.values, gradient);
    assert!(found[1][0].values.values.iter().zip(gradient).all(|(a, g)| *a == g.abs()));
    assert_near(&found[2][0].values.values, gradient.iter().map(|&g| f64::from(g).powi(2)), 1e-7);
    assert!(found[3][0].values.values.iter().all(|&v| v == 0.0), "no variance at all");
}

#[test]
fn noise_is_a_share_of_the_range_or_absolute() {
    // The gradient of sum of x^2 / 2 is the copy itself, so its variance is that of the noise.
    let engine = power(vec![1.0; IMAGE_LEN], 2);
    let picture = Picture::new();
    let range = picture.tensor.iter().fold(0f32, |m, v| m.max(*v)) - picture.tensor.iter().fold(0f32, |m, v| m.min(*v));
    let deviation = |scale, noise| {
        let recipe = SmoothGrad { moment: Moment::Variance, noise, scale, samples: 24, seed: 5 };
        let found = try_all(&engine, &[class(0)], &[Recipe::SmoothGrad(recipe)], &Run::default()).unwrap();
        let mean = found[0][0].values.values.iter().map(|&v| f64::from(v)).sum::<f64>() / IMAGE_LEN as f64;
        // The variance around the samples' own mean is too small by one part in n.
        (mean * 24.0 / 23.0).sqrt()
    };
    assert!((deviation(NoiseScale::Absolute, 5.0) / 5.0 - 1.0).abs() <= 2e-3);
    assert!((deviation(NoiseScale::Range, 0.1) / (0.1 * f64::from(range)) - 1.0).abs() <= 2e-3);
}

#[test]
fn the_batch_does_not_matter() {
    for recipe in all_moments(0.2, 9) {
        assert_batch_does_not_matter(&recipe);
    }
}

#[test]
fn bad_parameters_and_cancelling() {
    let engine = power(weight(1e-4), 2);
    let fails = |recipe: Recipe| try_all(&engine, &[class(0)], &[recipe], &Run::default()).unwrap_err();
    for recipe in [recipe(Moment::Mean, 0.1, 0), recipe(Moment::Mean, -0.1, 3), recipe(Moment::Variance, f64::NAN, 3)] {
        let error = fails(recipe);
        assert!(matches!(error, MethodError::Parameter { .. }), "{error}");
    }
    let stop = AtomicBool::new(true);
    let run = Run::default().with_cancel(&stop);
    let error = try_all(&engine, &[class(0)], &[recipe(Moment::Mean, 0.1, 3)], &run).unwrap_err();
    assert!(matches!(error, MethodError::Cancelled(_)), "{error}");
}
