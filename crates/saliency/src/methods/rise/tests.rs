use backlit_net::Engine;
use backlit_testkit::toy::Toy;

use super::*;
use crate::methods::fixture::{self, Picture};
use crate::{Recipe, Run};

fn maps(engine: &dyn Engine, picture: &Picture, options: Rise, batch: usize) -> Result<Vec<Attribution>, MethodError> {
    let run = Run::default().with_batch(batch);
    fixture::attributions(engine, picture, &fixture::class_zero(), Recipe::Rise(options), run)
}

/// A toy whose probability of class 0 is `0.1 + 0.8 x / tensor` at one pixel, that is `0.1 + 0.8 M` under a mask M.
fn one_pixel(picture: &Picture, pixel: usize) -> Toy {
    let full = f64::from(picture.tensor[pixel * 3]);
    Toy::new(vec![Box::new(move |x: &[f32]| {
        let p = 0.1 + 0.8 * f64::from(x[pixel * 3]) / full;
        ((999.0 * p / (1.0 - p)).ln(), vec![0.0; IMAGE_LEN])
    })])
}

/// `E[q M_j] / p` with `q = 0.1 + 0.8 M_i` is `0.1 + 0.8 E[M_i M_j] / p`.
#[test]
fn closed_form_for_a_linear_probability() {
    let picture = Picture::flat([0, 40, 255]);
    let pixel = 100 * SIDE + 120;
    let options = Rise { samples: 3000, settled: 0.0, probability: 0.4, ..Rise::default() };
    let found = maps(&one_pixel(&picture, pixel), &picture, options, 16).unwrap();
    assert_eq!(found[0].samples, 3000);
    let (p, masks) = (0.4, Masks::new(7, 0.4, 0, 0));
    let values = &found[0].values.values;
    for (row, column) in [(100, 120), (100, 130), (90, 125), (100, 152), (0, 0), (223, 5), (180, 120)] {
        let other = row * SIDE + column;
        let expected = 0.1 + 0.8 * (p * p + p * (1.0 - p) * masks.overlap(pixel, other)) / p;
        // The standard deviation of q M / p is below 0.6.
        let error = f64::from(values[other]) - expected;
        assert!(error.abs() <= 5.0 * 0.6 / 3000f64.sqrt(), "{row}, {column}: {} for {expected}", values[other]);
    }
    let best = (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap();
    assert!((best / SIDE).abs_diff(100) <= 16 && (best % SIDE).abs_diff(120) <= 16, "the peak lies at the pixel");
}

#[test]
fn the_batch_changes_no_byte_even_when_it_stops_early() {
    let picture = Picture::flat([200, 40, 255]);
    let toy = one_pixel(&picture, 5000);
    let short = Rise { samples: 37, ..Rise::default() };
    let found = maps(&toy, &picture, short, 1).unwrap();
    assert_eq!(found[0].samples, 37);
    for batch in [7, 16, 64] {
        assert!(found == maps(&toy, &picture, short, batch).unwrap());
    }
    let early = Rise { samples: 4000, settled: 0.9, ..Rise::default() };
    let found = maps(&toy, &picture, early, 16).unwrap();
    assert!(found[0].samples < 4000 && found[0].samples.is_multiple_of(CHECKPOINT), "{}", found[0].samples);
    assert!(found == maps(&toy, &picture, early, 23).unwrap());
    let same = Rise { samples: found[0].samples, settled: 0.0, ..early };
    assert!(found == maps(&toy, &picture, same, 11).unwrap(), "stopping is having asked for fewer");
    assert!(found != maps(&toy, &picture, Rise { seed: 1, ..same }, 11).unwrap());
}

/// The weight is the probability even if the objective is the logit.
#[test]
fn a_score_that_no_mask_changes_gives_the_mean_mask() {
    let picture = Picture::random(1);
    let options = Rise { samples: 300, ..Rise::default() };
    let found = maps(&Toy::linear(vec![0.0; IMAGE_LEN]), &picture, options, 16).unwrap();
    let mean = found[0].values.values.iter().map(|&v| f64::from(v)).sum::<f64>() / (SIDE * SIDE) as f64;
    assert!((mean - 1e-3).abs() <= 5e-5, "one class in a thousand: {mean}");
}

#[test]
fn all_open_is_the_picture() {
    let picture = Picture::random(2);
    let options = Rise { samples: 3, probability: 1.0, ..Rise::default() };
    let found = maps(&one_pixel(&picture, 9), &picture, options, 2).unwrap();
    assert!(found[0].values.values.iter().all(|v| (v - 0.9).abs() <= 1e-6));
}

#[test]
fn bad_parameters() {
    let (picture, toy) = (Picture::flat([1, 2, 3]), Toy::linear(vec![0.0; IMAGE_LEN]));
    for (options, message) in [
        (Rise { samples: 0, ..Rise::default() }, "rise: samples is 0: give at least one mask"),
        (Rise { cells: 0, ..Rise::default() }, "rise: cells is 0: give 1 to 224 rows and columns"),
        (Rise { cells: 225, ..Rise::default() }, "rise: cells is 225: give 1 to 224 rows and columns"),
        (Rise { probability: 0.0, ..Rise::default() }, "rise: probability is 0: give more than 0 and at most 1"),
        (Rise { probability: f64::NAN, ..Rise::default() }, "rise: probability is NaN: give more than 0 and at most 1"),
        (Rise { settled: -1.0, ..Rise::default() }, "rise: settled is -1: give a share of 0 or more, for example 0.01"),
    ] {
        assert_eq!(maps(&toy, &picture, options, 1).unwrap_err().to_string(), message);
    }
}
