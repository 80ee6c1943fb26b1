//! One GPU at work: batches in, answers out.
//!
//! ```text
//! host   images -> page-locked      seeds -> page-locked             page-locked -> answer
//!          copy |  (beside the kernels of the batch before)            ^ copy
//! GPU           v  stem  [ blocks ]  head   head'  [ blocks' ]  stem'  |
//! ```
//!
//! What is in brackets is one graph; what is marked `'` is the way back, run once for every seed and rule. The next
//! batch travels to the device while the one before is computed, and gradients travel back while the next are.

mod batch;
mod memory;
mod moments;
mod parts;
mod timing;
mod unpool;

pub(crate) use batch::See;
pub(crate) use memory::Memory;
pub(crate) use parts::Parts;
pub use timing::KernelTimes;

use backlit_net::engine::check_logits;
use backlit_net::engine::question::{Question, reserve};
use backlit_net::{CLASSES, EngineError, Seeds};

use crate::CudaError;
use crate::answer::{Room, scatter};
use crate::ops::sample::Source;
use crate::plan::{Layout, Plan, Sharing};
use batch::Batch;
use moments::Samples;

/// Plans that are kept: for the usual sizes of batches, and for what is left over of them.
const PLANS: usize = 8;

/// A GPU with weights, memory and plans.
pub(crate) struct Machine {
    parts: Parts,
    sharing: Sharing,
    /// Images at a time, at most.
    limit: usize,
    memory: Option<Memory>,
    /// The one used last is last.
    plans: Vec<Plan>,
    samples: Option<Samples>,
}

/// Gradients of the input on their way to the host.
struct Delivery {
    slot: usize,
    pass: usize,
    seed: usize,
    first: usize,
    images: usize,
}

impl From<CudaError> for EngineError {
    fn from(error: CudaError) -> EngineError {
        EngineError::Device { reason: error.to_string() }
    }
}

impl Machine {
    /// With the memory of no image yet.
    pub(crate) fn new(parts: Parts, limit: usize, sharing: Sharing) -> Machine {
        Machine { parts, sharing, limit, memory: None, plans: Vec::new(), samples: None }
    }

    /// Answers a question about `images`; `first` is the number of the first of them among those of the seeds. `see`
    /// is shown, besides, the gradient of every convolution's output; only for a single image.
    pub(crate) fn answer(
        &mut self,
        images: &[f32],
        first: usize,
        question: &Question<'_>,
        mut room: Room<'_>,
        mut see: Option<&mut See<'_>>,
    ) -> Result<(), EngineError> {
        let len = self.parts.image_len();
        let whole = see.is_some() || self.asks_for_the_whole(question.blocks());
        let size = self.make_room(images.len() / len, whole)?;
        let chunks: Vec<&[f32]> = images.chunks(size * len).collect();
        let (seeds, per_image) = (question.seeds, question.seeds.per_image());
        let mut deliveries = Deliveries::default();
        self.batch(chunks[0].len() / len, whole)?.bring(0, chunks[0])?;
        for (i, chunk) in chunks.iter().enumerate() {
            let (done, n) = (i * size, chunk.len() / len);
            let mut batch = self.batch(n, whole)?;
            let x = batch.memory.x[i % 2].here();
            batch.stem(Source::Pictures(x))?;
            batch.memory.x[i % 2].release(&batch.parts.stream)?;
            batch.forward(question.outputs, &mut |output, image, len, values| {
                scatter(values, len, room.outputs[output], done + image, (0, 1));
            })?;
            batch.head()?;
            if let Some(next) = chunks.get(i + 1) {
                batch.bring((i + 1) % 2, next)?;
            }
            let logits = &mut room.logits[done * CLASSES..][..n * CLASSES];
            let known = matches!(seeds, Seeds::Rows { .. });
            if !known || question.passes.is_empty() {
                batch.logits(logits)?;
                check_logits(first + done, logits)?;
            }
            if question.passes.is_empty() {
                continue;
            }
            let rows = rows(&seeds, first + done, n, logits)?;
            for k in 0..per_image {
                let slot = k % 2;
                batch.bring_seeds(slot, k, &rows)?;
                for (p, pass) in question.passes.iter().enumerate() {
                    let out = deliveries.next_slot();
                    if pass.input {
                        deliveries.unload(out, batch.memory, len, per_image, &mut room)?;
                    }
                    let back = &mut room.back[p];
                    let mut tap = |tap: usize, image: usize, len: usize, values: &[f32]| {
                        scatter(values, len, back.taps[tap], done + image, (k, per_image));
                    };
                    let mut shown =
                        see.as_deref_mut().map(|see| move |conv: usize, values: &[f32]| see(k, conv, values));
                    let shown = shown.as_mut().map(|f| f as &mut (dyn FnMut(usize, &[f32]) + Send));
                    batch.backward(slot, pass, &mut tap, shown)?;
                    if pass.input {
                        batch.stem_back(out, pass.rule)?;
                        deliveries.sent(Delivery { slot: out, pass: p, seed: k, first: done, images: n });
                    }
                }
                batch.memory.seeds[slot].release(&batch.parts.stream)?;
            }
            if known {
                let logits = &mut room.logits[done * CLASSES..][..n * CLASSES];
                batch.logits(logits)?;
                check_logits(first + done, logits)?;
            }
        }
        if let Some(memory) = &mut self.memory {
            (0..2).try_for_each(|slot| deliveries.unload(slot, memory, len, per_image, &mut room))?;
        }
        Ok(())
    }

    /// Runs the network from the outputs of images at a block on, `[n, side, side, channels]`.
    /// `first` is the number of the first of them.
    pub(crate) fn resume(
        &mut self,
        block: usize,
        outputs: &[f32],
        first: usize,
        logits: &mut [f32],
    ) -> Result<(), EngineError> {
        let len = self.parts.published.blocks[block].output.len();
        let whole = self.asks_for_the_whole(std::iter::once(block));
        let size = self.make_room(outputs.len() / len, whole)?;
        for (i, chunk) in outputs.chunks(size * len).enumerate() {
            let n = chunk.len() / len;
            let mut batch = self.batch(n, whole)?;
            batch.enter(block + 1, len, chunk)?;
            batch.forward_from(block + 1)?;
            batch.head()?;
            let logits = &mut logits[i * size * CLASSES..][..n * CLASSES];
            batch.logits(logits)?;
            check_logits(first + i * size, logits)?;
        }
        Ok(())
    }

    /// Whether a block is looked at that is otherwise computed in part.
    fn asks_for_the_whole(&self, mut blocks: impl Iterator<Item = usize>) -> bool {
        blocks.any(|block| !self.parts.convs[0].geometry.is_whole(block))
    }

    /// Sees to it that there is memory for `images` images, or for as many at a time as fit; answers for how many to
    /// use it together, so that all batches are about the same.
    fn make_room(&mut self, images: usize, whole: bool) -> Result<usize, CudaError> {
        let mut wanted = images.min(self.limit).max(1);
        loop {
            let batches = images.div_ceil(wanted).max(1);
            let size = images.div_ceil(batches).max(1);
            let bytes = self.layout(size, whole).total();
            if self.memory.as_ref().is_some_and(|m| m.images >= size && m.arena.bytes() >= bytes) {
                return Ok(size);
            }
            // What a plan recorded points into memory that goes now.
            self.plans.clear();
            let held = self.memory.take().map_or((0, 0), |m| (m.images, m.arena.bytes()));
            match Memory::new(&self.parts, size.max(held.0), bytes.max(held.1)) {
                Ok(memory) => {
                    self.memory = Some(memory);
                    return Ok(size);
                }
                Err(CudaError::OutOfMemory { .. }) if size > 1 => {
                    wanted = size.div_ceil(2);
                    self.limit = wanted;
                }
                Err(other) => return Err(other),
            }
        }
    }

    fn layout(&self, n: usize, whole: bool) -> Layout {
        Layout::new(&self.parts.convs[usize::from(whole)].geometry, self.parts.format, n, self.sharing)
    }

    /// Everything for a batch of `n` images, for which [`Machine::make_room`] made room.
    fn batch(&mut self, n: usize, whole: bool) -> Result<Batch<'_>, CudaError> {
        let plan = match self.plans.iter().position(|plan| plan.is_for(n, whole)) {
            Some(at) => self.plans.remove(at),
            None => Plan::new(n, whole, self.layout(n, whole)),
        };
        if self.plans.len() == PLANS {
            self.plans.remove(0);
        }
        self.plans.push(plan);
        match (&mut self.memory, self.plans.last_mut()) {
            (Some(memory), Some(plan)) => Ok(Batch { parts: &self.parts, memory, plan, n, whole }),
            _ => Err(CudaError::Shape { op: "batch", problem: "no room was made for it".into() }),
        }
    }
}

/// The rows of seeds of `n` images from number `first` on: of every image `[per_image, 1000]`.
fn rows<'a>(
    seeds: &'a Seeds<'_>,
    first: usize,
    n: usize,
    logits: &[f32],
) -> Result<std::borrow::Cow<'a, [f32]>, EngineError> {
    let len = seeds.per_image() * CLASSES;
    match seeds {
        Seeds::Rows { data, .. } => Ok(data[first * len..][..n * len].into()),
        Seeds::FromLogits { .. } => {
            let mut all = reserve(&[n, len])?;
            for (i, (rows, logits)) in all.chunks_exact_mut(len).zip(logits.chunks_exact(CLASSES)).enumerate() {
                rows.copy_from_slice(&seeds.rows(first + i, logits)?);
            }
            Ok(all.into())
        }
    }
}

/// What is on its way to the host, by slot.
#[derive(Default)]
struct Deliveries {
    waiting: [Option<Delivery>; 2],
    next: usize,
}

impl Deliveries {
    fn next_slot(&self) -> usize {
        self.next
    }

    fn sent(&mut self, delivery: Delivery) {
        self.next = 1 - delivery.slot;
        let slot = delivery.slot;
        self.waiting[slot] = Some(delivery);
    }

    /// Waits for what a slot holds and puts it where it belongs.
    fn unload(
        &mut self,
        slot: usize,
        memory: &mut Memory,
        len: usize,
        per_image: usize,
        room: &mut Room<'_>,
    ) -> Result<(), EngineError> {
        let Some(d) = self.waiting[slot].take() else { return Ok(()) };
        let to = &mut *room.back[d.pass].input;
        memory.dx[slot].look(|values| scatter(&values[..d.images * len], len, to, d.first, (d.seed, per_image)))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
