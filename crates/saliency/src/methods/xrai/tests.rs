use backlit_net::IMAGE_LEN;

use super::*;
use crate::methods::fixture::Picture;

/// A dark picture with a light square at rows 50..110, columns 100..160.
fn square() -> (Picture, Vec<bool>) {
    let inside: Vec<bool> =
        (0..SIDE * SIDE).map(|p| (50..110).contains(&(p / SIDE)) && (100..160).contains(&(p % SIDE))).collect();
    (Picture::new(inside.iter().flat_map(|&i| if i { [230, 220, 40] } else { [20, 10, 60] }).collect()), inside)
}

#[test]
fn the_region_that_holds_the_attribution_comes_first() {
    let (picture, inside) = square();
    let segments = Xrai { sigma: 0.0, ..Xrai::default() }.segments(&picture.tensor).unwrap();
    assert!(segments.labels().iter().all(|labels| labels.iter().max() == Some(&1)), "square and ground");
    assert_eq!(segments.masks().len(), 12);
    // A few pixels hold everything.
    let mut attribution = vec![0.0; SIDE * SIDE];
    for p in [80 * SIDE + 130, 60 * SIDE + 110] {
        attribution[p] = 5.0;
    }
    let ranked = segments.rank(&attribution);
    for (p, &i) in inside.iter().enumerate() {
        let value = ranked.values[p];
        assert!(!i || (value > 0.0 && ranked.ranks[p] == 1), "all of the square takes part in what was found in it");
    }
    assert_eq!((ranked.values[0], ranked.ranks[0]), (0.0, 2));
    let sum: f64 = ranked.values.iter().sum();
    assert!((sum - 10.0).abs() <= 1e-9, "{sum}");
}

#[test]
fn constant_pictures_and_zero_attributions() {
    let flat = Picture { rgb: vec![7; IMAGE_LEN], tensor: vec![-3.5; IMAGE_LEN] };
    let segments = Xrai::default().segments(&flat.tensor).unwrap();
    assert!(segments.labels().iter().flatten().all(|&l| l == 0));
    let ranked = segments.rank(&vec![0.0; SIDE * SIDE]);
    assert!(ranked.values.iter().all(|&v| v == 0.0) && ranked.ranks.iter().all(|&r| r == 1));
    let negative = segments.rank(&vec![-2.0; SIDE * SIDE]);
    assert!(negative.values.iter().all(|&v| v == -2.0));
}

#[test]
fn bad_parameters() {
    let picture = Picture::flat([1, 2, 3]);
    let refused = |options: Xrai| options.segments(&picture.tensor).unwrap_err().to_string();
    let default = Xrai::default();
    for (options, message) in [
        (
            Xrai { baselines: vec![], ..default.clone() },
            "xrai: baselines is none: give at least one, for example black",
        ),
        (Xrai { scales: vec![], ..default.clone() }, "xrai: scales is none: give at least one, for example 100"),
        (Xrai { scales: vec![1.0, -1.0], ..default.clone() }, "xrai: scales is -1: give scales of 0 or more"),
        (Xrai { sigma: f64::NAN, ..default.clone() }, "xrai: sigma is NaN: give 0 to 224 pixels"),
        (Xrai { dilation: 999, ..default.clone() }, "xrai: dilation is 999: give 0 to 224 pixels"),
        (Xrai { min_added: 0, ..default.clone() }, "xrai: min_added is 0: give at least 1 pixel"),
    ] {
        assert_eq!(refused(options), message);
    }
}
