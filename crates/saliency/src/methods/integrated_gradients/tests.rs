//! Integrated gradients of formulas, where the integral is known.

use super::*;
use crate::methods::testing::{
    Picture, assert_batch_does_not_matter, assert_near, attribution, class, power, try_all, weight,
};
use crate::{Objective, Recipe, Run, Score};

fn recipe(quadrature: Quadrature, steps: usize, baseline: Baseline) -> Recipe {
    Recipe::IntegratedGradients(IntegratedGradients { steps, quadrature, baseline })
}

#[test]
fn a_linear_score_is_shared_out_exactly_from_every_baseline() {
    let (picture, w) = (Picture::new(), weight(1e-3));
    let engine = power(w.clone(), 1);
    let baselines = [
        Baseline::Black,
        Baseline::White,
        Baseline::Mean,
        Baseline::Blur { sigma: 3.0 },
        Baseline::Noise { seed: 1 },
        Baseline::Picture { name: "grey".into(), rgb: vec![90; IMAGE_LEN] },
    ];
    for baseline in baselines {
        let from = baseline.tensor(picture.subject()).unwrap();
        let found = attribution(&engine, &recipe(Quadrature::Middle, 3, baseline));
        let expected = picture.tensor.iter().zip(&from).zip(&w);
        let expected = expected.map(|((&x, &b), &w)| f64::from(w) * (f64::from(x) - f64::from(b)));
        assert_near(&found.values.values, expected, 1e-7);
        let completeness = found.completeness.unwrap();
        assert!(completeness.expected.abs() > 0.1, "{completeness:?}");
        assert!(completeness.residual.abs() <= 1e-4 * completeness.expected.abs(), "{completeness:?}");
    }
}

/// With the gradient `w x`, the integral is `w (x + b) / 2`: one Gauss-Legendre node finds it, and so do all rules that
/// are symmetric and whose weights add up to 1.
#[test]
fn a_quadratic_score_takes_one_node() {
    use Quadrature::*;
    let (picture, w) = (Picture::new(), weight(1e-4));
    let black = Baseline::Black.tensor(picture.subject()).unwrap();
    for (rule, steps) in
        [(GaussLegendre, 1), (Middle, 1), (GaussLegendre, 6), (Middle, 5), (Trapezoid, 2), (Inclusive, 3)]
    {
        let found = attribution(&power(w.clone(), 2), &recipe(rule, steps, Baseline::Black));
        let squares = picture.tensor.iter().zip(&black).map(|(&x, &b)| f64::from(x).powi(2) - f64::from(b).powi(2));
        assert_near(&found.values.values, squares.zip(&w).map(|(s, &w)| f64::from(w) * s / 2.0), 3e-7);
        let c = found.completeness.unwrap();
        assert!(c.residual.abs() <= 1e-5 * c.expected.abs(), "{rule} {steps}: {c:?}");
        assert_eq!(found.samples, steps);
    }
}

#[test]
fn every_rule_is_the_sum_over_its_nodes() {
    let (picture, w) = (Picture::new(), weight(1e-6));
    for &rule in Quadrature::ALL {
        let nodes = rule.nodes(5).unwrap();
        let found = attribution(&power(w.clone(), 3), &recipe(rule, 5, Baseline::Mean));
        // From zero: the gradient at a is w (a x)^2.
        let share: f64 = nodes.iter().map(|n| n.weight * n.alpha * n.alpha).sum();
        let expected = picture.tensor.iter().zip(&w).map(|(&x, &w)| share * f64::from(w) * f64::from(x).powi(3));
        assert_near(&found.values.values, expected, 5e-7);
    }
}

#[test]
fn the_residual_shrinks_with_the_steps() {
    use Quadrature::*;
    let engine = power(weight(1e-8), 5);
    for (rule, order) in [(Left, 1), (Right, 1), (Inclusive, 1), (CaptumTrapezoid, 1), (Middle, 2), (Trapezoid, 2)] {
        let relative = |steps| {
            let c = attribution(&engine, &recipe(rule, steps, Baseline::Black)).completeness.unwrap();
            (c.residual / c.expected).abs()
        };
        let (few, many) = (relative(16), relative(64));
        // A rule of order p gains 4^p from four times the steps.
        let gain = few / many;
        assert!(gain >= 0.7 * 4f64.powi(order), "{rule}: {few} to {many}");
    }
    // The gradient is of degree 4: three nodes of Gauss-Legendre are exact for up to 5.
    let c = attribution(&engine, &recipe(GaussLegendre, 3, Baseline::Black)).completeness.unwrap();
    assert!((c.residual / c.expected).abs() <= 1e-5, "{c:?}");
}

#[test]
fn a_probability_is_shared_out_too() {
    // The other 999 logits are 0, so that a class with logit ln 999 is as likely as not.
    let engine = power(weight(2e-5), 2);
    let objective = Objective { score: Score::Probability, ..class(0) };
    let recipe = recipe(Quadrature::GaussLegendre, 40, Baseline::Mean);
    let found = try_all(&engine, &[objective, class(0)], &[recipe], &Run::default()).unwrap().remove(0);
    for (c, tolerance) in [(found[0].completeness.unwrap(), 1e-4), (found[1].completeness.unwrap(), 1e-4)] {
        assert!(c.residual.abs() <= tolerance * c.expected.abs(), "{c:?}");
    }
    assert!(found[0].completeness.unwrap().expected.abs() > 1e-4);
}

#[test]
fn the_batch_does_not_matter() {
    for &rule in Quadrature::ALL {
        assert_batch_does_not_matter(&recipe(rule, 9, Baseline::Black));
    }
}

#[test]
fn bad_parameters() {
    let engine = power(weight(1e-4), 2);
    let short = Baseline::Picture { name: "short".into(), rgb: vec![0; 3] };
    for (bad, message) in [
        (recipe(Quadrature::GaussLegendre, 0, Baseline::Black), "ig: steps is 0: it must be from 1 to 10000"),
        (recipe(Quadrature::Trapezoid, 1, Baseline::Black), "ig: steps is 1: it must be from 2 to 10000"),
        (recipe(Quadrature::Middle, 4, short), "the baseline short holds 3 bytes"),
        (recipe(Quadrature::Middle, 4, Baseline::Blur { sigma: f64::NAN }), "the blurred baseline: sigma NaN"),
    ] {
        let error = try_all(&engine, &[class(0)], &[bad], &Run::default()).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}
