//! Layer-wise relevance propagation.

use serde::Serialize;

use crate::explain::{Attribute, Context};
use crate::{Attribution, MethodError};

/// Relevance sent back layer by layer (Bach et al. 2015, doi:10.1371/journal.pone.0130140), with the epsilon rule for
/// the head and the z-plus rule for convolutions, as zennit's `EpsilonPlus` composite does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Lrp {
    /// Stabiliser of the epsilon rule.
    pub epsilon: f64,
}

impl Default for Lrp {
    /// zennit's 1e-6.
    fn default() -> Self {
        Lrp { epsilon: 1e-6 }
    }
}

impl Attribute for Lrp {
    fn attribute(&self, _context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        todo!()
    }
}
