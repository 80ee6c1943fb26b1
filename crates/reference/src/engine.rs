//! The oracle behind the [`Engine`] contract.

use backlit_net::arch::Network;
use backlit_net::engine::{EngineInfo, Features, Gradients, Logits, Precision, TapGradients, check_logits};
use backlit_net::weights::Weights;
use backlit_net::{Engine, EngineError, Images, Rule, Seeds, Tap};
use rayon::prelude::*;

use crate::{Backward, Model, Real, Trace};

/// [`Model`] as an [`Engine`]: one image a thread, each computed alone by plain loops.
pub struct Reference<T> {
    model: Model<T>,
}

impl<T: Real> Reference<T> {
    /// Folds and converts a weights file.
    pub fn new(weights: &Weights) -> Reference<T> {
        Reference { model: Model::new(weights) }
    }

    /// The model, for those who want to see every activation.
    pub fn model(&self) -> &Model<T> {
        &self.model
    }

    fn forward(&self, image: Images<'_>) -> Trace<T> {
        let image: Vec<T> = image.data().iter().map(|&v| T::from_f64(v.into())).collect();
        self.model.forward(&image)
    }

    /// Runs `each(index, trace)` for every image, in parallel, and returns the results in order.
    fn map<R: Send>(
        &self,
        images: Images<'_>,
        each: impl Fn(usize, &Trace<T>) -> Result<R, EngineError> + Sync,
    ) -> Result<Vec<R>, EngineError> {
        let one = |i| {
            let trace = self.forward(images.get(i));
            check_logits(i, &to_f32(&trace.logits))?;
            each(i, &trace)
        };
        (0..images.len()).into_par_iter().map(one).collect()
    }

    /// As [`map`](Self::map), with the gradients of every seed.
    fn map_seeds<R: Send>(
        &self,
        images: Images<'_>,
        seeds: Seeds<'_>,
        rule: Rule,
        until: Option<usize>,
        each: impl Fn(&Trace<T>, Vec<Backward<T>>) -> R + Sync,
    ) -> Result<Vec<R>, EngineError> {
        seeds.check(images.len())?;
        self.map(images, |i, trace| {
            let rows = seeds.rows(i, &to_f32(&trace.logits))?;
            let back = rows.chunks_exact(trace.logits.len()).map(|seed| {
                let seed: Vec<T> = seed.iter().map(|&v| T::from_f64(v.into())).collect();
                self.model.backward(trace, &seed, rule, until)
            });
            let back = back.collect();
            Ok(each(trace, back))
        })
    }
}

fn to_f32<T: Real>(values: &[T]) -> Vec<f32> {
    values.iter().map(|v| v.to_f64() as f32).collect()
}

impl<T: Real> Engine for Reference<T> {
    fn info(&self) -> EngineInfo {
        let precision = if size_of::<T>() == 8 { Precision::F64 } else { Precision::F32 };
        EngineInfo { name: "reference", precision, isa: "portable".into(), threads: rayon::current_num_threads() }
    }

    fn network(&self) -> &'static Network {
        self.model.network()
    }

    fn predict(&self, images: Images<'_>) -> Result<Logits, EngineError> {
        let rows = self.map(images, |_, trace| Ok(to_f32(&trace.logits)))?;
        Ok(Logits { data: rows.concat() })
    }

    fn gradient(&self, images: Images<'_>, seeds: Seeds<'_>, rule: Rule) -> Result<Gradients, EngineError> {
        let rows = self.map_seeds(images, seeds, rule, None, |trace, back| {
            let gradients: Vec<f32> = back.iter().flat_map(|b| to_f32(&b.input)).collect();
            (to_f32(&trace.logits), gradients)
        })?;
        let (logits, gradient): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        Ok(Gradients { logits: logits.concat(), gradient: gradient.concat(), seeds_per_image: seeds.per_image() })
    }

    fn features(&self, images: Images<'_>) -> Result<Features, EngineError> {
        let rows = self.map(images, |_, trace| {
            let last = trace.blocks.last().expect("the network has blocks");
            Ok((to_f32(&trace.logits), to_f32(&last.output)))
        })?;
        let (logits, data): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        Ok(Features { logits: logits.concat(), data: data.concat() })
    }

    fn gradient_at(
        &self,
        images: Images<'_>,
        seeds: Seeds<'_>,
        rule: Rule,
        tap: Tap,
    ) -> Result<TapGradients, EngineError> {
        let index = tap.block()?;
        let rows = self.map_seeds(images, seeds, rule, Some(index), |trace, back| {
            let gradients: Vec<f32> = back.iter().flat_map(|b| to_f32(&b.blocks[index])).collect();
            (to_f32(&trace.logits), (to_f32(&trace.blocks[index].output), gradients))
        })?;
        let (logits, pairs): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let (activation, gradient): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let block = &self.network().blocks[index];
        Ok(TapGradients {
            logits: logits.concat(),
            side: block.side_out(),
            channels: block.c_out(),
            activation: activation.concat(),
            gradient: gradient.concat(),
            seeds_per_image: seeds.per_image(),
        })
    }
}
