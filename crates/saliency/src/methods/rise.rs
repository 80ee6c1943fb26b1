//! RISE: random masks, weighted by the score that survives them.

use serde::Serialize;

use crate::explain::{Attribute, Context};
use crate::{Attribution, MethodError};

/// `sum of S(x * M_i) M_i / (N p)` over random smooth masks M (Petsiuk et al. 2018, arXiv:1806.07421).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rise {
    /// Masks at most.
    pub samples: usize,
    /// Cells of a mask, in rows and columns.
    pub cells: usize,
    /// Probability that a cell is left open.
    pub probability: f64,
    /// Stop early once another batch of masks changes the map by less than this share; 0 never stops.
    pub settled: f64,
    /// Seed of the masks.
    pub seed: u64,
}

impl Default for Rise {
    /// The paper's 7 x 7 cells, half of them open, 4000 masks at most.
    fn default() -> Self {
        Rise { samples: 4000, cells: 7, probability: 0.5, settled: 0.01, seed: 0 }
    }
}

impl Attribute for Rise {
    fn attribute(&self, _context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        todo!()
    }
}
