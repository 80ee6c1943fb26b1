//! Expected gradients of formulas.

use super::*;
use crate::methods::testing::{
    Picture, assert_batch_does_not_matter, assert_near, attribution, class, power, try_all, weight,
};
use crate::{Recipe, Run};

fn recipe(samples: usize, baselines: Vec<Baseline>) -> Recipe {
    Recipe::ExpectedGradients(ExpectedGradients { samples, baselines, seed: 3 })
}

fn several_baselines() -> Vec<Baseline> {
    let grey = |v: u8| Baseline::Picture { name: format!("grey {v}"), rgb: vec![v; IMAGE_LEN] };
    vec![Baseline::Black, grey(40), Baseline::White, grey(200), Baseline::Noise { seed: 2 }]
}

#[test]
fn of_a_linear_score_it_is_complete_for_any_draws() {
    let found = attribution(&power(weight(1e-3), 1), &recipe(23, several_baselines()));
    let c = found.completeness.unwrap();
    assert!(c.expected.abs() > 0.1 && c.residual.abs() <= 1e-4 * c.expected.abs(), "{c:?}");
    assert_eq!(found.samples, 23);
}

#[test]
fn it_is_the_mean_over_the_draws() {
    const SAMPLES: usize = 11;
    let (picture, w, baselines) = (Picture::new(), weight(1e-4), several_baselines());
    let subject = picture.subject();
    let found = attribution(&power(w.clone(), 2), &recipe(SAMPLES, baselines.clone()));
    let random = Random::new(3, subject.key(), Purpose::Choice);
    let tensors: Vec<Vec<f32>> = baselines.iter().map(|b| b.tensor(subject).unwrap()).collect();
    let draws: Vec<(usize, f64)> = (0..SAMPLES as u32)
        .map(|s| ((random.bits(s, 0) as usize * tensors.len()) >> 32, random.uniform(s, 1)))
        .collect();
    assert!((0..3).all(|b| draws.iter().any(|d| d.0 == b)), "the draws vary");
    let expected = (0..IMAGE_LEN).map(|i| {
        let x = f64::from(picture.tensor[i]);
        let one = |&(b, a): &(usize, f64)| {
            let from = f64::from(tensors[b][i]);
            (x - from) * f64::from(w[i]) * (from + a * (x - from))
        };
        draws.iter().map(one).sum::<f64>() / SAMPLES as f64
    });
    assert_near(&found.values.values, expected, 1e-6);
}

#[test]
fn the_draws_are_uniform() {
    let draws = Draws { random: Random::new(1, 2, Purpose::Choice), among: 7 };
    let n = 70_000;
    let mut counts = [0f64; 7];
    (0..n).for_each(|s| counts[draws.baseline(s)] += 1.0);
    // Four standard deviations of a count of 10,000.
    assert!(counts.iter().all(|c| (c - 1e4).abs() <= 4.0 * (1e4f64 * 6.0 / 7.0).sqrt()), "{counts:?}");
    let mean = (0..n).map(|s| draws.place(s)).sum::<f64>() / n as f64;
    assert!((mean - 0.5).abs() <= 4.0 * (1.0 / 12.0 / n as f64).sqrt(), "{mean}");
    let cross = (0..n).map(|s| (draws.place(s) - 0.5) * (draws.baseline(s) as f64 - 3.0)).sum::<f64>() / n as f64;
    assert!(cross.abs() <= 4.0 * (4.0 / 12.0 / n as f64).sqrt(), "independent: {cross}");
}

#[test]
fn the_batch_does_not_matter() {
    assert_batch_does_not_matter(&recipe(9, several_baselines()));
}

#[test]
fn bad_parameters() {
    let fails = |recipe| try_all(&power(weight(1e-4), 2), &[class(0)], &[recipe], &Run::default()).unwrap_err();
    assert!(matches!(fails(recipe(0, several_baselines())), MethodError::Parameter { what: "samples", .. }));
    assert!(matches!(fails(recipe(3, vec![])), MethodError::Parameter { what: "number of baselines", .. }));
    let short = Baseline::Picture { name: "short".into(), rgb: vec![] };
    assert!(matches!(fails(recipe(3, vec![short])), MethodError::Baseline(BaselineError::Length { .. })));
}
