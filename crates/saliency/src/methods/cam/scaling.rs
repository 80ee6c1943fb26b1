//! What peers do to a map before they show it. Attributions are never scaled: this is for comparison and for pictures
//! that are to look like a peer's.

use backlit_net::{SIDE, named};

use super::{Upsample, map, upsample::Axis};
use crate::Map;

/// How a coarse map and its up-sampled form are stretched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scaling {
    /// Not at all: captum.
    #[default]
    Raw,
    /// `(v - min) / (max - min)` after up-sampling: keras-vis, tf-keras-vis.
    MinMax,
    /// Before up-sampling and again after it: pytorch-grad-cam.
    MinMaxTwice,
    /// Before up-sampling only: torchcam, which then overlays the map.
    MinMaxCoarse,
}

named!(Scaling, "scaling", {
    Raw = "raw",
    MinMax = "min-max",
    MinMaxTwice = "min-max-twice",
    MinMaxCoarse = "min-max-coarse",
});

/// What keeps the division finite for a constant map, which becomes 0: pytorch-grad-cam's and Keras' 1e-7.
const EPSILON: f64 = 1e-7;

impl Scaling {
    /// Brings a coarse square map, one number a place, to `[224, 224]`, stretched where the rule says so.
    ///
    /// # Panics
    /// If the map is not square, or is larger than 224 x 224.
    pub fn apply(self, coarse: &Map, upsample: Upsample) -> Map {
        let mut values: Vec<f64> = coarse.values.iter().map(|&v| v.into()).collect();
        if matches!(self, Scaling::MinMaxTwice | Scaling::MinMaxCoarse) {
            stretch(&mut values);
        }
        let mut values = Axis::new(upsample, coarse.height, SIDE).square(&values);
        if matches!(self, Scaling::MinMaxTwice | Scaling::MinMax) {
            stretch(&mut values);
        }
        map(SIDE, values)
    }
}

/// To 0..1, or to 0 if all are alike.
fn stretch(values: &mut [f64]) {
    let (min, max) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
    values.iter_mut().for_each(|v| *v = (*v - min) / (max - min + EPSILON));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_constants() {
        let coarse = map(7, (0..49).map(|p| f64::from(p) * 0.25 - 3.0).collect());
        let range = |scaling: Scaling| scaling.apply(&coarse, Upsample::Bilinear).min_max().unwrap();
        assert_eq!(range(Scaling::Raw), (-3.0, 9.0));
        for scaling in [Scaling::MinMax, Scaling::MinMaxTwice, Scaling::MinMaxCoarse] {
            let (min, max) = range(scaling);
            assert!(min == 0.0 && (max - 1.0).abs() <= 1e-6, "{scaling}: {min} {max}");
            let flat = scaling.apply(&map(7, vec![-2.0; 49]), Upsample::Bilinear);
            assert!(flat.values.iter().all(|&v| v == 0.0), "{scaling}");
        }
    }
}
