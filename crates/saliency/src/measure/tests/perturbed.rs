//! Infidelity and maximal sensitivity on a linear network.

use super::*;
use crate::measure::*;
use crate::{Map, Run, Score, Target};

fn engine() -> Linear {
    Linear { bias: 0.1, weights: (0..500).map(|i| (i * 301, ((i % 7) as f64 - 3.0) / 64.0)).collect() }
}

/// The gradient of the class's logit.
fn gradient(factor: f32) -> Map {
    let mut values = vec![0.0; IMAGE_LEN];
    engine().weights.iter().for_each(|&(at, w)| values[at] = w as f32 * factor);
    Map { height: SIDE, width: SIDE, channels: 3, values }
}

fn measured(map: &Map) -> Infidelity {
    let picture = picture();
    let (engine, subject) = (engine(), subject(&picture));
    let clean = confidence(&engine, &subject, Target::class(1).unwrap()).unwrap();
    infidelity(&engine, &subject, map, &clean, Score::Logit, Perturbations::default(), &Run::default())
        .unwrap()
        .unwrap()
}

#[test]
fn the_gradient_of_a_linear_network_is_faithful() {
    let own = measured(&gradient(1.0));
    let zero = measured(&gradient(0.0));
    assert!(zero.plain > 0.1, "the score does move: {}", zero.plain);
    assert!(own.plain <= 1e-8 * zero.plain && own.scaled.unwrap() <= 1e-8 * zero.plain, "{own:?}");
    assert_eq!(zero.scaled, Err(Undefined::ZeroMap));
    // Ten times too large: nine times the change is wrong, unless the scale is free.
    let tenfold = measured(&gradient(10.0));
    assert!((tenfold.plain / (81.0 * zero.plain) - 1.0).abs() <= 1e-4, "{tenfold:?}");
    assert!(tenfold.scaled.unwrap() <= 1e-8 * zero.plain);
    // One number a pixel stands for its three channels.
    let flat = Map { channels: 1, values: vec![0.01; SIDE * SIDE], ..gradient(1.0) };
    let spread = Map { values: vec![0.01; IMAGE_LEN], ..gradient(1.0) };
    assert_eq!(measured(&flat), measured(&spread));
}

#[test]
fn sensitivity_of_known_maps() {
    let picture = picture();
    let subject = subject(&picture);
    let with = |perturbations: Perturbations, f: &dyn Fn(&[f32]) -> Vec<f32>| {
        max_sensitivity(&subject, perturbations, &Run::default(), |tensor| {
            Ok::<_, MeasureError>(tensor.chunks_exact(IMAGE_LEN).map(f).collect())
        })
        .unwrap()
    };
    let usual = Perturbations::default();
    assert_eq!(with(usual, &|_| vec![1.0, 2.0]), Ok(0.0), "a map that is always the same");
    assert_eq!(with(usual, &|_| vec![0.0; 2]), Err(Undefined::ZeroMap));
    assert_eq!(with(usual, &|_| vec![f32::NAN; 2]), Err(Undefined::NonFinite));
    // The picture as its own map: uniform steps of up to 2 % of the range have the deviation range / 50 / sqrt(3).
    let (low, high) = picture.tensor.iter().fold((f32::MAX, f32::MIN), |(l, h), &v| (l.min(v), h.max(v)));
    let size = picture.tensor.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let expected = f64::from(high - low) * 0.02 / 3f64.sqrt() * (IMAGE_LEN as f64).sqrt() / size;
    let found = with(usual, &|x| x.to_vec()).unwrap();
    assert!((found / expected - 1.0).abs() <= 0.01, "{found} for {expected}");
    let twice = with(Perturbations { radius: 0.04, ..usual }, &|x| x.to_vec()).unwrap();
    assert!((twice / found - 2.0).abs() <= 1e-3);
    assert_ne!(with(Perturbations { seed: 1, ..usual }, &|x| x.to_vec()), Ok(found));
}

#[test]
fn explanations_must_fit() {
    let picture = picture();
    let subject = subject(&picture);
    let ask = |answer: &dyn Fn(usize) -> Vec<Vec<f32>>| {
        let mut calls = 0;
        max_sensitivity(&subject, Perturbations::default(), &Run::default(), |_| {
            calls += 1;
            Ok::<_, MeasureError>(answer(calls))
        })
    };
    assert!(matches!(ask(&|_| Vec::new()), Err(MeasureError::Length { expected: 1, found: 0, .. })));
    let shrinking = |call: usize| if call == 1 { vec![vec![1.0; 3]] } else { vec![vec![1.0; 2]; 8] };
    assert!(matches!(ask(&shrinking), Err(MeasureError::Length { expected: 3, found: 2, .. })));
}
