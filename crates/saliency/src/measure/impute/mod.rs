//! Noisy linear imputation: pixels that were taken away are filled in from their neighbours.
//!
//! Rong et al. 2022, "A Consistent and Efficient Evaluation Strategy for Attribution Methods" (ROAD, arXiv:2202.00449).
//! Each missing pixel is to be the weighted mean of its eight neighbours, 1/6 for a direct one and 1/12 for a diagonal
//! one, rescaled at the border where some are absent: one linear equation a missing pixel. Multiplied out, the matrix
//! is symmetric and positive definite, so [`solver`] can use conjugate gradients, with a [`grid::Level`] of multigrid
//! as preconditioner: what is missing may be a third of the picture in one piece, across which a plain iteration would
//! have to crawl pixel by pixel.

mod grid;
mod solver;

use backlit_net::CHANNELS;

use super::MeasureError;
use grid::{Level, Pixel};

/// Offset and weight of the eight neighbours.
const NEIGHBOURS: [(isize, isize, f64); 8] = [
    (-1, -1, 1.0 / 12.0),
    (-1, 0, 1.0 / 6.0),
    (-1, 1, 1.0 / 12.0),
    (0, -1, 1.0 / 6.0),
    (0, 1, 1.0 / 6.0),
    (1, -1, 1.0 / 12.0),
    (1, 0, 1.0 / 6.0),
    (1, 1, 1.0 / 12.0),
];

/// Fills in the pixels of `picture`, `[height, width, 3]`, where `missing`, `[height, width]`; the others stay as they
/// are, bit for bit. Without noise, which the caller adds. If nothing is left to go by, the missing pixels become 0.
///
/// # Errors
/// [`MeasureError::Length`] for lengths that do not fit, [`MeasureError::Imputation`] for pixels that are not finite.
pub fn impute(picture: &mut [f32], missing: &[bool], height: usize, width: usize) -> Result<(), MeasureError> {
    let expected = height.saturating_mul(width);
    if missing.len() != expected {
        return Err(MeasureError::Length { what: "the mask of missing pixels", expected, found: missing.len() });
    }
    if picture.len() != expected.saturating_mul(CHANNELS) {
        let (expected, found) = (expected.saturating_mul(CHANNELS), picture.len());
        return Err(MeasureError::Length { what: "the picture", expected, found });
    }
    if !missing.contains(&true) {
        return Ok(());
    }
    let pixel = |picture: &[f32], at: usize| -> Pixel { std::array::from_fn(|c| picture[at * CHANNELS + c].into()) };
    let mut known = missing.iter().enumerate().filter(|&(_, &gone)| !gone).map(|(at, _)| at).peekable();
    if known.peek().is_none() {
        picture.fill(0.0);
        return Ok(());
    }
    // What is solved for is the difference from the mean of what is known: closer to the answer than zero is.
    let (mut mean, mut count) = ([0.0; CHANNELS], 0.0);
    for at in known {
        let v = pixel(picture, at);
        (0..CHANNELS).for_each(|c| mean[c] += v[c]);
        count += 1.0;
    }
    mean.iter_mut().for_each(|m| *m /= count);

    let mut level = Level::empty(height, width);
    let mut right = level.zeros();
    for row in 0..height {
        for column in 0..width {
            let at = row * width + column;
            if !missing[at] {
                continue;
            }
            let own = level.at(row, column);
            let mut diagonal = 0.0;
            for (k, &(dy, dx, weight)) in NEIGHBOURS.iter().enumerate() {
                let (Some(y), Some(x)) = (row.checked_add_signed(dy), column.checked_add_signed(dx)) else { continue };
                if y >= height || x >= width {
                    continue;
                }
                diagonal += weight;
                let from = y * width + x;
                if missing[from] {
                    level.stencil[own][if k < 4 { k } else { k + 1 }] = -weight;
                } else {
                    let v = pixel(picture, from);
                    (0..CHANNELS).for_each(|c| right[own][c] += weight * (v[c] - mean[c]));
                }
            }
            level.stencil[own][4] = diagonal;
            level.unknown.push(own);
        }
    }
    let solution = solver::solve(level, &right)?;
    let at = Level::empty(height, width);
    for (i, _) in missing.iter().enumerate().filter(|&(_, &gone)| gone) {
        let v = solution[at.at(i / width, i % width)];
        (0..CHANNELS).for_each(|c| picture[i * CHANNELS + c] = (v[c] + mean[c]) as f32);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(height: usize, width: usize) -> Vec<f32> {
        (0..height * width * 3).map(|i| ((i * 7919 + i * i % 31) % 256) as f32 - 104.0).collect()
    }

    /// The largest violation of "a missing pixel is the weighted mean of its neighbours".
    fn violation(picture: &[f32], missing: &[bool], height: usize, width: usize) -> f64 {
        let mut worst = 0f64;
        for at in (0..height * width).filter(|&at| missing[at]) {
            for c in 0..3 {
                let (mut sum, mut weights) = (0.0, 0.0);
                for &(dy, dx, weight) in &NEIGHBOURS {
                    let (y, x) = ((at / width) as isize + dy, (at % width) as isize + dx);
                    if (0..height as isize).contains(&y) && (0..width as isize).contains(&x) {
                        sum += weight * f64::from(picture[(y as usize * width + x as usize) * 3 + c]);
                        weights += weight;
                    }
                }
                worst = worst.max((sum / weights - f64::from(picture[at * 3 + c])).abs());
            }
        }
        worst
    }

    type Missing = fn(usize, usize) -> bool;

    #[test]
    fn every_missing_pixel_is_the_mean_of_its_neighbours() {
        let masks: [(&str, Missing); 6] = [
            ("scattered", |y, x| (y * 37 + x * 101 + y * x) % 10 < 5),
            ("nearly all", |y, x| (y * 31 + x * 57 + y * y * x) % 40 != 0),
            ("one block", |y, x| (3..200).contains(&y) && (2..190).contains(&x)),
            ("a border", |y, x| !(60..90).contains(&y) || !(50..100).contains(&x)),
            ("one pixel", |y, x| (y, x) == (0, 0)),
            ("all but one", |y, x| (y, x) != (0, 0)),
        ];
        for (height, width) in [(224, 224), (7, 5), (1, 9), (33, 1), (50, 223)] {
            for (name, gone) in masks {
                let missing: Vec<bool> = (0..height * width).map(|i| gone(i / width, i % width)).collect();
                let before = picture(height, width);
                let mut after = before.clone();
                impute(&mut after, &missing, height, width).unwrap();
                let error = violation(&after, &missing, height, width);
                assert!(error <= 2e-3, "{name} {height} x {width}: {error} of 256");
                for (i, &gone) in missing.iter().enumerate().filter(|&(_, &gone)| !gone) {
                    assert_eq!(after[i * 3..][..3], before[i * 3..][..3], "{name}: pixel {i} {gone}");
                }
            }
        }
    }

    /// A hole in a linear ramp is filled with the ramp, since a plane is its own mean.
    #[test]
    fn a_plane_is_restored() {
        let ramp: Vec<f32> = (0..60 * 60 * 3).map(|i| (i / 3 / 60) as f32 - 2.0 * (i / 3 % 60) as f32).collect();
        let missing: Vec<bool> =
            (0..3600).map(|i| (10..50).contains(&(i / 60)) && (5..55).contains(&(i % 60))).collect();
        let mut filled: Vec<f32> =
            ramp.iter().enumerate().map(|(i, &v)| if missing[i / 3] { 1e3 } else { v }).collect();
        impute(&mut filled, &missing, 60, 60).unwrap();
        for (found, expected) in filled.iter().zip(&ramp) {
            assert!((found - expected).abs() <= 1e-3, "{found} for {expected}");
        }
    }

    #[test]
    fn nothing_and_everything() {
        let before = picture(4, 4);
        let mut after = before.clone();
        impute(&mut after, &[false; 16], 4, 4).unwrap();
        assert_eq!(after, before);
        impute(&mut after, &[true; 16], 4, 4).unwrap();
        assert!(after.iter().all(|&v| v == 0.0));
        let mut flat = vec![0.1f32; 48];
        impute(&mut flat, &[[true; 8], [false; 8]].concat(), 4, 4).unwrap();
        assert_eq!(flat, vec![0.1f32; 48]);
    }

    #[test]
    fn bad_input() {
        let error = impute(&mut [0.0; 48], &[true; 15], 4, 4).unwrap_err();
        assert_eq!(error.to_string(), "the mask of missing pixels holds 15 values where 16 are expected");
        assert!(matches!(impute(&mut [0.0; 47], &[true; 16], 4, 4), Err(MeasureError::Length { .. })));
        let mut picture = picture(4, 4);
        picture[3] = f32::NAN;
        let missing: Vec<bool> = (0..16).map(|i| i == 5).collect();
        assert!(matches!(impute(&mut picture, &missing, 4, 4), Err(MeasureError::Imputation { .. })));
    }
}
