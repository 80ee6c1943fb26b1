//! Layer-wise relevance propagation on the CPU; [`backlit_net::relevance`] has the rules.

mod elementwise;
mod plan;
mod stem;

use backlit_net::engine::question::reserve;
use backlit_net::engine::{Gradients, check_logits};
use backlit_net::relevance::{LrpRules, Propagate};
use backlit_net::weights::{FoldedConv, Weights};
use backlit_net::{CLASSES, EngineError, IMAGE_LEN, Images, Seeds};

use crate::options::{CpuError, CpuOptions, prepare, within};
use plan::Plan;

/// Images that go through the network together: each keeps 60 MB of activations.
const BATCH: usize = 4;
/// Relevances that go down together, to share what does not depend on them.
const SEEDS: usize = 4;

/// Relevance of single precision. It holds the weights three times over, packed: 300 MB.
pub struct CpuLrp {
    plan: Plan,
    pool: Option<rayon::ThreadPool>,
}

impl CpuLrp {
    /// Folds and packs the weights of a file for this processor.
    ///
    /// # Errors
    /// Those of [`Cpu::new`](crate::Cpu::new).
    pub fn new(weights: &Weights, options: CpuOptions) -> Result<CpuLrp, CpuError> {
        let (_, token, pool) = prepare(options)?;
        let plan = within(pool.as_ref(), || Plan::new(weights, token));
        Ok(CpuLrp { plan, pool })
    }

    fn batch(
        &self,
        first: usize,
        images: Images<'_>,
        seeds: Seeds<'_>,
        rules: &LrpRules,
        logits: &mut [f32],
        out: &mut [f32],
    ) -> Result<(), EngineError> {
        let trace = self.plan.forward(images.data());
        check_logits(first, &trace.logits)?;
        logits.copy_from_slice(&trace.logits);
        let rows = logits.chunks_exact(CLASSES).enumerate();
        let rows: Vec<Vec<f32>> = rows.map(|(i, logits)| seeds.rows(first + i, logits)).collect::<Result<_, _>>()?;
        let per_image = seeds.per_image();
        let all: Vec<usize> = (0..per_image).collect();
        for group in all.chunks(SEEDS) {
            let start = |&k: &usize| -> Vec<f32> {
                let seed = rows.iter().flat_map(|rows| &rows[k * CLASSES..][..CLASSES]);
                seed.zip(&*logits).map(|(seed, logit)| seed * logit).collect()
            };
            let start: Vec<Vec<f32>> = group.iter().map(start).collect();
            for (&k, relevance) in group.iter().zip(self.plan.relevance(&trace, &start, rules)) {
                for (i, relevance) in relevance.chunks_exact(IMAGE_LEN).enumerate() {
                    out[(i * per_image + k) * IMAGE_LEN..][..IMAGE_LEN].copy_from_slice(relevance);
                }
            }
        }
        Ok(())
    }
}

impl Propagate for CpuLrp {
    fn relevance(&self, images: Images<'_>, seeds: Seeds<'_>, rules: &LrpRules) -> Result<Gradients, EngineError> {
        rules.check()?;
        seeds.check(images.len())?;
        let per_image = seeds.per_image();
        let mut logits = reserve(&[images.len(), CLASSES])?;
        let mut gradient = reserve(&[images.len(), per_image, IMAGE_LEN])?;
        within(self.pool.as_ref(), || {
            let outputs = logits.chunks_mut(BATCH * CLASSES).zip(gradient.chunks_mut(BATCH * per_image * IMAGE_LEN));
            outputs.enumerate().try_for_each(|(batch, (logits, out))| {
                let (first, n) = (batch * BATCH, logits.len() / CLASSES);
                self.batch(first, images.range(first..first + n), seeds, rules, logits, out)
            })
        })?;
        Ok(Gradients { logits, gradient, seeds_per_image: per_image })
    }
}

/// Weights and bias, what is negative set to zero.
fn positive_part(folded: &FoldedConv) -> FoldedConv {
    let positive = |values: &[f64]| values.iter().map(|v| v.max(0.0)).collect();
    FoldedConv { weight: positive(&folded.weight), bias: positive(&folded.bias) }
}
