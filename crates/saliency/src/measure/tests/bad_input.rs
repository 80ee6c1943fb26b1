//! Maps, images and settings that cannot be measured: an error or a reason, never a NaN or a panic.

use super::*;
use crate::mask::Region;
use crate::measure::*;
use crate::{Map, Run, Score, Target};

type Measure = Box<dyn Fn(&Map) -> Result<Option<Undefined>, MeasureError>>;

/// Every measure that takes a map; what remains is why it has no value.
fn measures(rgb: Vec<u8>) -> Vec<(&'static str, Measure)> {
    let leak = |input: Input| -> &'static Input { Box::leak(Box::new(input)) };
    let input = leak(input(rgb));
    let why = |found: Measured<f64>| {
        assert!(found.is_err() || found.is_ok_and(f64::is_finite));
        found.err()
    };
    let subject = move || subject(input);
    let engine = || Linear::one(900, 0.1);
    let clean = move || confidence(&engine(), &subject(), Target::class(1).unwrap()).unwrap();
    let run = Run::default();
    let region = || Region::from_fn(|r, _| r < 50).unwrap();
    let road_options = RoadOptions { percents: vec![50], ..RoadOptions::default() };
    let few = Perturbations { samples: 2, ..Perturbations::default() };
    vec![
        ("deletion", Box::new(move |m| Ok(why(deletion(&engine(), &subject(), m, 1, 9999, &run)?.map(|c| c.area()))))),
        (
            "insertion",
            Box::new(move |m| Ok(why(insertion(&engine(), &subject(), m, 1, 9999, &run)?.map(|c| c.area())))),
        ),
        ("road", {
            Box::new(move |m| Ok(why(road(&engine(), &subject(), m, 1, &road_options, &run)?.map(|r| r.combined()))))
        }),
        ("drop", {
            Box::new(move |m| {
                Ok(why(masked_confidence(&engine(), &subject(), m, &clean(), &run)?.and_then(|c| c.drop())))
            })
        }),
        ("pointing", Box::new(move |m| Ok(why(points_at(m, &region(), TOLERANCE)?.map(|h| f64::from(u8::from(h))))))),
        ("mass", Box::new(move |m| Ok(why(mass_inside(m, &region())?)))),
        ("infidelity", {
            Box::new(move |m| {
                let found = infidelity(&engine(), &subject(), m, &clean(), Score::Logit, few, &run)?;
                Ok(why(found.and_then(|i| i.scaled)))
            })
        }),
        ("sparseness", Box::new(move |m| Ok(why(sparseness(m)?)))),
        ("complexity", Box::new(move |m| Ok(why(complexity(m)?)))),
    ]
}

#[test]
fn flat_and_zero_maps_and_flat_images() {
    let textured = picture().rgb;
    for (name, measure) in measures(textured) {
        for value in [0.0, 1.0, -2.5, f32::MIN_POSITIVE, f32::MAX] {
            let found = measure(&map(|_, _| value)).unwrap();
            let order = ["deletion", "insertion", "road", "drop", "pointing"].contains(&name);
            let mass = name == "mass" && value <= 0.0;
            assert_eq!(found.is_some(), order || mass || value == 0.0, "{name} of {value}: {found:?}");
        }
        assert_eq!(measure(&map(|r, c| (r * 3 + c) as f32)).unwrap(), None, "{name}");
        let huge = map(|r, _| if r % 2 == 0 { f32::MAX } else { f32::MIN });
        assert_eq!(measure(&huge).unwrap(), None, "{name} of the widest map");
    }
    for level in [0, 124, 255] {
        for (name, measure) in measures(vec![level; IMAGE_LEN]) {
            let found = measure(&map(|r, c| (r * 3 + c) as f32)).unwrap();
            assert_eq!(found, None, "{name} of a grey image, which has a range between its channels");
        }
    }
    // A picture that preprocessing makes all one number does not exist in 8 bits; a tensor can be.
    let flat = vec![3.0; IMAGE_LEN];
    let rgb = vec![0; IMAGE_LEN];
    let subject = Subject { rgb: &rgb, tensor: &flat, preprocessing: Preprocessing::Caffe };
    let engine = Linear::one(0, 1.0);
    let clean = confidence(&engine, &subject, Target::TOP1).unwrap();
    let found =
        infidelity(&engine, &subject, &falling(), &clean, Score::Logit, Perturbations::default(), &Run::default());
    assert_eq!(found, Ok(Err(Undefined::FlatImage)));
    let explain = |_: &[f32]| Ok::<_, MeasureError>(vec![vec![1.0]]);
    let found = max_sensitivity(&subject, Perturbations::default(), &Run::default(), explain);
    assert_eq!(found, Ok(Err(Undefined::FlatImage)));
}

#[test]
fn maps_that_are_no_maps() {
    for (name, measure) in measures(picture().rgb) {
        let small = Map { height: 7, width: 7, channels: 1, values: vec![0.5; 49] };
        let error = measure(&small).unwrap_err().to_string();
        assert!(error.contains("224 x 224") && error.contains("7 x 7") && !error.contains('\n'), "{name}: {error}");
        let short = Map { values: vec![0.5; 9], ..falling() };
        assert!(matches!(measure(&short), Err(MeasureError::Shape { found: 9, .. })), "{name}");
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let bad = map(|r, c| if (r, c) == (3, 7) { value } else { c as f32 });
            match measure(&bad) {
                Err(MeasureError::NonFinite { row: 3, column: 7, value: v }) => {
                    assert_eq!(v.to_bits(), value.to_bits())
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}

#[test]
fn settings_that_make_no_sense() {
    let picture = picture();
    let (engine, subject, run, map) = (Linear::one(0, 1.0), subject(&picture), Run::default(), falling());
    assert!(matches!(deletion(&engine, &subject, &map, 1, 0, &run), Err(MeasureError::Setting { .. })));
    assert!(matches!(deletion(&engine, &subject, &map, 1000, 9999, &run), Err(MeasureError::Class { found: 1000 })));
    for (percents, noise) in [
        (vec![], 0.0),
        (vec![0], 0.0),
        (vec![100], 0.0),
        (vec![50], -1.0),
        (vec![50], f64::NAN),
        (vec![50], f64::INFINITY),
    ] {
        let options = RoadOptions { percents, noise, seed: 0 };
        assert!(matches!(road(&engine, &subject, &map, 1, &options, &run), Err(MeasureError::Setting { .. })));
    }
    let clean = confidence(&engine, &subject, Target::TOP1).unwrap();
    for (samples, radius) in [(0, 0.02), (1, 0.0), (1, -1.0), (1, f64::NAN), (1, 1.5)] {
        let perturbations = Perturbations { samples, radius, seed: 0 };
        let error = infidelity(&engine, &subject, &map, &clean, Score::Logit, perturbations, &run).unwrap_err();
        assert!(matches!(error, MeasureError::Setting { .. }), "{error}");
        assert!(!error.to_string().contains('\n'));
    }
    let region = Region::from_fn(|r, _| r < 5).unwrap();
    for tolerance in [-1.0, f64::NAN] {
        assert!(points_at(&map, &region, tolerance).is_err());
    }
    let wrong = Subject { tensor: &picture.tensor[3..], ..subject };
    assert!(matches!(deletion(&engine, &wrong, &map, 1, 9999, &run), Err(MeasureError::Engine(_))));
}
