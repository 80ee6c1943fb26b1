//! Layer-wise relevance propagation.

use backlit_net::relevance::{Composite, LrpRules};
use backlit_net::{CHANNELS, IMAGE_LEN, SIDE, Seeds};
use serde::Serialize;

use crate::explain::{Attribute, Context};
use crate::{Attribution, Map, MethodError};

/// Relevance sent back layer by layer (Bach et al. 2015, doi:10.1371/journal.pone.0130140), with the epsilon rule for
/// the head and the z-plus rule for convolutions, as zennit's `EpsilonPlus` composite does.
///
/// [`backlit_net::relevance`] has the rules; the engine must have a
/// [`propagator`](backlit_net::Engine::propagator). Relevance begins as the objective's derivative by each logit times
/// that logit: for a logit that is the score itself, so that the map adds up to about the score. zennit's maps, which
/// begin with 1, are these divided by the logit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Lrp {
    /// Which rule is for which layer.
    pub composite: Composite,
    /// Stabiliser of the epsilon rule.
    pub epsilon: f64,
    /// Stabiliser of all other rules.
    pub stabiliser: f64,
}

impl Default for Lrp {
    /// zennit's `EpsilonPlus` with 1e-6 for both.
    fn default() -> Self {
        let LrpRules { composite, epsilon, stabiliser } = LrpRules::default();
        Lrp { composite, epsilon, stabiliser }
    }
}

impl Attribute for Lrp {
    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        let write = context.write_seeds();
        let seeds = Seeds::FromLogits { per_image: context.objectives.len(), write: &write };
        let Lrp { composite, epsilon, stabiliser } = *self;
        let rules = LrpRules { composite, epsilon, stabiliser };
        let found = context.engine.propagator()?.relevance(context.subject.image()?, seeds, &rules)?;
        let one = |values: &[f32]| {
            Attribution::of(Map { height: SIDE, width: SIDE, channels: CHANNELS, values: values.to_vec() })
        };
        Ok(found.gradient.chunks_exact(IMAGE_LEN).map(one).collect())
    }
}

#[cfg(test)]
mod tests {
    use backlit_testkit::toy::Toy;

    use super::*;
    use crate::methods::fixture::{self, Picture};
    use crate::{Recipe, Run};

    #[test]
    fn an_engine_without_relevance_says_so() {
        let (toy, picture) = (Toy::linear(vec![0.0; IMAGE_LEN]), Picture::flat([1, 2, 3]));
        let recipe = Recipe::Lrp(Lrp::default());
        let error = fixture::attributions(&toy, &picture, &fixture::class_zero(), recipe, Run::default()).unwrap_err();
        assert!(error.to_string().contains("layer-wise relevance propagation"), "{error}");
    }
}
