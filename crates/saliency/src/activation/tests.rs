use backlit_net::IMAGE_LEN;
use backlit_testkit::random::Random;
use backlit_testkit::toy::Toy;

use super::*;

fn toy() -> Toy {
    let random = Random::new(5);
    Toy::linear((0..IMAGE_LEN).map(|i| random.signed(i) / 100.0).collect())
}

fn climb(engine: &dyn Engine, ascent: Ascent) -> ActivationImage {
    maximise(engine, &[0], &ascent, Preprocessing::Caffe, &Run::default(), &mut |_| Ok(())).unwrap()
}

#[test]
fn the_score_rises_and_repeats() {
    for ascent in [
        Ascent::from(KerasVis { steps: 12, ..KerasVis::default() }),
        Ascent::from(KerasVis { steps: 12, jitter: 0.0, normalization: Normalization::L2, ..KerasVis::default() }),
        Ascent::from(ClassModel { steps: 12, ..ClassModel::default() }),
    ] {
        let found = climb(&toy(), ascent);
        assert_eq!((found.losses.len(), found.rgb.len(), found.tensor.len()), (12, IMAGE_LEN, IMAGE_LEN));
        assert!(found.scores.windows(2).all(|w| w[1] > w[0]), "{ascent:?}: {:?}", found.scores);
        assert!(found.losses.iter().all(|v| v.is_finite()) && found.losses[11] < found.losses[0]);
        assert!(found == climb(&toy(), ascent));
    }
}

/// Each step of the ascent is `x <- x + r (w - 2 lambda x)`, so `x_n = w / (2 lambda) (1 - (1 - 2 r lambda)^n)`.
#[test]
fn the_class_model_of_a_linear_score() {
    let (lambda, rate) = (1e-3, 20.0);
    let found = climb(&toy(), Ascent::from(ClassModel { steps: 30, lambda, rate }));
    let random = Random::new(5);
    for (i, &x) in found.tensor.iter().enumerate().step_by(997) {
        let w = f64::from(random.signed(i) / 100.0);
        let expected = w / (2.0 * lambda) * (1.0 - (1.0 - 2.0 * rate * lambda).powi(30));
        assert!((f64::from(x) - expected).abs() <= 1e-5, "{x} for {expected}");
    }
    assert_eq!((found.losses[0], found.scores[0]), (0.0, 0.0), "it begins with zeros");
}

/// The picture kept is the one after the step whose loss was lowest.
#[test]
fn keras_vis_keeps_the_best() {
    // Ever steeper downhill: every step overshoots, and the loss soon rises.
    let steep = Toy::quadratic(vec![-1.0; IMAGE_LEN]);
    let options = KerasVis { steps: 60, lp_weight: 0.0, tv_weight: 0.0, ..KerasVis::default() };
    let mut seen = Vec::new();
    let mut watch = |step: &Step<'_>| {
        seen.push(step.tensor.to_vec());
        Ok(())
    };
    let found = maximise(&steep, &[0], &options.into(), Preprocessing::Caffe, &Run::default(), &mut watch).unwrap();
    let best = (0..60).min_by(|&a, &b| found.losses[a].total_cmp(&found.losses[b])).unwrap();
    assert!(best < 59 || found.losses[58] >= found.losses[59]);
    assert!(found.tensor == seen[best] && found.rgb.len() == IMAGE_LEN);
}

#[test]
fn several_classes_add_up() {
    let both = Toy::new(vec![
        Box::new(|x: &[f32]| (f64::from(x[0]), (0..IMAGE_LEN).map(|i| f32::from(u8::from(i == 0))).collect())),
        Box::new(|x: &[f32]| (f64::from(x[1]), (0..IMAGE_LEN).map(|i| f32::from(u8::from(i == 1))).collect())),
    ]);
    let ascent = Ascent::from(ClassModel { steps: 1, lambda: 0.0, rate: 2.0 });
    let found = maximise(&both, &[0, 1, 1], &ascent, Preprocessing::Caffe, &Run::default(), &mut |_| Ok(())).unwrap();
    assert_eq!(found.tensor[..3], [2.0, 2.0, 0.0], "a class named twice counts once");
}

#[test]
fn a_score_that_nothing_changes() {
    let none = Toy::linear(vec![0.0; IMAGE_LEN]);
    for ascent in [
        Ascent::from(KerasVis { steps: 3, ..KerasVis::default() }),
        ClassModel { steps: 3, ..ClassModel::default() }.into(),
    ] {
        let found = climb(&none, ascent);
        assert!(found.tensor.iter().all(|v| v.is_finite()) && found.losses.iter().all(|v| v.is_finite()));
    }
    assert_eq!(climb(&none, ClassModel { steps: 1, ..ClassModel::default() }.into()).rgb[..3], [124, 117, 104]);
}

#[test]
fn stopped_and_refused() {
    let ascent = Ascent::from(KerasVis { steps: 5, ..KerasVis::default() });
    let mut left = 2;
    let mut stop = |_: &Step<'_>| {
        left -= 1;
        if left == 0 { Err(Cancelled) } else { Ok(()) }
    };
    let refused = |classes: &[usize], ascent: Ascent, watch: &mut OnStep<'_>| {
        maximise(&toy(), classes, &ascent, Preprocessing::Torch, &Run::default(), watch).unwrap_err()
    };
    assert_eq!(refused(&[0], ascent, &mut stop), ActivationError::Cancelled(Cancelled));
    assert_eq!(refused(&[], ascent, &mut |_| Ok(())), ActivationError::NoClass);
    let keras = KerasVis::default();
    for (classes, ascent, message) in [
        (1000, ascent, "there is no class 1000: indices go from 0 to 999"),
        (0, KerasVis { steps: 0, ..keras }.into(), "activation maximisation: steps is 0: give at least one"),
        (0, KerasVis { lp: 0.5, ..keras }.into(), "activation maximisation: lp is 0.5: give 1 to 1000"),
        (
            0,
            KerasVis { decay: 1.0, ..keras }.into(),
            "activation maximisation: decay is 1: give 0 or more and less than 1",
        ),
        (
            0,
            KerasVis { tv_weight: f64::NAN, ..keras }.into(),
            "activation maximisation: tv_weight is NaN: give a number of 0 or more",
        ),
        (0, KerasVis { jitter: 2.0, ..keras }.into(), "activation maximisation: jitter is 2: give a share of 0 to 1"),
        (
            0,
            ClassModel { lambda: 1.0, ..ClassModel::default() }.into(),
            "activation maximisation: rate is 100: give less than 1 / lambda",
        ),
    ] {
        assert_eq!(refused(&[classes], ascent, &mut |_| Ok(())).to_string(), message);
    }
}
