//! Guided integrated gradients on toy engines.

use super::*;
use crate::methods::testing::{assert_batch_does_not_matter, attribution, class, power, try_all, weight};
use crate::{Recipe, Run};

fn recipe(steps: usize) -> GuidedIg {
    GuidedIg { steps, ..GuidedIg::default() }
}

#[test]
fn it_adds_up() {
    let c = attribution(&power(weight(1e-3), 1), &Recipe::GuidedIg(recipe(6))).completeness.unwrap();
    assert!(c.expected.abs() > 1.0 && c.residual.abs() <= 1e-4 * c.expected.abs(), "{c:?}");
    let c = attribution(&power(weight(1e-4), 2), &Recipe::GuidedIg(recipe(40))).completeness.unwrap();
    assert!(c.expected.abs() > 1.0 && c.residual.abs() <= 0.1 * c.expected.abs(), "{c:?}");
}

#[test]
fn the_batch_does_not_matter() {
    assert_batch_does_not_matter(&Recipe::GuidedIg(recipe(5)));
}

#[test]
fn bad_parameters() {
    for bad in [
        recipe(0),
        GuidedIg { fraction: -0.1, ..recipe(3) },
        GuidedIg { fraction: f64::NAN, ..recipe(3) },
        GuidedIg { max_distance: 1.1, ..recipe(3) },
    ] {
        let found = try_all(&power(weight(1e-4), 1), &[class(0)], &[Recipe::GuidedIg(bad.clone())], &Run::default());
        assert!(matches!(found, Err(MethodError::Parameter { method: Method::GuidedIg, .. })), "{bad:?}");
    }
}
