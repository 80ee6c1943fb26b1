//! The running sum of weighted masks, and whether it has settled.

use backlit_net::SIDE;

use super::CHECKPOINT;
use crate::{Attribution, Map};

/// One sum an objective, in double precision and in the order of the samples.
pub(super) struct Running {
    sums: Vec<Vec<f64>>,
    /// As they were at the last checkpoint, divided by the number of samples.
    before: Option<Vec<Vec<f64>>>,
    samples: usize,
    probability: f64,
    tolerance: f64,
    settled: bool,
}

impl Running {
    pub(super) fn new(objectives: usize, probability: f64, tolerance: f64) -> Running {
        let sums = vec![vec![0.0; SIDE * SIDE]; objectives];
        Running { sums, before: None, samples: 0, probability, tolerance, settled: false }
    }

    pub(super) fn samples(&self) -> usize {
        self.samples
    }

    /// Whether the last checkpoint found little change since the one before.
    pub(super) fn settled(&self) -> bool {
        self.settled
    }

    /// Adds one mask with a weight for every objective.
    pub(super) fn add(&mut self, mask: &[f32], weights: impl Iterator<Item = f64>) {
        for (sum, weight) in self.sums.iter_mut().zip(weights) {
            for (sum, &m) in sum.iter_mut().zip(mask) {
                *sum += weight * f64::from(m);
            }
        }
        self.samples += 1;
        if self.tolerance > 0.0 && self.samples.is_multiple_of(CHECKPOINT) {
            self.look();
        }
    }

    fn look(&mut self) {
        let centred = |sum: &Vec<f64>| -> Vec<f64> {
            let mean = sum.iter().sum::<f64>() / sum.len() as f64;
            sum.iter().map(|v| (v - mean) / self.samples as f64).collect()
        };
        let now: Vec<Vec<f64>> = self.sums.iter().map(centred).collect();
        if let Some(before) = &self.before {
            self.settled = now.iter().zip(before).all(|(now, before)| {
                let change: f64 = now.iter().zip(before).map(|(a, b)| (a - b).powi(2)).sum();
                let size: f64 = now.iter().map(|v| v * v).sum();
                change.sqrt() <= self.tolerance * size.sqrt()
            });
        }
        self.before = Some(now);
    }

    /// The maps, divided by `N p`.
    pub(super) fn finish(self) -> Vec<Attribution> {
        let scale = self.samples as f64 * self.probability;
        let attribution = |sum: Vec<f64>| {
            let values = sum.iter().map(|v| (v / scale) as f32).collect();
            let values = Map { height: SIDE, width: SIDE, channels: 1, values };
            Attribution { samples: self.samples, ..Attribution::of(values) }
        };
        self.sums.into_iter().map(attribution).collect()
    }
}
