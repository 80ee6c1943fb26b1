//! Attributions: what a method says of one score, before anything is done for the eye.

use serde::Serialize;

use crate::{Map, Objective};

/// The answer of one method about one score of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// `[224, 224, 3]` in the network's channel order for methods that speak of input values, `[224, 224, 1]` for
    /// those that speak of places. Signed where the method is; finite always.
    pub values: Map,
    /// For class activation maps: the map before it was brought to the size of the picture.
    pub coarse: Option<Map>,
    /// For methods that share out a difference of scores: how well it adds up.
    pub completeness: Option<Completeness>,
    /// Samples, steps or masks that went into it; 1 for a single pass.
    pub samples: usize,
}

impl Attribution {
    /// Values of one pass, with nothing to add.
    pub fn of(values: Map) -> Attribution {
        Attribution { values, coarse: None, completeness: None, samples: 1 }
    }
}

/// Whether an attribution adds up to the difference that it shares out:
/// `sum(attribution) = score(image) - score(baseline)` (Sundararajan et al. 2017, arXiv:1703.01365, proposition 1).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Completeness {
    /// Score of the picture less that of the baseline.
    pub expected: f64,
    /// What the attribution adds up to.
    pub sum: f64,
    /// `sum - expected`: the error of the quadrature.
    pub residual: f64,
}

impl Completeness {
    /// Compares a sum with what it should be.
    pub fn new(expected: f64, sum: f64) -> Completeness {
        Completeness { expected, sum, residual: sum - expected }
    }
}

/// All that was found out about one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// `[1000]`, of the untouched picture.
    pub logits: Vec<f32>,
    /// The objectives, each with its classes as they turned out to be.
    pub objectives: Vec<Objective>,
    /// For every recipe, an attribution for every objective.
    pub attributions: Vec<Vec<Attribution>>,
}
