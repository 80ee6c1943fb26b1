//! One GPU at work: batches in, answers out.
//!
//! ```text
//! host   images -> page-locked     rows of seeds -> page-locked        page-locked -> answer
//!            copy |  (beside the kernels of the batch before)               ^ copy
//! GPU            stem, [ blocks ], head -> logits    head', [ blocks' ], stem' -> dx
//! ```
//!
//! What is in brackets is a graph; what is marked `'` is the way back, run once for every seed and rule. The next batch
//! travels to the device while the one before is computed, and gradients travel back while the next are.

mod memory;
mod parts;
mod steps;

pub(crate) use memory::Memory;
pub(crate) use parts::Parts;

use backlit_net::arch::BLOCKS;
use backlit_net::engine::check_logits;
use backlit_net::{CLASSES, EngineError, Rule, Seeds};

use crate::answer::{Pass, Question, Room, scatter};
use crate::ops::sample::Source;
use crate::plan::{Layout, Plan, Shared, Sharing};
use crate::planes::Span;
use crate::{CudaError, Stream};

/// Plans that are kept: for the usual sizes of batches, and for what is left over of them.
const PLANS: usize = 8;

/// A GPU with weights, memory and plans.
pub(crate) struct Machine {
    parts: Parts,
    sharing: Sharing,
    /// Images at a time, at most.
    limit: usize,
    memory: Option<Memory>,
    /// Used last, last.
    plans: Vec<Plan>,
}

/// Shown the gradient of every convolution's output: `see(seed, convolution, gradient)`.
pub(crate) type See<'a> = dyn FnMut(usize, usize, &[f32]) + Send + 'a;

/// A gradient on its way to the host.
struct Delivery {
    slot: usize,
    pass: usize,
    seed: usize,
    first: usize,
    n: usize,
}

impl Machine {
    /// With the memory of no image yet.
    pub(crate) fn new(parts: Parts, limit: usize, sharing: Sharing) -> Machine {
        Machine { parts, sharing, limit, memory: None, plans: Vec::new() }
    }

    /// What it was made of.
    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Answers a question about `images`; `first` is the number of the first of them for whoever asks.
    pub(crate) fn answer(
        &mut self,
        images: &[f32],
        first: usize,
        question: &Question<'_>,
        mut room: Room<'_>,
        mut see: Option<&mut See<'_>>,
    ) -> Result<(), EngineError> {
        let len = self.parts.image_len();
        let total = images.len() / len;
        let thinned = |block: usize| !self.parts.convs[0].geometry.is_whole(block);
        let whole = see.is_some() || question.blocks().any(thinned);
        let size = self.make_room(total, whole)?;
        let chunks: Vec<&[f32]> = images.chunks(size * len).collect();
        let mut pending: Vec<Delivery> = Vec::new();
        let mut slots = 0;
        self.bring(0, chunks[0])?;
        for (i, chunk) in chunks.iter().enumerate() {
            let (done, n) = (i * size, chunk.len() / len);
            let mut work = self.work(n, whole)?;
            let x = work.memory.x[i % 2].here();
            work.stem(Source::Pictures(x))?;
            work.memory.x[i % 2].release(work.stream())?;
            work.forward(question.outputs, &mut |index, part, values| {
                room.outputs[index][(done + part) * values.len() / part_len(values, 1)..][..0].len();
                let _ = (index, part, values);
            })?;
            let _ = (n, first, &mut pending, &mut slots, &mut see);
        }
        Ok(())
    }
}
