//! Measures of the map alone: pointing, mass, spread, completeness, the sanity check.

use super::*;
use crate::mask::Region;
use crate::measure::*;
use crate::{Completeness, Run};

fn at(row: usize, column: usize) -> Map {
    map(|r, c| if (r, c) == (row, column) { 1.0 } else { 0.0 })
}

fn rectangle(top: usize, bottom: usize, left: usize, right: usize) -> Region {
    Region::from_fn(|r, c| (top..bottom).contains(&r) && (left..right).contains(&c)).unwrap()
}

#[test]
fn hits_and_misses_at_the_edge_of_the_tolerance() {
    let object = rectangle(100, 120, 100, 130); // rows 100 to 119, columns 100 to 129
    let hit = |map: &Map, tolerance: f64| points_at(map, &object, tolerance).unwrap().unwrap();
    assert!(hit(&at(110, 110), 0.0) && hit(&at(119, 129), 0.0) && !hit(&at(120, 129), 0.0));
    assert!(hit(&at(85, 110), TOLERANCE) && !hit(&at(84, 110), TOLERANCE));
    assert!(hit(&at(110, 144), TOLERANCE) && !hit(&at(110, 145), TOLERANCE));
    // 9 down, 12 right of the corner: 15 away. One further: not.
    assert!(hit(&at(128, 141), TOLERANCE) && !hit(&at(128, 142), TOLERANCE) && !hit(&at(129, 141), TOLERANCE));
    // Of equal values the first counts.
    let two = map(|r, c| if (r, c) == (0, 0) || (r, c) == (110, 110) { 1.0 } else { 0.0 });
    assert!(!hit(&two, TOLERANCE));
    let negative = map(|r, c| if (r, c) == (110, 110) { -1.0 } else { -2.0 });
    assert!(hit(&negative, TOLERANCE));
    assert_eq!(points_at(&map(|_, _| 0.5), &object, 15.0), Ok(Err(Undefined::FlatMap)));
}

#[test]
fn mass() {
    let object = rectangle(0, 112, 0, 224);
    assert_eq!(mass_inside(&map(|_, _| 0.5), &object), Ok(Ok(0.5)), "a flat map has the region's share");
    let signed = map(|r, _| {
        if r < 56 {
            3.0
        } else if r < 112 {
            -1.0
        } else {
            1.0
        }
    });
    assert_eq!(mass_inside(&signed, &object), Ok(Ok(0.6)));
    for value in [0.0, -1.0] {
        assert_eq!(mass_inside(&map(|_, _| value), &object), Ok(Err(Undefined::NothingPositive)));
    }
}

#[test]
fn spread() {
    let n = (SIDE * SIDE) as f64;
    let gini = |m: &Map| sparseness(m).unwrap().unwrap();
    let entropy = |m: &Map| complexity(m).unwrap().unwrap();
    let uniform = map(|_, _| -0.3);
    assert!(gini(&uniform).abs() <= 1e-12 && (entropy(&uniform) - n.ln()).abs() <= 1e-9);
    let one = at(17, 31);
    assert!((gini(&one) - (1.0 - 1.0 / n)).abs() <= 1e-12 && entropy(&one) == 0.0);
    // Half of the pixels equal, the others nothing.
    let half = map(|r, _| if r % 2 == 0 { 2.0 } else { 0.0 });
    assert!((gini(&half) - 0.5).abs() <= 1e-12 && (entropy(&half) - (n / 2.0).ln()).abs() <= 1e-9);
    assert_eq!(sparseness(&map(|_, _| 0.0)), Ok(Err(Undefined::ZeroMap)));
    assert_eq!(complexity(&map(|_, _| 0.0)), Ok(Err(Undefined::ZeroMap)));
}

#[test]
fn completeness() {
    assert_eq!(relative_residual(&Completeness::new(60.0, 50.0)), Ok(10.0 / 60.0));
    assert_eq!(relative_residual(&Completeness::new(-60.0, -75.0)), Ok(0.25));
    assert_eq!(relative_residual(&Completeness::new(0.0, 50.0)), Err(Undefined::NoDifference));
}

#[test]
fn a_map_that_ignores_the_network_stays_the_same() {
    let trained = map(|r, c| ((r * 37 + c * 101 + r * c) % 97) as f32 - 40.0);
    let layers: Vec<String> = ["fc1000", "5c", "5b", "5a"].map(String::from).to_vec();
    let steps = cascade(&trained, &layers, &Run::default(), |_| Ok::<_, MeasureError>(trained.clone())).unwrap();
    assert_eq!(steps.iter().map(|s| s.layer.as_str()).collect::<Vec<_>>(), ["fc1000", "5c", "5b", "5a"]);
    for step in &steps {
        let Similarity { spearman, spearman_abs, ssim } = step.similarity;
        assert_eq!((spearman, spearman_abs), (Ok(1.0), Ok(1.0)));
        assert!((ssim.unwrap() - 1.0).abs() <= 1e-12);
    }
    // One that turns its sign, one that is unrelated, one that is gone.
    let maps = [
        map(|r, c| 40.0 - ((r * 37 + c * 101 + r * c) % 97) as f32),
        map(|r, c| ((r * 59 + c * c * 7 + 13) % 89) as f32),
        map(|_, _| 0.0),
    ];
    let steps = cascade(&trained, &layers[..3], &Run::default(), |k| Ok::<_, MeasureError>(maps[k].clone())).unwrap();
    let turned = steps[0].similarity;
    assert!((turned.spearman.unwrap() + 1.0).abs() <= 1e-9 && (turned.spearman_abs.unwrap() - 1.0).abs() <= 1e-9);
    let unrelated = steps[1].similarity;
    assert!(unrelated.spearman.unwrap().abs() <= 0.1 && unrelated.ssim.unwrap().abs() <= 0.1, "{unrelated:?}");
    let gone = steps[2].similarity;
    assert_eq!((gone.spearman, gone.spearman_abs), (Err(Undefined::FlatMap), Err(Undefined::FlatMap)));
    let row = serde_json::to_value(CascadeRow::from(&steps[2])).unwrap();
    assert!(row["spearman"].is_null() && row["ssim"].is_number());
}
