//! ROAD, remove and debias: does the class go with the pixels that the map names first, and stay with those it names
//! last, when what is taken away is filled in from around it?
//!
//! Rong et al. 2022 (arXiv:2202.00449), as pytorch-grad-cam evaluates it. A black or grey hole tells the network where
//! something was taken out; noisy linear imputation ([`impute`]) does not.

use backlit_net::preprocess::Preprocessing;
use backlit_net::{CHANNELS, Engine, SIDE};
use serde::Serialize;

use super::error::{flat, plane};
use super::forward::confidences;
use super::random::Draws;
use super::{Curve, MeasureError, Measured, Undefined, impute, order};
use crate::{Map, Run, Subject};

/// How ROAD is run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoadOptions {
    /// Percent of the pixels that are taken away, each 1 to 99.
    pub percents: Vec<u8>,
    /// Standard deviation of the noise on imputed pixels, in standard deviations of the training pictures' colours (255
    /// times 0.229, 0.224, 0.225): the unit of torch's tensors, whatever the network's own. 0 for none.
    pub noise: f64,
    /// Seed of the noise.
    pub seed: u64,
}

impl Default for RoadOptions {
    /// 10 to 90 percent, noise 0.01, seed 0.
    fn default() -> Self {
        RoadOptions { percents: (1..10).map(|n| 10 * n).collect(), noise: 0.01, seed: 0 }
    }
}

/// What ROAD found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Road {
    /// Most relevant first: probability of the class against the share taken away. Lower is better.
    pub morf: Curve,
    /// Least relevant first. Higher is better.
    pub lerf: Curve,
}

impl Road {
    /// `(LeRF - MoRF) / 2`, each the mean over the shares: -0.5 to 0.5. **Higher is better**, 0 is a random map.
    pub fn combined(&self) -> f64 {
        let mean = |curve: &Curve| curve.probabilities.iter().sum::<f64>() / curve.probabilities.len() as f64;
        (mean(&self.lerf) - mean(&self.morf)) / 2.0
    }
}

/// Takes away shares of the picture from either end of the map's order, fills the holes in and asks for the class.
///
/// `2 percents.len()` forward passes, 18 by default. Of n pixels, those kept are `ceil((n - 1) (100 - p) / 100)`, which
/// for a map without equal values is what a threshold at NumPy's percentile keeps; equal values are told apart by
/// [`descending`](super::descending).
///
/// # Errors
/// [`MeasureError`]. A flat map has no order: [`Undefined::FlatMap`].
pub fn road(
    engine: &dyn Engine,
    subject: &Subject<'_>,
    map: &Map,
    class: usize,
    options: &RoadOptions,
    run: &Run<'_>,
) -> Result<Measured<Road>, MeasureError> {
    let image = subject.image()?.data();
    let values = plane(map)?;
    let RoadOptions { percents, noise, seed } = options;
    if percents.is_empty() || percents.iter().any(|p| !(1..=99).contains(p)) {
        let (name, found) = ("the percents of ROAD", format!("{percents:?}"));
        return Err(MeasureError::Setting { name, found, expected: "one or more numbers from 1 to 99" });
    }
    if !(noise.is_finite() && *noise >= 0.0) {
        let (name, found) = ("the noise of ROAD", noise.to_string());
        return Err(MeasureError::Setting { name, found, expected: "0 or more" });
    }
    if flat(values) {
        return Ok(Err(Undefined::FlatMap));
    }
    let places = order::places(values);
    let (n, key) = (values.len(), subject.key());
    let removed = |percent: u8| n - ((n - 1) * usize::from(100 - percent)).div_ceil(100);
    let sigma = colour_deviation(subject.preprocessing).map(|s| s * noise);
    let found = confidences(engine, class, 2 * percents.len(), run, |i, copy| {
        let count = removed(percents[i / 2]);
        // Even copies lose the most relevant pixels, odd ones the least.
        let gone = |place: usize| if i.is_multiple_of(2) { place < count } else { place >= n - count };
        let missing: Vec<bool> = places.iter().map(|&place| gone(place)).collect();
        copy.copy_from_slice(image);
        impute(copy, &missing, SIDE, SIDE)?;
        if *noise > 0.0 {
            let draws = Draws::new(*seed, key, i as u64);
            for (pixel, _) in missing.iter().enumerate().filter(|&(_, &gone)| gone) {
                for c in 0..CHANNELS {
                    let at = pixel * CHANNELS + c;
                    copy[at] = (f64::from(copy[at]) + sigma[c] * draws.normal(at as u64)) as f32;
                }
            }
        }
        Ok(())
    })?;
    let curve = |first: usize| Curve {
        shares: percents.iter().map(|&p| f64::from(p) / 100.0).collect(),
        probabilities: found[first..].iter().step_by(2).map(|c| c.probability).collect(),
    };
    Ok(Ok(Road { morf: curve(0), lerf: curve(1) }))
}

/// Standard deviation of the training pictures' colours in the units and the channel order of the network's input.
fn colour_deviation(preprocessing: Preprocessing) -> [f64; CHANNELS] {
    match preprocessing {
        Preprocessing::Torch => [1.0; CHANNELS],
        Preprocessing::Caffe => [0.225, 0.224, 0.229].map(|s| 255.0 * s),
    }
}
