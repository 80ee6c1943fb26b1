//! The gradient.

use backlit_cuda::ops::conv::Arithmetic;
use backlit_cuda::ops::stem::{DGRAD, FORWARD};
use backlit_cuda::planes::Sixteen;
use backlit_net::Rule;
use backlit_net::arch::PoolBorder;
use backlit_testkit::compare::{assert_close, sum_tolerance};
use backlit_testkit::random::{Random, to_f32, to_f64};

use super::modes::{CHECKED, FAST, KINDS, Kind, all, assert_bits};
use super::{Back, Case, back};

const BORDERS: [PoolBorder; 2] = [PoolBorder::Zero, PoolBorder::NegativeInfinity];
const RULES: [Rule; 3] = [Rule::Plain, Rule::Guided, Rule::Rectified];

#[test]
fn gradients_of_integers_are_exact_for_every_rule_and_border() {
    // Several blocks in both directions, with ragged edges.
    for (n, side) in [(1, 32), (2, 36), (1, 120)] {
        let case = Case::integers(n, side);
        for (border, rule) in BORDERS.into_iter().flat_map(|b| RULES.map(|r| (b, r))) {
            let d = Random::new(9).integers(n * (side / 4) * (side / 4) * 64, 3);
            let back = back(&case, rule, border, d);
            let expected = to_f32(&case.reference_dgrad(&back));
            for variant in DGRAD {
                for kind in if rule == Rule::Guided { &KINDS[..] } else { &KINDS[..2] } {
                    let found = case.dgrad(variant, *kind, FAST[0], &back);
                    assert_bits(&format!("{} {kind:?} {border:?} {rule}", variant.kernel), &found, &expected);
                }
            }
        }
    }
}

#[test]
fn random_gradients_are_close_in_every_mode() {
    let case = Case::random(2, 36);
    for (rule, border) in [(Rule::Plain, BORDERS[1]), (Rule::Rectified, BORDERS[0])] {
        let d = Random::new(10).values(case.n * 9 * 9 * 64, 1.0);
        let back = back(&case, rule, border, d);
        let expected = case.reference_dgrad(&back);
        for variant in DGRAD {
            let first = case.dgrad(variant, Kind::F32, FAST[0], &back);
            // Rounding of both factors, added up over 12 positions of 64 random products of size 1/2.
            let factors = |epsilon: f64| 3.0 * 784f64.sqrt() * epsilon;
            let tolerance = 3.0 * sum_tolerance(7 * 64)
                + match variant.arithmetic {
                    Arithmetic::Half(Sixteen::F16) => factors(2f64.powi(-11)),
                    Arithmetic::Half(Sixteen::Bf16) => factors(2f64.powi(-8)),
                    _ => 0.0,
                };
            assert_close(variant.kernel, &to_f64(&first), &expected, tolerance);
            let slow = variant.kernel == "stem_dgrad_naive";
            for mode in all().filter(|m| !(m.checked && slow)) {
                assert_bits(variant.kernel, &case.dgrad(variant, Kind::F32, mode, &back), &first);
            }
        }
    }
}

#[test]
fn a_picture_has_the_same_bits_in_any_batch() {
    let all = Case::random(3, 36);
    let len = all.x.len() / 3;
    let alone = Case { n: 1, x: all.x[2 * len..].to_vec(), weight: all.weight.clone(), bias: all.bias.clone(), ..all };
    let variant = &FORWARD[FORWARD.len() - 1];
    let ((many, codes), (one, code)) =
        (all.forward(variant, Kind::Split, FAST[0]), alone.forward(variant, Kind::Split, FAST[0]));
    assert_bits("forward", &many[many.len() / 3 * 2..], &one);
    assert_eq!(codes[codes.len() / 3 * 2..], code);
    let d = Random::new(11).values(3 * 9 * 9 * 64, 1.0);
    let together = back(&all, Rule::Plain, BORDERS[0], d.clone());
    let by_itself = Back {
        unscale: vec![together.unscale[2]],
        ..back(&alone, Rule::Plain, BORDERS[0], d[2 * 9 * 9 * 64..].to_vec())
    };
    let variant = &DGRAD[DGRAD.len() - 1];
    let many = all.dgrad(variant, Kind::F16, CHECKED[0], &together);
    assert_bits("gradient", &many[2 * len..], &alone.dgrad(variant, Kind::F16, FAST[2], &by_itself));
}
