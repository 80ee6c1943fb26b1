//! relu: the derivative off the kink, the three rules on it, and the example of keras-vis' own test.

use backlit_net::Rule;
use backlit_reference::ops::{dense_dgrad, dense_fwd, relu_dgrad, relu_fwd};
use backlit_testkit::compare::assert_close;
use backlit_testkit::differences::central;
use backlit_testkit::random::Random;

#[test]
fn plain_rule_is_the_derivative() {
    let r = Random::new(1);
    // Kept away from the kink by more than the step.
    let x: Vec<f64> = r.stream(0).values(100, 1.0).iter().map(|v| v + 0.01 * v.signum()).collect();
    let u = r.stream(1).values(100, 1.0);
    let differences = central(&x, &u, 1e-4, |x| {
        let mut y = x.to_vec();
        relu_fwd(&mut y);
        y
    });
    let (mut y, mut d) = (x, u);
    relu_fwd(&mut y);
    relu_dgrad(Rule::Plain, &y, &mut d);
    assert_close("relu", &d, &differences, 1e-9);
}

#[test]
fn three_rules_case_by_case() {
    // y = 0 stands for a closed gate, at the kink or below it.
    let y = [0.0, 0.0, 0.0, 2.0, 2.0, 2.0];
    let d = [-1.0, 0.0, 1.0, -1.0, 0.0, 1.0];
    let apply = |rule| {
        let mut d = d;
        relu_dgrad(rule, &y, &mut d);
        d
    };
    assert_eq!(apply(Rule::Plain), [0.0, 0.0, 0.0, -1.0, 0.0, 1.0]);
    assert_eq!(apply(Rule::Guided), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(apply(Rule::Rectified), [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
}

#[test]
fn a_negative_head_shuts_the_guided_gate() {
    // Two inputs, two hidden units with weights -1, one output with weights -1. At x = (-1, -1) both hidden units are
    // on; the gradient of the output is (1, 1), but what arrives at the hidden units is negative, so guided gives 0.
    let (hidden_weight, head_weight) = ([-1.0, 0.0, 0.0, -1.0], [-1.0, -1.0]);
    let gradient = |rule| {
        let mut hidden = [0.0f64; 2];
        dense_fwd(&[-1.0, -1.0], &hidden_weight, &[0.0, 0.0], &mut hidden);
        relu_fwd(&mut hidden);
        let (mut d, mut dx) = ([0.0; 2], [0.0; 2]);
        dense_dgrad(&[1.0], &head_weight, &mut d);
        relu_dgrad(rule, &hidden, &mut d);
        dense_dgrad(&d, &hidden_weight, &mut dx);
        dx
    };
    assert_eq!(gradient(Rule::Plain), [1.0, 1.0]);
    assert_eq!(gradient(Rule::Guided), [0.0, 0.0]);
}

#[test]
fn a_nan_is_not_hidden() {
    let mut y = [f64::NAN];
    relu_fwd(&mut y);
    assert!(y[0].is_nan());
}
