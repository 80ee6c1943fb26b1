//! What methods of many copies share: making copies, sending them through the engine, adding up what comes back.

use std::ops::RangeInclusive;

use backlit_net::engine::Gradients;
use backlit_net::{CHANNELS, IMAGE_LEN, Images, Rule, SIDE, Seeds};
use rayon::prelude::*;

use crate::explain::Context;
use crate::{Completeness, Map, Method, MethodError};

/// Refuses a number of steps or samples that is out of range.
pub(super) fn check_count(
    method: Method,
    what: &'static str,
    found: usize,
    allowed: RangeInclusive<usize>,
) -> Result<(), MethodError> {
    match allowed.contains(&found) {
        true => Ok(()),
        false => Err(MethodError::Parameter {
            method,
            what,
            found: found.to_string(),
            expected: format!("it must be from {} to {}", allowed.start(), allowed.end()),
        }),
    }
}

/// Refuses a number that is not `fine`.
pub(super) fn check_number(
    method: Method,
    what: &'static str,
    found: f64,
    fine: bool,
    expected: &str,
) -> Result<(), MethodError> {
    match fine {
        true => Ok(()),
        false => Err(MethodError::Parameter { method, what, found: found.to_string(), expected: expected.to_owned() }),
    }
}

/// `[224, 224, 3]` values as a map.
pub(super) fn map_of(values: Vec<f32>) -> Map {
    Map { height: SIDE, width: SIDE, channels: CHANNELS, values }
}

/// How well an attribution of one objective shares out the score of the picture less `base`, that of the baseline.
pub(super) fn completeness(context: &Context<'_>, objective: usize, base: f64, values: &[f32]) -> Completeness {
    let sum = values.iter().map(|&v| f64::from(v)).sum();
    Completeness::new(context.objectives[objective].value(context.logits) - base, sum)
}

/// The score of every objective at other images `[n, 224, 224, 3]`, `[n][objectives]`.
pub(super) fn scores(context: &Context<'_>, images: &[f32]) -> Result<Vec<Vec<f64>>, MethodError> {
    let logits = context.engine.predict(Images::new(images)?)?;
    let of = |i| context.objectives.iter().map(|o| o.value(logits.row(i))).collect();
    Ok((0..images.len() / IMAGE_LEN).map(of).collect())
}

/// The plain gradient of every objective at copies of the picture.
pub(super) fn gradients(context: &Context<'_>, copies: &[f32]) -> Result<Gradients, MethodError> {
    let write = context.write_seeds();
    let seeds = Seeds::FromLogits { per_image: context.objectives.len(), write: &write };
    Ok(context.engine.gradient(Images::new(copies)?, seeds, Rule::Plain)?)
}

/// Elements that one thread adds up at a time.
const PART: usize = 4096;

/// Sums of `factor * gradient` for every objective, in double precision and in the order of the copies.
pub(super) struct Products {
    sums: Vec<f64>,
}

impl Products {
    pub(super) fn new(objectives: usize) -> Products {
        Products { sums: vec![0.0; objectives * IMAGE_LEN] }
    }

    /// Adds the copies of a batch; `factor(copy, element)` is what the gradient is multiplied by.
    pub(super) fn add(&mut self, found: &Gradients, factor: impl Fn(usize, usize) -> f64 + Sync) {
        let (len, copies) = (self.sums.len(), found.gradient.len() / self.sums.len());
        self.sums.par_chunks_mut(PART).enumerate().for_each(|(part, sums)| {
            let start = part * PART;
            for copy in 0..copies {
                let gradient = &found.gradient[copy * len + start..][..sums.len()];
                for (i, (sum, &g)) in sums.iter_mut().zip(gradient).enumerate() {
                    *sum += factor(copy, (start + i) % IMAGE_LEN) * f64::from(g);
                }
            }
        });
    }

    /// The sums of every objective, times `scale`.
    pub(super) fn finish(self, scale: f64) -> Vec<Vec<f32>> {
        self.sums.chunks_exact(IMAGE_LEN).map(|sums| sums.iter().map(|&s| (s * scale) as f32).collect()).collect()
    }
}
