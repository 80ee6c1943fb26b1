//! The work behind every question: one forward pass for all of it, one backward pass for every rule.

use backlit_net::engine::check_logits;
use backlit_net::{CLASSES, EngineError, IMAGE_LEN, Images, Seeds};

use crate::network::Passes;
use crate::plan::{Pass, Place};

/// Images that go through the network together: enough to reuse weights, few enough to stay small in memory.
const BATCH: usize = 8;

/// What is to be found out.
pub(crate) struct Question<'a> {
    pub(crate) seeds: Seeds<'a>,
    /// Blocks whose outputs are wanted.
    pub(crate) outputs: &'a [usize],
    /// What is sent back; the seeds are looked at only if there is something.
    pub(crate) passes: &'a [Pass<'a>],
}

/// What was found out.
pub(crate) struct Found {
    /// `[n, 1000]`.
    pub(crate) logits: Vec<f32>,
    /// For each of [`Question::outputs`], `[n, side, side, channels]`.
    pub(crate) outputs: Vec<Vec<f32>>,
    /// For each of [`Question::passes`].
    pub(crate) back: Vec<Back>,
}

/// The gradients of one pass.
pub(crate) struct Back {
    /// For each tap of the pass, `[n, per_image, side, side, channels]`.
    pub(crate) taps: Vec<Vec<f32>>,
    /// `[n, per_image, 224, 224, 3]`, or empty.
    pub(crate) input: Vec<f32>,
}

/// An answer of `factors` floats, or an error where a plain allocation would abort.
pub(crate) fn reserve(factors: &[usize]) -> Result<Vec<f32>, EngineError> {
    let len = factors.iter().try_fold(1usize, |len, &f| len.checked_mul(f));
    let bytes = len.and_then(|len| len.checked_mul(size_of::<f32>())).unwrap_or(usize::MAX);
    let mut out = Vec::new();
    out.try_reserve_exact(bytes / size_of::<f32>()).map_err(|_| EngineError::OutOfMemory { bytes })?;
    out.resize(bytes / size_of::<f32>(), 0.0);
    Ok(out)
}

impl Found {
    fn reserve(plan: &Passes, n: usize, question: &Question<'_>) -> Result<Found, EngineError> {
        let per_image = question.seeds.per_image();
        let back = |pass: &Pass<'_>| {
            let taps = pass.taps.iter().map(|&block| reserve(&[n, per_image, plan.block_len(block)]));
            let input = if pass.input { reserve(&[n, per_image, IMAGE_LEN])? } else { Vec::new() };
            Ok(Back { taps: taps.collect::<Result<_, _>>()?, input })
        };
        Ok(Found {
            logits: reserve(&[n, CLASSES])?,
            outputs: question.outputs.iter().map(|&b| reserve(&[n, plan.block_len(b)])).collect::<Result<_, _>>()?,
            back: question.passes.iter().map(back).collect::<Result<_, EngineError>>()?,
        })
    }
}

/// Runs the batch, a few images at a time. `see(seed, place, gradient)` is shown, besides, every gradient that a pass
/// meets.
pub(crate) fn answer(
    plan: &Passes,
    images: Images<'_>,
    question: &Question<'_>,
    see: &mut (dyn FnMut(usize, Place, &[f32]) + Send),
) -> Result<Found, EngineError> {
    let (seeds, per_image) = (question.seeds, question.seeds.per_image());
    let mut found = Found::reserve(plan, images.len(), question)?;
    let met: Vec<usize> = question.passes.iter().flat_map(|pass| pass.taps).copied().collect();
    let all = question.passes.iter().any(|pass| pass.convs);
    for first in (0..images.len()).step_by(BATCH) {
        let n = BATCH.min(images.len() - first);
        let images = images.range(first..first + n);
        let tape = plan.forward(images.data(), question.outputs, &met, all, |block, output| {
            let kept = question.outputs.iter().zip(&mut found.outputs).filter(|(wanted, _)| **wanted == block);
            kept.for_each(|(_, kept)| kept[first * output.len() / n..][..output.len()].copy_from_slice(output));
        });
        check_logits(first, tape.logits())?;
        found.logits[first * CLASSES..][..n * CLASSES].copy_from_slice(tape.logits());
        if question.passes.is_empty() {
            continue;
        }
        let rows = tape.logits().chunks_exact(CLASSES).enumerate();
        let rows: Vec<Vec<f32>> = rows.map(|(i, logits)| seeds.rows(first + i, logits)).collect::<Result<_, _>>()?;
        for k in 0..per_image {
            let seed: Vec<f32> = rows.iter().flat_map(|rows| &rows[k * CLASSES..][..CLASSES]).copied().collect();
            let scatter = |out: &mut [f32], gradient: &[f32]| {
                let len = gradient.len() / n;
                for (i, gradient) in gradient.chunks_exact(len).enumerate() {
                    out[((first + i) * per_image + k) * len..][..len].copy_from_slice(gradient);
                }
            };
            for (pass, back) in question.passes.iter().zip(&mut found.back) {
                plan.backward(&tape, &seed, pass, &mut |place, gradient| {
                    match place {
                        Place::Tap(block) => {
                            let wanted = pass.taps.iter().zip(&mut back.taps).filter(|(tap, _)| **tap == block);
                            wanted.for_each(|(_, out)| scatter(out, gradient));
                        }
                        Place::Input => scatter(&mut back.input, gradient),
                        Place::Conv(_) => {}
                    }
                    see(k, place, gradient);
                });
            }
        }
    }
    Ok(found)
}

/// Runs the network from the outputs of `n` images at a block on, a few at a time.
pub(crate) fn resume(plan: &Passes, (block, n): (usize, usize), outputs: &[f32]) -> Result<Vec<f32>, EngineError> {
    let mut logits = reserve(&[n, CLASSES])?;
    let len = BATCH * plan.block_len(block);
    for (first, outputs) in outputs.chunks(len).enumerate() {
        let found = plan.resume(block, outputs);
        check_logits(first * BATCH, &found)?;
        logits[first * BATCH * CLASSES..][..found.len()].copy_from_slice(&found);
    }
    Ok(logits)
}
