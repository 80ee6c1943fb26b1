//! Against the equations themselves, closed forms and bad input.

use super::*;

const QUIET: Noise = Noise { sigma: 0.0, seed: 0, key: 0 };

/// The largest distance of a missing pixel from the weighted mean of its neighbours.
fn worst(image: &[f32], height: usize, width: usize, missing: &[bool]) -> f64 {
    let mut worst = 0f64;
    for (p, _) in missing.iter().enumerate().filter(|&(_, &m)| m) {
        for channel in 0..3 {
            let (mut sum, mut weights) = (0.0, 0.0);
            for (dy, dx) in (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dy, dx))).filter(|&d| d != (0, 0)) {
                let (y, x) = ((p / width) as isize + dy, (p % width) as isize + dx);
                if (0..height as isize).contains(&y) && (0..width as isize).contains(&x) {
                    let weight = if dy == 0 || dx == 0 { 1.0 / 6.0 } else { 1.0 / 12.0 };
                    sum += weight * f64::from(image[(y as usize * width + x as usize) * 3 + channel]);
                    weights += weight;
                }
            }
            worst = worst.max((f64::from(image[3 * p + channel]) - sum / weights).abs());
        }
    }
    worst
}

fn noise_picture(height: usize, width: usize) -> Vec<f32> {
    (0..height * width * 3).map(|i| Keyed::new(&[3]).below(256, i as u64) as f32).collect()
}

#[test]
fn every_missing_pixel_is_the_mean_of_its_neighbours() {
    let (h, w) = (37, 53);
    let random = Keyed::new(&[11]);
    let masks: [Vec<bool>; 4] = [
        (0..h * w).map(|p| random.below(10, p as u64) < 8).collect(),
        (0..h * w).map(|p| (5..20).contains(&(p / w)) && (0..30).contains(&(p % w))).collect(),
        (0..h * w).map(|p| !((15..20).contains(&(p / w)) && (40..44).contains(&(p % w)))).collect(),
        (0..h * w).map(|p| p == 0 || p == h * w - 1).collect(),
    ];
    for missing in &masks {
        let before = noise_picture(h, w);
        let mut image = before.clone();
        image.iter_mut().enumerate().filter(|(i, _)| missing[i / 3]).for_each(|(_, v)| *v = f32::NAN);
        impute(&mut image, h, w, missing, QUIET).unwrap();
        let error = worst(&image, h, w, missing);
        assert!(error <= 0.02, "{error} of 255");
        for p in (0..h * w).filter(|&p| !missing[p]) {
            assert_eq!(image[3 * p..3 * p + 3], before[3 * p..3 * p + 3]);
        }
    }
}

#[test]
fn planes_are_continued_and_the_result_stays_between_its_neighbours() {
    // A plane satisfies the equations exactly where no neighbour lies outside the picture.
    let (h, w) = (64, 80);
    let plane: Vec<f32> = (0..h * w * 3).map(|i| (2 * (i / 3 / w) + i / 3 % w + i % 3) as f32).collect();
    let missing: Vec<bool> = (0..h * w).map(|p| (1..63).contains(&(p / w)) && (1..79).contains(&(p % w))).collect();
    let mut image = plane.clone();
    image.iter_mut().enumerate().filter(|(i, _)| missing[i / 3]).for_each(|(_, v)| *v = 0.0);
    impute(&mut image, h, w, &missing, QUIET).unwrap();
    let error = plane.iter().zip(&image).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(error <= 0.05, "{error}");
}

#[test]
fn a_lone_known_pixel_colours_everything() {
    let mut missing = vec![true; 224 * 224];
    missing[20_000] = false;
    let mut image = vec![0f32; 224 * 224 * 3];
    image[60_000..60_003].copy_from_slice(&[10.0, 100.0, 250.0]);
    impute(&mut image, 224, 224, &missing, QUIET).unwrap();
    for pixel in image.chunks(3) {
        assert!((pixel[0] - 10.0).abs() + (pixel[1] - 100.0).abs() + (pixel[2] - 250.0).abs() <= 0.1, "{pixel:?}");
    }
}

/// A small object alone: nearly everything is missing. Takes milliseconds, and must not take much more.
#[test]
fn nearly_everything_missing_is_quick() {
    let missing: Vec<bool> =
        (0..224 * 224).map(|p| !((32..55).contains(&(p / 224)) && (116..146).contains(&(p % 224)))).collect();
    let mut image = noise_picture(224, 224);
    let start = std::time::Instant::now();
    impute(&mut image, 224, 224, &missing, QUIET).unwrap();
    let elapsed = start.elapsed();
    println!("imputed all but a box in {elapsed:.1?}");
    assert!(elapsed.as_secs() < 5, "{elapsed:?}");
    assert!(worst(&image, 224, 224, &missing) <= 0.05);
}

#[test]
fn noise_has_its_size_and_its_key() {
    let missing: Vec<bool> = (0..100 * 100).map(|p| p % 100 != 0).collect();
    let with = |seed, key, sigma| {
        let mut image = vec![100f32; 30_000];
        impute(&mut image, 100, 100, &missing, Noise { sigma, seed, key }).unwrap();
        image
    };
    assert_eq!(with(1, 2, 2.0), with(1, 2, 2.0));
    assert!(with(1, 2, 2.0) != with(2, 2, 2.0) && with(1, 2, 2.0) != with(1, 3, 2.0));
    let deviations: Vec<f64> = with(1, 2, 2.0).iter().map(|v| f64::from(v - 100.0)).filter(|v| *v != 0.0).collect();
    let variance = deviations.iter().map(|v| v * v).sum::<f64>() / deviations.len() as f64;
    assert!((variance - 4.0).abs() <= 0.2, "{variance}");
    assert!(with(1, 2, 0.0).iter().all(|v| (v - 100.0).abs() <= 1e-3));
}

#[test]
fn bad_input() {
    let mut image = vec![1f32; 12];
    let shape = |image: &mut [f32], flags: usize| impute(image, 2, 2, &vec![true; flags], QUIET).unwrap_err();
    assert!(matches!(shape(&mut image, 3), MaskError::ImputeShape { .. }));
    assert!(matches!(shape(&mut image[..11], 4), MaskError::ImputeShape { .. }));
    assert_eq!(shape(&mut image, 4), MaskError::ImputeNothing);
    image[4] = f32::NAN;
    let error = impute(&mut image, 2, 2, &[true, false, false, false], QUIET).unwrap_err();
    assert_eq!(error, MaskError::ImputeNonFinite { row: 0, column: 1 });
    impute(&mut image, 2, 2, &[false, true, false, false], QUIET).unwrap();
    assert!(image.iter().all(|v| (v - 1.0).abs() <= 1e-4), "{image:?}");
}
