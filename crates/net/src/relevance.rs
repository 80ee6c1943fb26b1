//! Layer-wise relevance propagation (Bach et al. 2015, doi:10.1371/journal.pone.0130140): the contract.
//!
//! Relevance is a share of the score. It starts at the logits and is handed down layer by layer, each output sharing
//! what it has among its inputs, so that the sum stays about the same; what is lost goes to the biases. How an output
//! shares is the layer's rule. With x an input, w a weight, z the sum that the rule looks at, v+ = max(v, 0),
//! v- = min(v, 0) and e(z) = z + stabiliser (z - stabiliser if z < 0), and R the relevance of the outputs:
//!
//! ```text
//! convolution  z+      z = sum of x+ w+ + x- w- plus bias+      R_in = x+ * sum of w+ R/e(z)  +  x- * sum of w- R/e(z)
//! head         epsilon z = sum of x w plus bias                 R_in = x  * sum of w  R/e(z)         e with epsilon
//! average pool norm    z = mean of x                            R_in = x  * 1/49 R/e(z)
//! shortcut     norm    z = branch + shortcut                    R_branch = branch R/e(z),  R_shortcut = shortcut R/e(z)
//! ReLU         pass    R_in = R
//! max-pool     the winner takes all
//! ```
//!
//! This is the composite that zennit calls `EpsilonPlus` (Montavon et al. 2019, "Layer-wise relevance propagation: an
//! overview"), on the canonical form of a ResNet: BatchNorm folded into its convolution, and the shortcut's addition
//! a layer of its own. `EpsilonPlusFlat` shares equally among all pixels under the stem's filter
//! (Lapuschkin et al. 2019, arXiv:1902.10178).

use crate::engine::{EngineError, Gradients, Images, Seeds};

/// Which rule is for which layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Composite {
    /// z+ for every convolution, epsilon for the head.
    #[default]
    EpsilonPlus,
    /// The same, but flat for the stem: `z = taps inside the image`, `R_in = sum of R/e(z)`.
    EpsilonPlusFlat,
}

crate::named!(Composite, "composite", { EpsilonPlus = "epsilon-plus", EpsilonPlusFlat = "epsilon-plus-flat" });

/// A composite with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LrpRules {
    /// Which rule is for which layer.
    pub composite: Composite,
    /// Added to the magnitude of a logit before the head divides by it.
    pub epsilon: f64,
    /// Added to every other divisor, away from zero.
    pub stabiliser: f64,
}

impl Default for LrpRules {
    /// Epsilon-plus with 1e-6 for both, zennit's defaults.
    fn default() -> LrpRules {
        LrpRules { composite: Composite::EpsilonPlus, epsilon: 1e-6, stabiliser: 1e-6 }
    }
}

impl LrpRules {
    /// Refuses parameters that would not keep a divisor from zero in single precision.
    ///
    /// # Errors
    /// [`EngineError::Stabiliser`] for what is not finite or below `f32::MIN_POSITIVE`.
    pub fn check(&self) -> Result<(), EngineError> {
        for (what, value) in [("epsilon", self.epsilon), ("stabiliser", self.stabiliser)] {
            if !(value >= f64::from(f32::MIN_POSITIVE) && value <= f64::from(f32::MAX)) {
                return Err(EngineError::Stabiliser { what, value });
            }
        }
        Ok(())
    }
}

/// A network that can hand relevance down to its input.
///
/// Object-safe and shared between threads; as with [`Engine`](crate::Engine), the bytes for an image do not depend on
/// batch, threads or company.
pub trait Propagate: Send + Sync {
    /// Logits, and for every seed the relevance of every input value, in [`Gradients::gradient`].
    ///
    /// The relevance of logit k starts as `seed[k] * logit[k]`, so that a one-hot seed shares out the score itself and
    /// the map adds up to about that score. (zennit starts from what it is given: one-hot there is this map divided by
    /// the logit.)
    ///
    /// # Errors
    /// [`EngineError`] for bad seeds or rules, or a network that overflows.
    fn relevance(&self, images: Images<'_>, seeds: Seeds<'_>, rules: &LrpRules) -> Result<Gradients, EngineError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_divisor_must_be_kept_from_zero() {
        assert_eq!(LrpRules::default().check(), Ok(()));
        for bad in [0.0, -1e-6, f64::NAN, f64::INFINITY, 1e-50] {
            for rules in
                [LrpRules { epsilon: bad, ..LrpRules::default() }, LrpRules { stabiliser: bad, ..LrpRules::default() }]
            {
                assert!(matches!(rules.check(), Err(EngineError::Stabiliser { .. })), "{rules:?}");
            }
        }
    }
}
