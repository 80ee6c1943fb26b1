use backlit_net::Engine;
use backlit_testkit::random::Random;
use backlit_testkit::toy::Toy;

use super::*;
use crate::methods::fixture::{self, Picture};
use crate::{Objective, Recipe, Run};

fn maps(engine: &dyn Engine, picture: &Picture, options: Occlusion, batch: usize) -> Vec<Attribution> {
    fixture::attributions(
        engine,
        picture,
        &fixture::class_zero(),
        Recipe::Occlusion(options),
        Run::default().with_batch(batch),
    )
    .unwrap()
}

/// `sum of w x` over the channels of each pixel: what a linear score loses when the pixel becomes 0.
fn shares(weight: &[f32], tensor: &[f32]) -> Vec<f64> {
    let products = |(w, x): (&[f32], &[f32])| w.iter().zip(x).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum();
    weight.chunks(3).zip(tensor.chunks(3)).map(products).collect()
}

fn weight() -> Vec<f32> {
    let random = Random::new(3);
    (0..IMAGE_LEN).map(|i| random.signed(i) / 64.0).collect()
}

/// Straight from the definition, on a linear score.
fn expected(weight: &[f32], tensor: &[f32], options: Occlusion, starts: &[usize]) -> Vec<f64> {
    let share = shares(weight, tensor);
    let (mut sum, mut count) = (vec![0.0; SIDE * SIDE], vec![0usize; SIDE * SIDE]);
    for &top in starts {
        for &left in starts {
            let inside: Vec<usize> = (top..(top + options.patch).min(SIDE))
                .flat_map(|r| (left..(left + options.patch).min(SIDE)).map(move |c| r * SIDE + c))
                .collect();
            let value: f64 = inside.iter().map(|&p| share[p]).sum();
            for p in inside {
                sum[p] += value;
                count[p] += 1;
            }
        }
    }
    if options.overlap == Overlap::Mean {
        sum.iter_mut().zip(count).for_each(|(s, n)| *s /= n as f64);
    }
    sum
}

fn close(found: &[f32], expected: &[f64], tolerance: f64) {
    let largest = expected.iter().fold(0f64, |m, v| m.max(v.abs()));
    for (i, (&a, &e)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(a) - e).abs() <= tolerance * largest, "pixel {i}: {a} for {e}");
    }
}

#[test]
fn closed_form_for_a_linear_score() {
    let (picture, weight) = (Picture::random(1), weight());
    let toy = Toy::linear(weight.clone());
    let captum = Occlusion { patch: 60, stride: 45, ..Occlusion::default() };
    let found = maps(&toy, &picture, captum, 5);
    assert_eq!((found[0].samples, found[0].values.channels), (25, 1));
    close(&found[0].values.values, &expected(&weight, &picture.tensor, captum, &[0, 45, 90, 135, 180]), 1e-5);

    let pair = Occlusion { patch: 220, ..Occlusion::pair() };
    let found = maps(&toy, &picture, pair, 8);
    assert_eq!(found[0].samples, 25);
    close(&found[0].values.values, &expected(&weight, &picture.tensor, pair, &[0, 1, 2, 3, 4]), 1e-5);

    // Side by side and alone on zeros: a patch's score is its share, the same as what its loss costs.
    let alone = Occlusion { patch: 56, stride: 56, ..Occlusion::zennit() };
    let hidden = Occlusion { experiment: Experiment::Hide, ..alone };
    let share = expected(&weight, &picture.tensor, alone, &[0, 56, 112, 168]);
    close(&maps(&toy, &picture, alone, 8)[0].values.values, &share, 1e-5);
    close(&maps(&toy, &picture, hidden, 8)[0].values.values, &share, 1e-5);
}

#[test]
fn the_batch_changes_no_byte() {
    let (picture, toy) = (Picture::random(2), Toy::quadratic(weight()));
    for fill in [Fill::Black, Fill::Mean, Fill::Blur, Fill::Impute] {
        let options = Occlusion { patch: 100, stride: 70, fill, ..Occlusion::default() };
        let found = maps(&toy, &picture, options, 1);
        assert!(found == maps(&toy, &picture, options, 7) && found == maps(&toy, &picture, options, 64), "{fill}");
        assert!(found[0].values.values.iter().all(|v| v.is_finite()));
        assert!(found[0].values.values.iter().any(|&v| v != 0.0));
    }
}

#[test]
fn a_planted_object_is_found() {
    // Only the square at rows 64..96, columns 128..160 matters.
    let inside = |p: usize| (64..96).contains(&(p / SIDE)) && (128..160).contains(&(p % SIDE));
    let weight = (0..IMAGE_LEN).map(|i| if inside(i / 3) { 1.0 } else { 0.0 }).collect();
    let picture = Picture::flat([200, 200, 200]);
    let found = maps(&Toy::linear(weight), &picture, Occlusion::default(), 8);
    let values = &found[0].values.values;
    let best = (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap();
    assert!(inside(best));
    assert!(values.iter().enumerate().all(|(p, &v)| inside(p) || v < values[best]));
    assert_eq!(values[0], 0.0);
}

#[test]
fn nothing_to_lose() {
    // The mean colour put on the mean colour, and a score that does not depend on the picture.
    let picture = Picture::flat([9, 9, 9]);
    for fill in [Fill::Black, Fill::Mean, Fill::Blur, Fill::Impute] {
        let options = Occlusion { patch: 112, stride: 112, fill, ..Occlusion::default() };
        let found = maps(&Toy::linear(vec![0.0; IMAGE_LEN]), &picture, options, 8);
        assert!(found[0].values.values.iter().all(|&v| v == 0.0));
    }
}

#[test]
fn all_objectives_share_the_passes() {
    let picture = Picture::random(4);
    let toy = Toy::linear(weight());
    let one = Objective::logit("0".parse().unwrap());
    let minus = Objective { against: Some("0".parse().unwrap()), ..Objective::logit("1".parse().unwrap()) };
    let recipe = Recipe::Occlusion(Occlusion { patch: 112, stride: 112, ..Occlusion::default() });
    let found = fixture::attributions(&toy, &picture, &[one, minus], recipe, Run::default()).unwrap();
    let (a, b) = (&found[0].values.values, &found[1].values.values);
    assert!(a.iter().zip(b).all(|(a, b)| *a == -b) && a.iter().any(|&v| v != 0.0));
}

#[test]
fn bad_parameters() {
    let (picture, toy) = (Picture::flat([1, 2, 3]), Toy::linear(vec![0.0; IMAGE_LEN]));
    for (patch, stride, message) in [
        (0, 1, "occlusion: patch is 0: give 1 to 224 pixels"),
        (225, 1, "occlusion: patch is 225: give 1 to 224 pixels"),
        (8, 0, "occlusion: stride is 0: give 1 to 8 pixels, the side of the patch"),
        (8, 9, "occlusion: stride is 9: give 1 to 8 pixels, the side of the patch"),
    ] {
        let recipe = Recipe::Occlusion(Occlusion { patch, stride, ..Occlusion::default() });
        let error = fixture::attributions(&toy, &picture, &fixture::class_zero(), recipe, Run::default()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}
