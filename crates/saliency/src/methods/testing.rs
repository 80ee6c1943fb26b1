//! What the tests of methods share: a picture, and engines whose scores are formulas.

use backlit_net::preprocess::Preprocessing;
use backlit_net::{Engine, IMAGE_LEN};
use backlit_testkit::random::Random;
use backlit_testkit::toy::Toy;

use crate::{Attribution, MethodError, Objective, Recipe, Run, Subject, Target, explain};

/// A picture of random pixels.
pub(super) struct Picture {
    rgb: Vec<u8>,
    pub(super) tensor: Vec<f32>,
}

impl Picture {
    pub(super) fn new() -> Picture {
        let rgb: Vec<u8> = (0..IMAGE_LEN).map(|i| (Random::new(8).bits(i) >> 56) as u8).collect();
        let mut tensor = vec![0.0; IMAGE_LEN];
        Preprocessing::Caffe.apply(&rgb, &mut tensor);
        Picture { rgb, tensor }
    }

    pub(super) fn subject(&self) -> Subject<'_> {
        Subject { rgb: &self.rgb, tensor: &self.tensor, preprocessing: Preprocessing::Caffe }
    }
}

/// Random weights so small that scores stay in the tens.
pub(super) fn weight(scale: f64) -> Vec<f32> {
    Random::new(31).values(IMAGE_LEN, scale).into_iter().map(|v| v as f32).collect()
}

/// Class 0: the sum of `weight x^power / power`, whose gradient is `weight x^(power - 1)`.
pub(super) fn power(weight: Vec<f32>, power: i32) -> Toy {
    let formula = move |x: &[f32]| {
        let terms = x.iter().zip(&weight).map(|(&x, &w)| f64::from(w) * f64::from(x).powi(power) / f64::from(power));
        let slope = |(&x, &w): (&f32, &f32)| (f64::from(w) * f64::from(x).powi(power - 1)) as f32;
        (terms.sum(), x.iter().zip(&weight).map(slope).collect())
    };
    Toy::new(vec![Box::new(formula)])
}

pub(super) fn class(index: usize) -> Objective {
    Objective::logit(Target::class(index).unwrap())
}

/// For every recipe, an attribution for every objective.
pub(super) fn try_all(
    engine: &dyn Engine,
    objectives: &[Objective],
    recipes: &[Recipe],
    run: &Run<'_>,
) -> Result<Vec<Vec<Attribution>>, MethodError> {
    let picture = Picture::new();
    Ok(explain(engine, &[picture.subject()], objectives, recipes, run)?.remove(0)?.attributions)
}

/// The attribution of class 0.
pub(super) fn attribution(engine: &dyn Engine, recipe: &Recipe) -> Attribution {
    try_all(engine, &[class(0)], std::slice::from_ref(recipe), &Run::default()).unwrap().remove(0).remove(0)
}

/// The bytes must not depend on how many copies go together.
pub(super) fn assert_batch_does_not_matter(recipe: &Recipe) {
    let objectives = [class(0), class(1)];
    let linear = weight(1e-4);
    let second = move |x: &[f32]| {
        let score: f64 = x.iter().zip(&linear).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum();
        (score, linear.clone())
    };
    let mut formulas = power(weight(1e-6), 3).into_formulas();
    formulas.push(Box::new(second));
    let engine = Toy::new(formulas);
    let found =
        |batch| try_all(&engine, &objectives, std::slice::from_ref(recipe), &Run::default().with_batch(batch)).unwrap();
    let alone = found(1);
    assert!(alone[0][0].values.values.iter().any(|&v| v != 0.0), "nothing is shown by zeros");
    for batch in [7, 64] {
        assert!(found(batch) == alone, "{recipe:?}: batch {batch}");
    }
}

/// Elementwise, relative to the largest value expected.
#[track_caller]
pub(super) fn assert_near(found: &[f32], expected: impl Iterator<Item = f64>, tolerance: f64) {
    let expected: Vec<f64> = expected.collect();
    assert_eq!(found.len(), expected.len());
    let size = expected.iter().fold(0f64, |m, v| m.max(v.abs()));
    assert!(size > 0.0, "zeros would pass");
    for (i, (&f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(f) - e).abs() <= tolerance * size, "element {i} is {f}, expected {e}");
    }
}
