//! Every baseline, and its names.

use super::*;
use crate::methods::testing::Picture;

fn named(name: &str, rgb: Vec<u8>) -> Baseline {
    Baseline::Picture { name: name.into(), rgb }
}

#[test]
fn plain_colours() {
    let picture = Picture::new();
    let subject = picture.subject();
    let tensor = |b: Baseline| b.tensor(subject).unwrap();
    assert_eq!(tensor(Baseline::Black)[..3], [-103.939, -116.779, -123.68]);
    assert_eq!(tensor(Baseline::White)[..3], [255.0 - 103.939, 255.0 - 116.779, 255.0 - 123.68].map(|v: f64| v as f32));
    assert!(tensor(Baseline::Mean).iter().all(|&v| v == 0.0));
    let (lowest, highest) = crate::normalize::min_max(&picture.tensor).unwrap();
    assert!(tensor(Baseline::Lowest).iter().all(|&v| v == lowest));
    assert!(tensor(Baseline::Highest).iter().all(|&v| v == highest));
    for baseline in [Baseline::Lowest, Baseline::Highest] {
        assert_eq!(baseline.to_string().parse(), Ok(baseline.clone()));
        assert!(matches!(format!("{baseline}:1").parse::<Baseline>(), Err(BaselineError::Parameter { .. })));
    }
    assert_eq!(Baseline::Mean.rgb(subject).unwrap()[..3], [124, 117, 104]);
    assert!(Baseline::White.rgb(subject).unwrap().iter().all(|&v| v == 255));
}

#[test]
fn a_blurred_picture_keeps_its_mean_and_loses_its_detail() {
    let picture = Picture::new();
    let tensor = Baseline::Blur { sigma: 5.0 }.tensor(picture.subject()).unwrap();
    let mean = |v: &[f32]| v.iter().map(|&v| f64::from(v)).sum::<f64>() / v.len() as f64;
    let spread = |v: &[f32]| {
        let m = mean(v);
        v.iter().map(|&v| (f64::from(v) - m).powi(2)).sum::<f64>() / v.len() as f64
    };
    assert!((mean(&tensor) - mean(&picture.tensor)).abs() <= 1e-4);
    assert!(spread(&tensor) <= 0.1 * spread(&picture.tensor));
    assert_eq!(Baseline::Blur { sigma: 0.0 }.tensor(picture.subject()).unwrap(), picture.tensor);
}

#[test]
fn noise_is_uniform_and_belongs_to_seed_and_picture() {
    let picture = Picture::new();
    let rgb = |seed| Baseline::Noise { seed }.rgb(picture.subject()).unwrap();
    assert_eq!(rgb(1), rgb(1));
    assert_ne!(rgb(1), rgb(2));
    let mean = rgb(1).iter().map(|&v| f64::from(v)).sum::<f64>() / IMAGE_LEN as f64;
    // Four standard errors of a uniform byte.
    assert!((mean - 127.5).abs() <= 4.0 * 73.9 / (IMAGE_LEN as f64).sqrt(), "{mean}");
    let mut seen = [false; 256];
    rgb(1).iter().for_each(|&v| seen[usize::from(v)] = true);
    assert!(seen.iter().all(|&s| s));
}

#[test]
fn pictures() {
    let picture = Picture::new();
    let grey = named("grey.png", vec![100; IMAGE_LEN]);
    assert_eq!(grey.tensor(picture.subject()).unwrap(), picture.subject().preprocess(&[100; IMAGE_LEN]));
    let short = named("short.png", vec![0; 12]);
    let expected = BaselineError::Length { name: "short.png".into(), found: 12 };
    assert_eq!(short.tensor(picture.subject()), Err(expected));
    assert!(matches!(
        Baseline::Blur { sigma: -1.0 }.tensor(picture.subject()),
        Err(BaselineError::Blur(SmoothError::Sigma { .. }))
    ));
}

#[test]
fn names_lead_back() {
    let all =
        [Baseline::Black, Baseline::White, Baseline::Mean, Baseline::Blur { sigma: 7.5 }, Baseline::Noise { seed: 18 }];
    for baseline in all {
        assert_eq!(baseline.to_string().parse(), Ok(baseline));
    }
    assert_eq!("blur".parse(), Ok(Baseline::Blur { sigma: 10.0 }));
    assert_eq!("Noise".parse(), Ok(Baseline::Noise { seed: 0 }));
    for text in ["", "grey", "blur:", "blur:x", "blur:-1", "blur:inf", "noise:-1", "noise:1.5", "black:3"] {
        let error = text.parse::<Baseline>().unwrap_err().to_string();
        assert!(error.contains("baseline") && !error.contains('\n'), "{text}: {error}");
    }
}
