//! Blur integrated gradients of formulas, and of PAIR's example.

use backlit_net::IMAGE_LEN;
use backlit_testkit::compare::relative_l2;
use backlit_testkit::random::to_f64;

use super::*;
use crate::methods::testing::{Picture, assert_batch_does_not_matter, attribution, class, power, try_all, weight};
use crate::{Recipe, Run};

fn recipe(steps: usize, max_sigma: f64, sqrt: bool) -> Recipe {
    Recipe::BlurIg(BlurIg { steps, max_sigma, gradient_step: 0.01, sqrt })
}

/// A linear score makes every gradient the weight, and the sum of the slopes telescopes as the step goes to 0.
#[test]
fn it_is_the_sum_over_the_steps() {
    let (picture, w) = (Picture::new(), weight(1e-3));
    let blurs = Blurs::new(&picture.tensor, [SIDE, SIDE, CHANNELS]).unwrap();
    for sqrt in [false, true] {
        let found = attribution(&power(w.clone(), 1), &recipe(6, 9.0, sqrt));
        let mut expected = vec![0f64; IMAGE_LEN];
        let sigma = |i: usize| if sqrt { (1.5 * i as f64).sqrt() } else { 1.5 * i as f64 };
        for i in 0..6 {
            let slope = blurs.at(sigma(i), 0.01).unwrap().1;
            for ((sum, s), &w) in expected.iter_mut().zip(slope).zip(&w) {
                *sum -= (sigma(i + 1) - sigma(i)) * f64::from(s) * f64::from(w);
            }
        }
        assert!(relative_l2(&to_f64(&found.values.values), &expected) <= 1e-6);
        assert_eq!(found.samples, 6);
    }
}

#[test]
fn completeness_is_reckoned_from_the_strongest_blur() {
    let (picture, w) = (Picture::new(), weight(1e-3));
    let found = attribution(&power(w.clone(), 1), &recipe(3, 4.0, false));
    let blurred = Blurs::new(&picture.tensor, [SIDE, SIDE, CHANNELS]).unwrap().at(4.0, 0.01).unwrap().0;
    let expected: f64 =
        (picture.tensor.iter().zip(blurred).zip(&w)).map(|((&x, b), &w)| f64::from(w) * f64::from(x - b)).sum();
    let c = found.completeness.unwrap();
    assert!((c.expected - expected).abs() <= 1e-3, "{c:?}, {expected}");
    assert!((c.sum - c.expected - c.residual).abs() <= 1e-12);
}

#[test]
fn the_batch_does_not_matter() {
    assert_batch_does_not_matter(&recipe(9, 5.0, false));
}

#[test]
fn bad_parameters() {
    let good = BlurIg::default();
    for bad in [
        BlurIg { steps: 0, ..good },
        BlurIg { max_sigma: 0.0, ..good },
        BlurIg { max_sigma: f64::INFINITY, ..good },
        BlurIg { gradient_step: 0.0, ..good },
        BlurIg { gradient_step: f64::NAN, ..good },
    ] {
        let found = try_all(&power(weight(1e-4), 1), &[class(0)], &[Recipe::BlurIg(bad)], &Run::default());
        assert!(matches!(found, Err(MethodError::Parameter { method: Method::BlurIg, .. })), "{bad:?}");
    }
}
