//! ROAD's imputation of one image: its 18 pictures, 10 to 90 percent of the pixels gone from either end of a map's
//! order, filled in on all threads. What is left over of the equations is printed beside.
//!
//! An element is a picture, so that elem/s reads pictures/s; at 18 elem/s ROAD spends a second an image on it.
#![forbid(unsafe_code)]

use std::time::Duration;

use backlit_net::{IMAGE_LEN, SIDE};
use backlit_saliency::measure::{descending, impute};
use backlit_testkit::random::Random;
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use rayon::prelude::*;

/// The 18 sets of missing pixels.
fn holes(map: impl Fn(usize, usize) -> f32) -> Vec<Vec<bool>> {
    let order = descending(&(0..SIDE * SIDE).map(|p| map(p / SIDE, p % SIDE)).collect::<Vec<f32>>());
    let mut all = Vec::new();
    for percent in (10..100).step_by(10) {
        let count = SIDE * SIDE * percent / 100;
        for gone in [&order[..count], &order[SIDE * SIDE - count..]] {
            let mut missing = vec![false; SIDE * SIDE];
            gone.iter().for_each(|&pixel| missing[pixel] = true);
            all.push(missing);
        }
    }
    all
}

/// The largest distance of a missing pixel inside the picture from the weighted mean of its neighbours.
fn residual(picture: &[f32], missing: &[bool]) -> f64 {
    let inside = |p: &usize| missing[*p] && (1..SIDE - 1).contains(&(p / SIDE)) && (1..SIDE - 1).contains(&(p % SIDE));
    let value = |p: usize| f64::from(picture[p * 3]);
    let off = |p: usize| {
        let direct = value(p - 1) + value(p + 1) + value(p - SIDE) + value(p + SIDE);
        let diagonal = value(p - SIDE - 1) + value(p - SIDE + 1) + value(p + SIDE - 1) + value(p + SIDE + 1);
        (direct / 6.0 + diagonal / 12.0 - value(p)).abs()
    };
    (0..SIDE * SIDE).filter(inside).map(off).fold(0.0, f64::max)
}

fn imputation(c: &mut Criterion) {
    let random = Random::new(1);
    let picture: Vec<f32> = (0..IMAGE_LEN).map(|i| 128.0 * random.signed(i)).collect();
    let noise = random.stream(1);
    // One large blob, as class activation maps have it, and single pixels, as gradients have them.
    let smooth = |row: usize, column: usize| -((row as f32 - 90.0).powi(2) + (column as f32 - 120.0).powi(2));
    let maps: [(&str, Vec<Vec<bool>>); 2] =
        [("smooth map", holes(smooth)), ("rough map", holes(|row, column| noise.signed(row * SIDE + column)))];
    let mut group = c.benchmark_group("imputation");
    group.sampling_mode(SamplingMode::Flat);
    for (name, holes) in &maps {
        let fill = |missing: &Vec<bool>| {
            let mut filled = picture.clone();
            impute(&mut filled, missing, SIDE, SIDE).expect("it settles");
            filled
        };
        let worst = holes.par_iter().map(|h| residual(&fill(h), h)).reduce(|| 0.0, f64::max);
        assert!(worst <= 0.05, "{name}: {worst}");
        println!("{name}: residual {worst:.1e} of values from -128 to 128");
        group.throughput(Throughput::Elements(holes.len() as u64));
        group.bench_function(*name, |b| b.iter(|| holes.par_iter().map(fill).collect::<Vec<_>>()));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_secs(5));
    targets = imputation
}
criterion_main!(benches);
