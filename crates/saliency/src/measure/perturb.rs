//! Small random perturbations of a picture, and the two measures that use them: infidelity and maximal sensitivity.
//!
//! Yeh et al. 2019, "On the (In)fidelity and Sensitivity of Explanations" (arXiv:1901.09392).

use backlit_net::{CHANNELS, Engine, IMAGE_LEN};
use rayon::prelude::*;
use serde::Serialize;

use super::error::attribution;
use super::forward::{Confidence, confidences};
use super::random::Draws;
use super::{MeasureError, Measured, Undefined};
use crate::{Map, Run, Score, Subject};

/// Perturbations: every value of the preprocessed image moves by an independent, uniform amount.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Perturbations {
    /// How many copies.
    pub samples: usize,
    /// The furthest that a value may move, as a **share of the image's own value range** (its maximum less its minimum
    /// over all channels). captum's 0.02 is absolute, which means little to an input from -124 to 151.
    pub radius: f64,
    /// Seed of the random numbers.
    pub seed: u64,
}

impl Default for Perturbations {
    /// 10 copies, radius 0.02, seed 0.
    fn default() -> Self {
        Perturbations { samples: 10, radius: 0.02, seed: 0 }
    }
}

impl Perturbations {
    /// The perturbations of a picture; [`Undefined::FlatImage`] if it has no range.
    fn of(self, subject: &Subject<'_>) -> Result<Measured<Shaker>, MeasureError> {
        let image = subject.image()?.data();
        if self.samples == 0 {
            let (name, found) = ("the number of perturbations", "0".into());
            return Err(MeasureError::Setting { name, found, expected: "at least one" });
        }
        if !(self.radius > 0.0 && self.radius <= 1.0) {
            let (name, found) = ("the radius of perturbations", self.radius.to_string());
            return Err(MeasureError::Setting { name, found, expected: "a share of the range, above 0 and at most 1" });
        }
        let (min, max) = image.iter().fold((f64::MAX, f64::MIN), |(l, h), &v| (l.min(v.into()), h.max(v.into())));
        if min == max {
            return Ok(Err(Undefined::FlatImage));
        }
        Ok(Ok(Shaker { reach: self.radius * (max - min), seed: self.seed, key: subject.key() }))
    }
}

/// Perturbations of one picture.
#[derive(Clone, Copy)]
struct Shaker {
    reach: f64,
    seed: u64,
    key: u64,
}

impl Shaker {
    /// By how much element `at` of copy `sample` moves.
    fn shift(&self, sample: usize, at: usize) -> f64 {
        self.reach * (2.0 * Draws::new(self.seed, self.key, sample as u64).uniform(at as u64) - 1.0)
    }
}

/// How far an attribution is from predicting what perturbations do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Infidelity {
    /// `E[(I . A - (f(x) - f(x - I)))^2]`, in squares of the score. **Lower is better**, and only comparable between
    /// attributions of the same scale: a map that was normalised has lost it.
    pub plain: f64,
    /// The same after multiplying the attribution by the factor that serves it best, as the paper's own code and
    /// captum's `normalize=True` do: whatever the map's scale. **Lower is better.**
    pub scaled: Measured,
}

/// Infidelity of an attribution `[224, 224, 1]` or `[224, 224, 3]`: the square of the difference between what it
/// predicts of a perturbation, its product with it, and what the score does. One number a pixel stands for all of the
/// pixel's channels. It is meant for signed attributions in the sense of a gradient, and `clean` is the untouched
/// picture's answer. As many forward passes as there are perturbations.
///
/// # Errors
/// [`MeasureError`]. [`Undefined::FlatImage`] for a picture that has no range.
pub fn infidelity(
    engine: &dyn Engine,
    subject: &Subject<'_>,
    map: &Map,
    clean: &Confidence,
    score: Score,
    perturbations: Perturbations,
    run: &Run<'_>,
) -> Result<Measured<Infidelity>, MeasureError> {
    let values = attribution(map)?;
    let shaker = match perturbations.of(subject)? {
        Ok(shaker) => shaker,
        Err(why) => return Ok(Err(why)),
    };
    let image = subject.image()?.data();
    let samples = perturbations.samples;
    let found = confidences(engine, clean.class, samples, run, |i, copy| {
        for (at, (out, &x)) in copy.iter_mut().zip(image).enumerate() {
            *out = (f64::from(x) - shaker.shift(i, at)) as f32;
        }
        Ok(())
    })?;
    let predict = |i: usize| -> f64 {
        (0..IMAGE_LEN).map(|at| shaker.shift(i, at) * f64::from(values[at * map.channels / CHANNELS])).sum()
    };
    let predicted: Vec<f64> = (0..samples).into_par_iter().map(predict).collect();
    let (mut pp, mut pd, mut plain) = (0.0, 0.0, 0.0);
    let changes: Vec<f64> = found.iter().map(|c| clean.score(score) - c.score(score)).collect();
    for (p, d) in predicted.iter().zip(&changes) {
        pp += p * p;
        pd += p * d;
        plain += (p - d).powi(2);
    }
    let scaled = match pp > 0.0 {
        true => {
            let factor = pd / pp;
            Ok(predicted.iter().zip(&changes).map(|(p, d)| (factor * p - d).powi(2)).sum::<f64>() / samples as f64)
        }
        false => Err(Undefined::ZeroMap),
    };
    Ok(Ok(Infidelity { plain: plain / samples as f64, scaled }))
}

/// Maximal sensitivity: how much the map itself moves under perturbations that leave the picture what it is,
/// `max |A(x + I) - A(x)| / |A(x)|` in the L2 norm. **Lower is better.** For what moves the map and not the class, say
/// the class yourself: `explain` is to explain the same class throughout.
///
/// `explain(tensors)` is given `[n, 224, 224, 3]` preprocessed images, at most [`Run::batch`] of them, and returns one
/// attribution, of any but the same length, for each. It is called once with the untouched picture, then with copies:
/// one more explanation than there are perturbations.
///
/// # Errors
/// [`MeasureError`], and whatever `explain` returns. [`Undefined::FlatImage`] for a picture that has no range,
/// [`Undefined::ZeroMap`] if the untouched picture's map is zero.
pub fn max_sensitivity<E: From<MeasureError>>(
    subject: &Subject<'_>,
    perturbations: Perturbations,
    run: &Run<'_>,
    mut explain: impl FnMut(&[f32]) -> Result<Vec<Vec<f32>>, E>,
) -> Result<Measured, E> {
    let shaker = match perturbations.of(subject)? {
        Ok(shaker) => shaker,
        Err(why) => return Ok(Err(why)),
    };
    let image = subject.image().map_err(MeasureError::from)?.data();
    let mut ask = |tensor: &[f32]| -> Result<Vec<Vec<f32>>, E> {
        let (maps, expected) = (explain(tensor)?, tensor.len() / IMAGE_LEN);
        match maps.len() == expected {
            true => Ok(maps),
            false => Err(MeasureError::Length { what: "the list of explanations", expected, found: maps.len() }.into()),
        }
    };
    let own = ask(image)?.swap_remove(0);
    if own.iter().any(|v| !v.is_finite()) {
        return Ok(Err(Undefined::NonFinite));
    }
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let size = norm(&mut own.iter().map(|&v| v.into()));
    if size == 0.0 {
        return Ok(Err(Undefined::ZeroMap));
    }
    let (total, mut done, mut worst) = (perturbations.samples, 0, 0f64);
    let mut copies = vec![0f32; run.batch().min(total) * IMAGE_LEN];
    while done < total {
        let batch = &mut copies[..run.batch().min(total - done) * IMAGE_LEN];
        batch.par_chunks_exact_mut(IMAGE_LEN).enumerate().for_each(|(i, copy)| {
            for (at, (out, &x)) in copy.iter_mut().zip(image).enumerate() {
                *out = (f64::from(x) + shaker.shift(done + i, at)) as f32;
            }
        });
        let maps = ask(batch)?;
        for map in &maps {
            if map.len() != own.len() {
                let (expected, found) = (own.len(), map.len());
                return Err(MeasureError::Length { what: "an explanation", expected, found }.into());
            }
            let moved = norm(&mut map.iter().zip(&own).map(|(&a, &b)| f64::from(a) - f64::from(b)));
            if !moved.is_finite() {
                return Ok(Err(Undefined::NonFinite));
            }
            worst = worst.max(moved / size);
        }
        done += maps.len();
        run.step(done, total).map_err(MeasureError::from)?;
    }
    Ok(Ok(worst))
}
