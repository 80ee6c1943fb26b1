//! Layer-wise relevance propagation through the whole network, rule by rule.

use backlit_net::arch::{Block, Conv};
use backlit_net::engine::{Gradients, check_logits};
use backlit_net::relevance::{Composite, LrpRules, Propagate};
use backlit_net::{CLASSES, EngineError, Images, Seeds};
use rayon::prelude::*;

use crate::answer::to_f32;
use crate::ops::{lrp_average, lrp_epsilon, lrp_flat, lrp_sum, lrp_z_plus, max_pool_dgrad, residual_dgrad};
use crate::{BlockTrace, Model, Real, Reference, Trace};

/// Relevance of the activations of one image.
pub struct Relevance<T> {
    /// Of the output of each block.
    pub blocks: Vec<Vec<T>>,
    /// Of the max-pool's output, `[56, 56, 64]`.
    pub pooled: Vec<T>,
    /// Of the image, `[224, 224, 3]`.
    pub input: Vec<T>,
}

impl<T: Real> Model<T> {
    /// Hands the relevance of the logits, `[1000]`, down to the image whose forward pass left `trace`.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub fn relevance(&self, image: &[T], trace: &Trace<T>, logits: &[T], rules: &LrpRules) -> Relevance<T> {
        let (network, stabiliser) = (self.network(), rules.stabiliser);
        let mut average = vec![T::ZERO; trace.average.len()];
        lrp_epsilon(&trace.average, &self.head.weight, &trace.logits, rules.epsilon, logits, &mut average);

        let last = &trace.blocks[network.blocks.len() - 1].output;
        let mut r = vec![T::ZERO; last.len()];
        lrp_average(last, stabiliser, &average, &mut r);

        let mut of_blocks = vec![Vec::new(); network.blocks.len()];
        for block in network.blocks.iter().rev() {
            let x = block.index.checked_sub(1).map_or(&trace.pooled, |below| &trace.blocks[below].output);
            let below = self.block_relevance(block, x, &trace.blocks[block.index], &r, stabiliser);
            of_blocks[block.index] = std::mem::replace(&mut r, below);
        }

        let mut stem = vec![T::ZERO; trace.stem.len()];
        max_pool_dgrad(&(&network.pool).into(), &trace.winner, &r, &mut stem);
        let input = match rules.composite {
            Composite::EpsilonPlus => self.z_plus(&network.stem, image, &stem, stabiliser),
            Composite::EpsilonPlusFlat => {
                let mut out = vec![T::ZERO; image.len()];
                lrp_flat(&(&network.stem).into(), stabiliser, &stem, &mut out);
                out
            }
        };
        Relevance { blocks: of_blocks, pooled: r, input }
    }

    /// From the relevance of a block's output to that of its input x. ReLUs let all of it pass.
    fn block_relevance(&self, block: &Block, x: &[T], trace: &BlockTrace<T>, r: &[T], stabiliser: f64) -> Vec<T> {
        let branch = self.conv(&block.expand, &trace.spatial);
        let shortcut = block.project.as_ref().map_or_else(|| x.to_vec(), |project| self.conv(project, x));
        let (branch, shortcut) = lrp_sum(&branch, &shortcut, stabiliser, r);

        let spatial = self.z_plus(&block.expand, &trace.spatial, &branch, stabiliser);
        let reduce = self.z_plus(&block.spatial, &trace.reduce, &spatial, stabiliser);
        let mut below = self.z_plus(&block.reduce, x, &reduce, stabiliser);
        match &block.project {
            Some(project) => residual_dgrad(&mut below, &self.z_plus(project, x, &shortcut, stabiliser)),
            None => residual_dgrad(&mut below, &shortcut),
        }
        below
    }

    fn z_plus(&self, conv: &Conv, x: &[T], r: &[T], stabiliser: f64) -> Vec<T> {
        let affine = &self.convs[conv.index];
        let mut out = vec![T::ZERO; x.len()];
        lrp_z_plus(&conv.into(), x, &affine.weight, &affine.bias, stabiliser, r, &mut out);
        out
    }
}

impl<T: Real> Propagate for Reference<T> {
    fn relevance(&self, images: Images<'_>, seeds: Seeds<'_>, rules: &LrpRules) -> Result<Gradients, EngineError> {
        rules.check()?;
        seeds.check(images.len())?;
        let model = self.model();
        let one = |i: usize| {
            let cast = |&v: &f32| T::from_f64(v.into());
            let image: Vec<T> = images.get(i).data().iter().map(cast).collect();
            let trace = model.forward(&image);
            let logits = to_f32(&trace.logits);
            check_logits(i, &logits)?;
            let mut relevance = Vec::new();
            for seed in seeds.rows(i, &logits)?.chunks_exact(CLASSES) {
                let start: Vec<T> = seed.iter().zip(&trace.logits).map(|(s, &y)| cast(s) * y).collect();
                relevance.extend(to_f32(&model.relevance(&image, &trace, &start, rules).input));
            }
            Ok((logits, relevance))
        };
        let rows = (0..images.len()).into_par_iter().map(one).collect::<Result<Vec<_>, EngineError>>()?;
        let (logits, gradient): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        Ok(Gradients { logits: logits.concat(), gradient: gradient.concat(), seeds_per_image: seeds.per_image() })
    }
}
