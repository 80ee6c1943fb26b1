//! The work behind every question: one forward pass for all of it, one backward pass for every rule and seed.

use backlit_net::arch::Network;
use backlit_net::engine::check_logits;
use backlit_net::engine::question::{Found, Question, reserve};
use backlit_net::{CLASSES, EngineError, Images};

use crate::plan::{Place, part};
use crate::run::Passes;

/// Images that go through the network together at most: enough to reuse weights, few enough to stay small in memory.
const BATCH: usize = 8;

/// Runs the batch, a few images at a time. `see(seed, place, gradient)` is shown, besides, the gradients that are asked
/// for; with `convs` every one that a pass meets.
pub(crate) fn answer(
    plan: &Passes,
    network: &Network,
    images: Images<'_>,
    question: &Question<'_>,
    convs: bool,
    see: &mut (dyn FnMut(usize, Place, &[f32]) + Send),
) -> Result<Found, EngineError> {
    let per_image = if question.passes.is_empty() { 0 } else { question.seeds.per_image() };
    let mut found = Found::reserve(network, images.len(), question)?;
    let part = part(images.len(), BATCH);
    let every = if convs { 0..network.blocks.len() } else { 0..0 };
    for first in (0..images.len()).step_by(part) {
        let n = part.min(images.len() - first);
        let looked_at = question.blocks().chain(every.clone());
        let mut run = plan.run(n, per_image, looked_at, question.outputs)?;
        run.forward(images.range(first..first + n).data(), &mut |block, output| {
            let kept = question.outputs.iter().zip(&mut found.outputs).filter(|(wanted, _)| **wanted == block);
            kept.for_each(|(_, kept)| kept[first * output.len() / n..][..output.len()].copy_from_slice(output));
        });
        check_logits(first, run.logits())?;
        found.logits[first * CLASSES..][..n * CLASSES].copy_from_slice(run.logits());
        if per_image > 0 {
            run.write_seeds(first, question.seeds)?;
        }
        for k in 0..per_image {
            run.choose_seed(k, per_image);
            let scatter = |out: &mut [f32], gradient: &[f32]| {
                let len = gradient.len() / n;
                for (i, gradient) in gradient.chunks_exact(len).enumerate() {
                    out[((first + i) * per_image + k) * len..][..len].copy_from_slice(gradient);
                }
            };
            for (pass, back) in question.passes.iter().zip(&mut found.back) {
                run.backward(pass, convs, &mut |place, gradient| {
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
    let (part, len) = (part(n, BATCH), plan.block_len(block));
    for (outputs, logits) in outputs.chunks(part * len).zip(logits.chunks_mut(part * CLASSES)) {
        let mut run = plan.run(outputs.len() / len, 0, std::iter::once(block), &[])?;
        run.resume(block, outputs);
        logits.copy_from_slice(run.logits());
    }
    check_logits(0, &logits)?;
    Ok(logits)
}
