//! Eigen-CAM.

use backlit_net::Tap;
use rayon::prelude::*;
use serde::Serialize;

use super::{Upsample, attribution};
use crate::explain::{Attribute, Context, Needs};
use crate::{Attribution, MethodError};

/// The activations' first principal component over positions, whatever the class (Muhammad and Yeasin 2020,
/// arXiv:2008.00299).
///
/// Each channel is centred over positions, as in pytorch-grad-cam. The sign of a component means nothing: here it is
/// such that the value of largest magnitude is positive (Chung and Ying 2025, doi:10.3390/app15137562, equation 13);
/// pytorch-grad-cam leaves it to LAPACK.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EigenCam {
    /// Where: the output of a block.
    pub layer: Tap,
    /// Whether negative values are cut off, before up-sampling.
    pub relu: bool,
    /// How the map is brought to the size of the picture.
    pub upsample: Upsample,
}

impl Default for EigenCam {
    /// At the last block, negative values cut off, bilinear.
    fn default() -> Self {
        EigenCam { layer: Tap::LAST, relu: true, upsample: Upsample::default() }
    }
}

impl Attribute for EigenCam {
    fn needs(&self, needs: &mut Needs) {
        needs.tap(self.layer);
    }

    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        let tap = context.tap(self.layer);
        let component = principal_component(tap.activation, tap.channels);
        Ok(vec![attribution(component, self.relu, self.upsample, 1); context.objectives.len()])
    }
}

/// Projection of every position of `[positions, channels]` on the first principal axis; all zero if all positions are
/// alike.
fn principal_component(activation: &[f32], channels: usize) -> Vec<f64> {
    let positions = activation.len() / channels;
    let mut means = vec![0.0; channels];
    for pixel in activation.chunks_exact(channels) {
        means.iter_mut().zip(pixel).for_each(|(m, &a)| *m += f64::from(a));
    }
    means.iter_mut().for_each(|m| *m /= positions as f64);
    let centred = activation.chunks_exact(channels);
    let rows: Vec<Vec<f64>> =
        centred.map(|pixel| pixel.iter().zip(&means).map(|(&a, m)| f64::from(a) - m).collect()).collect();
    // X X^T and X^T X have the same eigenvalues: the smaller one is solved, 49 x 49 at the last block.
    let mut found = if positions <= channels {
        let (vector, value) = largest_eigenpair(&gram(&rows));
        vector.into_iter().map(|v| v * value.max(0.0).sqrt()).collect()
    } else {
        let columns: Vec<Vec<f64>> = (0..channels).map(|k| rows.iter().map(|row| row[k]).collect()).collect();
        let (axis, _) = largest_eigenpair(&gram(&columns));
        rows.iter().map(|row| dot(row, &axis)).collect::<Vec<f64>>()
    };
    let extreme = found.iter().copied().fold(0.0, |e: f64, v| if v.abs() > e.abs() { v } else { e });
    if extreme < 0.0 {
        found.iter_mut().for_each(|v| *v = -*v);
    }
    found
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Products of all rows with all rows.
fn gram(rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
    rows.par_iter().map(|a| rows.iter().map(|b| dot(a, b)).collect()).collect()
}

/// Steps after which two leading eigenvalues so close together are as good as equal.
const MOST_STEPS: usize = 5_000;

/// Unit vector and value of a symmetric matrix that is nowhere negative as a quadratic form, by power iteration; a
/// zero vector for a zero matrix.
fn largest_eigenpair(matrix: &[Vec<f64>]) -> (Vec<f64>, f64) {
    let times = |v: &[f64]| -> Vec<f64> { matrix.iter().map(|row| dot(row, v)).collect() };
    // A start without pattern, the same every time: multiples of the golden ratio modulo 1.
    let start: Vec<f64> = (0..matrix.len()).map(|i| (0.5 + i as f64 * 0.618_033_988_749_895).fract() - 0.4).collect();
    let (mut vector, mut value) = (times(&start), 0.0);
    for step in 0..MOST_STEPS {
        let norm = dot(&vector, &vector).sqrt();
        if norm == 0.0 {
            return (vector, 0.0);
        }
        vector.iter_mut().for_each(|v| *v /= norm);
        let next = times(&vector);
        value = dot(&vector, &next);
        let rest: f64 = vector.iter().zip(&next).map(|(v, n)| (n - value * v).powi(2)).sum();
        if rest.sqrt() <= 1e-11 * value || step + 1 == MOST_STEPS {
            break;
        }
        vector = next;
    }
    (vector, value)
}

#[cfg(test)]
mod tests {
    use backlit_testkit::random::{Random, to_f32};

    use super::*;

    /// One direction of channels stands out; it is found with its sign, whichever side of the matrix is the longer one.
    #[test]
    fn a_planted_component_is_found() {
        for (positions, channels) in [(49, 300), (196, 20)] {
            let random = Random::new(5);
            let (place, axis) = (random.stream(1).values(positions, 1.0), random.stream(2).values(channels, 1.0));
            let mean = random.stream(3).values(channels, 9.0);
            for sign in [1.0, -1.0] {
                let value = |i: usize| mean[i % channels] + sign * place[i / channels] * axis[i % channels];
                let activation: Vec<f64> = (0..positions * channels).map(value).collect();
                let found = principal_component(&to_f32(&activation), channels);
                let centre = place.iter().sum::<f64>() / positions as f64;
                let norm = dot(&axis, &axis).sqrt();
                let mut expected: Vec<f64> = place.iter().map(|p| (p - centre) * norm).collect();
                let extreme = expected.iter().copied().fold(0.0, |e: f64, v| if v.abs() > e.abs() { v } else { e });
                expected.iter_mut().for_each(|v| *v *= extreme.signum());
                for (found, expected) in found.iter().zip(&expected) {
                    assert!((found - expected).abs() <= 1e-4, "{positions} x {channels}: {found} for {expected}");
                }
            }
        }
    }

    #[test]
    fn no_direction_has_more_variance() {
        let (positions, channels) = (49, 64);
        let random = Random::new(6);
        let activation = to_f32(&random.values(positions * channels, 1.0));
        let found = principal_component(&activation, channels);
        let variance = dot(&found, &found);
        for probe in 0..200 {
            let axis = random.stream(probe + 1).values(channels, 1.0);
            let projected: Vec<f64> = activation
                .chunks_exact(channels)
                .map(|row| row.iter().zip(&axis).map(|(&a, w)| f64::from(a) * w).sum())
                .collect();
            let mean = projected.iter().sum::<f64>() / positions as f64;
            let along: f64 = projected.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / dot(&axis, &axis);
            assert!(along <= variance, "{along} against {variance}");
        }
        // The transposed problem has the same leading value up to centring: both paths give the same map.
        let columns: Vec<Vec<f64>> = vec![vec![2.0, 0.0], vec![0.0, 1.0]];
        assert!((largest_eigenpair(&columns).1 - 2.0).abs() <= 1e-9);
    }

    #[test]
    fn positions_that_are_alike_have_none() {
        assert!(principal_component(&[3.0; 49 * 8], 8).iter().all(|&v| v == 0.0));
    }
}
