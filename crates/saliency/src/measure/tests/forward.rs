//! Insertion, deletion, masked confidence and ROAD in closed form.

use super::*;
use crate::Target;
use crate::measure::*;
use crate::{Cancelled, Run};

/// Element of a pixel that the class depends on.
const ELEMENT: usize = (100 * SIDE + 37) * 3 + 1;

#[test]
fn the_curve_of_a_class_of_one_pixel_is_a_step() {
    let picture = picture();
    let value = f64::from(picture.tensor[ELEMENT]);
    let engine = Linear::one(ELEMENT, 0.2);
    let clean = confidence(&engine, &subject(&picture), Target::TOP1).unwrap();
    assert_eq!(clean.class, 1);
    assert!((clean.logit - 0.2 * value).abs() <= 1e-5);
    let (with, without) = (Linear::probability(clean.logit), Linear::probability(0.0));
    assert!(with > 0.01 + without);

    // The pixel is in row 100: gone once 101 rows are.
    let run = Run::default();
    let curve = deletion(&engine, &subject(&picture), &falling(), 1, STEP, &run).unwrap().unwrap();
    assert_eq!((curve.probabilities.len(), curve.shares[0], curve.shares[224]), (225, 0.0, 1.0));
    for (i, p) in curve.probabilities.iter().enumerate() {
        let expected = if i <= 100 { with } else { without };
        assert!((p - expected).abs() <= 1e-7, "step {i}: {p}");
    }
    let area = (100.5 * with + 123.5 * without) / 224.0;
    assert!((curve.area() - area).abs() <= 1e-7);

    // Insertion starts from the blurred value.
    let curve = insertion(&engine, &subject(&picture), &falling(), 1, STEP, &run).unwrap().unwrap();
    let start = curve.probabilities[0];
    let blurred = f64::from(blur::blurred(&picture.tensor)[ELEMENT]);
    assert!((start - Linear::probability(0.2 * blurred)).abs() <= 1e-7 && (start - with).abs() > 1e-4);
    for (i, p) in curve.probabilities.iter().enumerate() {
        assert!((p - if i <= 100 { start } else { with }).abs() <= 1e-7, "step {i}: {p}");
    }

    // A map that names the pixel last, and a step that does not divide the picture.
    let rising = map(|row, column| (row * SIDE + column) as f32);
    let curve = deletion(&engine, &subject(&picture), &rising, 1, 1000, &run).unwrap().unwrap();
    assert_eq!((curve.probabilities.len(), curve.shares[51]), (52, 1.0));
    let after = SIDE * SIDE - 1 - ELEMENT / 3;
    for (i, p) in curve.probabilities.iter().enumerate() {
        assert!((p - if i * 1000 <= after { with } else { without }).abs() <= 1e-7, "step {i}: {p}");
    }
}

#[test]
fn no_result_depends_on_the_batch() {
    let picture = picture();
    let engine = Linear { bias: 0.5, weights: (0..40).map(|i| (i * 3761, 0.02)).collect() };
    let map = map(|row, column| ((row * 37 + column * 101) % 53) as f32);
    let all = |batch: usize| {
        let run = Run::default().with_batch(batch);
        let subject = subject(&picture);
        let clean = confidence(&engine, &subject, Target::TOP1).unwrap();
        let sensitivity = max_sensitivity(&subject, Perturbations::default(), &run, |tensor| {
            Ok::<_, MeasureError>(tensor.chunks_exact(IMAGE_LEN).map(<[f32]>::to_vec).collect())
        });
        (
            deletion(&engine, &subject, &map, 1, 5000, &run).unwrap(),
            insertion(&engine, &subject, &map, 1, 5000, &run).unwrap(),
            road(&engine, &subject, &map, 1, &RoadOptions::default(), &run).unwrap(),
            masked_confidence(&engine, &subject, &map, &clean, &run).unwrap(),
            infidelity(&engine, &subject, &map, &clean, crate::Score::Logit, Perturbations::default(), &run).unwrap(),
            sensitivity.unwrap(),
        )
    };
    let one = all(1);
    assert_eq!(one, all(7));
    assert_eq!(one, all(64));
}

#[test]
fn confidence_under_the_map() {
    let picture = picture();
    let value = f64::from(picture.tensor[ELEMENT]);
    let (engine, run) = (Linear::one(ELEMENT, 0.2), Run::default());
    let clean = confidence(&engine, &subject(&picture), Target::TOP1).unwrap();
    // Scaled to 0..1 the pixel has 0.75.
    let quarter = map(|r, c| if r * SIDE + c == ELEMENT / 3 { 4.0 } else { (r % 2) as f32 * 4.0 + 1.0 });
    let found = masked_confidence(&engine, &subject(&picture), &quarter, &clean, &run).unwrap().unwrap();
    let expected = Linear::probability(0.2 * 0.75 * value);
    assert!((found.masked - expected).abs() <= 1e-7, "{}", found.masked);
    let drop = 100.0 * (clean.probability - expected) / clean.probability;
    assert!((found.drop().unwrap() - drop).abs() <= 1e-4 && found.increase() == 0.0);

    let against = Linear::one(ELEMENT, -0.2);
    let clean = confidence(&against, &subject(&picture), Target::class(1).unwrap()).unwrap();
    let found = masked_confidence(&against, &subject(&picture), &quarter, &clean, &run).unwrap().unwrap();
    assert_eq!((found.drop(), found.increase()), (Ok(0.0), 1.0));
    assert_eq!(MaskedConfidence { clean: 0.0, masked: 0.0 }.drop(), Err(Undefined::NoProbability));
}

#[test]
fn road_tells_a_map_from_its_opposite() {
    // Bright where the class looks, so that imputation from around takes it away.
    let bright = |p: usize| (80..120).contains(&(p / SIDE)) && (80..120).contains(&(p % SIDE));
    let picture = input((0..IMAGE_LEN).map(|i| if bright(i / 3) { 250 } else { 110 }).collect());
    let weights = (0..SIDE * SIDE).filter(|&p| bright(p)).map(|p| (p * 3 + 1, 5e-5)).collect();
    let engine = Linear { bias: 0.0, weights };
    let right = map(|r, c| if bright(r * SIDE + c) { 1000.0 } else { ((r * 7 + c * 3) % 100) as f32 });
    let wrong = Map { values: right.values.iter().map(|v| -v).collect(), ..right.clone() };
    let (subject, run) = (subject(&picture), Run::default());
    let score = |map: &Map, noise: f64| {
        let options = RoadOptions { noise, ..RoadOptions::default() };
        road(&engine, &subject, map, 1, &options, &run).unwrap().unwrap()
    };
    let silent = score(&right, 0.0);
    assert_eq!(silent.morf.shares, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
    let clean = confidence(&engine, &subject, Target::class(1).unwrap()).unwrap().probability;
    // The object is 3 % of the picture: gone at once from the top, there until the end from the bottom.
    assert!(silent.morf.probabilities.iter().all(|&p| p < 0.1 * clean), "{:?}", silent.morf);
    assert!(silent.lerf.probabilities.iter().all(|&p| (p - clean).abs() <= 1e-6), "{:?}", silent.lerf);
    assert!((silent.combined() + score(&wrong, 0.0).combined()).abs() <= 2e-3);

    let noisy = score(&right, 0.01);
    assert_ne!(noisy, silent);
    assert_eq!(noisy, score(&right, 0.01), "counted, not drawn from a clock");
    assert!((noisy.combined() - silent.combined()).abs() <= 1e-3);
}

#[test]
fn told_and_stopped() {
    let picture = picture();
    let engine = Linear::one(ELEMENT, 0.2);
    let flag = std::sync::atomic::AtomicBool::new(true);
    let run = Run::default().with_cancel(&flag);
    let error = deletion(&engine, &subject(&picture), &falling(), 1, STEP, &run).unwrap_err();
    assert_eq!(error, MeasureError::Cancelled(Cancelled));
    let seen = std::sync::Mutex::new(Vec::new());
    let tell = |p: crate::Progress| seen.lock().unwrap().push((p.done, p.total));
    let run = Run::default().with_batch(10).with_progress(&tell);
    road(&engine, &subject(&picture), &falling(), 1, &RoadOptions::default(), &run).unwrap().unwrap();
    assert_eq!(*seen.lock().unwrap(), [(10, 18), (18, 18)]);
}
