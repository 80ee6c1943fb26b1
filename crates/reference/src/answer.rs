//! Several questions about one image, answered from one forward pass.

use backlit_net::{CLASSES, EngineError, Rule, Seeds};

use crate::{Backward, Model, Real, Trace};

/// What is to be found out.
pub(crate) struct Question<'a> {
    pub(crate) seeds: Seeds<'a>,
    /// Rules under which the gradient goes down to the image.
    pub(crate) input: &'a [Rule],
    /// Blocks whose activation and gradient are read, under which rule.
    pub(crate) taps: (Rule, &'a [usize]),
    pub(crate) features: bool,
}

/// What was found out about one or more images, image after image.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) logits: Vec<f32>,
    /// One for each rule.
    pub(crate) input: Vec<Vec<f32>>,
    /// One for each tap: activation and gradient.
    pub(crate) taps: Vec<(Vec<f32>, Vec<f32>)>,
    pub(crate) features: Vec<f32>,
}

impl Found {
    /// Appends the answers about the next image.
    pub(crate) fn extend(&mut self, next: Found) {
        self.logits.extend(next.logits);
        self.input.resize_with(next.input.len(), Vec::new);
        self.input.iter_mut().zip(next.input).for_each(|(all, next)| all.extend(next));
        self.taps.resize_with(next.taps.len(), Default::default);
        for ((activation, gradient), next) in self.taps.iter_mut().zip(next.taps) {
            activation.extend(next.0);
            gradient.extend(next.1);
        }
        self.features.extend(next.features);
    }
}

/// The answers about image `index`, given its forward pass.
pub(crate) fn answer<T: Real>(
    model: &Model<T>,
    index: usize,
    trace: &Trace<T>,
    question: &Question<'_>,
) -> Result<Found, EngineError> {
    let (rule_of_taps, taps) = question.taps;
    let mut found = Found { logits: to_f32(&trace.logits), ..Found::default() };
    found.input.resize_with(question.input.len(), Vec::new);
    found.taps = taps.iter().map(|&block| (to_f32(&trace.blocks[block].output), Vec::new())).collect();
    if question.features {
        found.features = trace.blocks.last().map(|last| to_f32(&last.output)).unwrap_or_default();
    }
    if question.input.is_empty() && taps.is_empty() {
        return Ok(found);
    }
    for seed in question.seeds.rows(index, &found.logits)?.chunks_exact(CLASSES) {
        let seed: Vec<T> = seed.iter().map(|&v| T::from_f64(v.into())).collect();
        let back = |rule, until| model.backward(trace, &seed, rule, until);
        let mut pending = !taps.is_empty();
        let mut read = |back: &Backward<T>| {
            taps.iter().zip(&mut found.taps).for_each(|(&b, (_, gradient))| gradient.extend(to_f32(&back.blocks[b])));
        };
        for (&rule, out) in question.input.iter().zip(&mut found.input) {
            let back = back(rule, None);
            out.extend(to_f32(&back.input));
            // One pass down to the image meets every tap on its way.
            if pending && rule == rule_of_taps {
                read(&back);
                pending = false;
            }
        }
        if pending {
            read(&back(rule_of_taps, taps.iter().min().copied()));
        }
    }
    Ok(found)
}

pub(crate) fn to_f32<T: Real>(values: &[T]) -> Vec<f32> {
    values.iter().map(|v| v.to_f64() as f32).collect()
}
