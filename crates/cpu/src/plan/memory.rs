//! Where tensors lie: one slab of floats for all of them, planned once, leased for a call, used again.
//!
//! A tensor is needed from the step that writes it to the last step that reads it. Two tensors that are never needed
//! at the same time may share their place, so that a pass through 50 steps takes no more room than its widest step.
//! Places are given in floats of one image; a batch of n takes n times as many, at n times the offset. Tensors that only
//! [near](Table::near) steps use, the largest, need room for as many images as take these steps together.
//!
//! A fresh allocation of some megabytes costs a page fault for every 4 KiB, and the system zeroes each page: for a
//! whole pass that is time a layer could have used. Hence the pool of arenas: as many as calls have ever run at once.

use std::ops::{Deref, DerefMut, Range};
use std::sync::{Mutex, PoisonError};

use backlit_net::arch::{Conv, Network};
use backlit_net::{CLASSES, EngineError};

use super::shape::{Shape, map_len};
use super::steps::{Backward, Forward, Slot, Step, Table};
use crate::lanes::{GateWord, LANES};
use crate::ops::max_pool;

/// Bytes to which the slab is aligned: a cache line, so that no sixteen channels lie in two.
const LINE: usize = 64;

/// How a batch goes through the steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    /// Images.
    pub(super) n: usize,
    /// Images that take the [near](Table::near) steps together: all of them, or few.
    pub(super) together: usize,
}

impl Batch {
    /// Whether near steps are taken more than once.
    pub(super) fn in_parts(self) -> bool {
        self.together < self.n
    }

    /// All of it.
    pub(super) fn all(self) -> Part {
        Part { images: 0..self.n, batch: self }
    }

    /// Those that take the near steps together.
    pub(super) fn parts(self) -> impl Iterator<Item = Part> {
        let part = move |first| Part { images: first..self.n.min(first + self.together), batch: self };
        (0..self.n).step_by(self.together.max(1)).map(part)
    }
}

/// Some images of a batch.
#[derive(Clone, Debug)]
pub(super) struct Part {
    images: Range<usize>,
    batch: Batch,
}

impl Part {
    /// Where this part of the batch is among all, if each image has so many elements.
    pub(super) fn range(&self, len: usize) -> Range<usize> {
        self.images.start * len..self.images.end * len
    }
}

/// Where the tensors of a table lie: those of near steps first, with room for one part of the batch, then the others,
/// with room for all of it. A batch that is not taken in parts has no near tensors.
pub(super) struct Places {
    /// In floats of one image, from the begin of a tensor's region.
    offsets: Vec<usize>,
    lens: Vec<usize>,
    near: Vec<bool>,
    /// Floats of one image: near tensors, and the others.
    floats: [usize; 2],
}

impl Places {
    pub(super) fn new<Op>(table: &Table<Op>, in_parts: bool) -> Places {
        let lens = table.lens.clone();
        let near: Vec<bool> = (0..lens.len()).map(|slot| in_parts && is_near(table, slot)).collect();
        let lives: Vec<Range<usize>> = (0..lens.len()).map(|slot| life(table, slot, in_parts)).collect();
        let mut offsets = vec![0; lens.len()];
        let floats = [true, false].map(|region| {
            let slots = (0..lens.len()).filter(|&slot| near[slot] == region).collect();
            place(slots, &lens, &lives, &mut offsets)
        });
        Places { offsets, lens, near, floats }
    }

    /// Floats that a batch needs.
    pub(super) fn floats(&self, batch: Batch) -> usize {
        batch.together * self.floats[0] + batch.n * self.floats[1]
    }

    /// Where a tensor of all images lies, which is not near.
    pub(super) fn of(&self, slot: Slot, batch: Batch) -> Range<usize> {
        debug_assert!(!self.near[slot], "only a part of this tensor is there");
        self.of_part(slot, &batch.all())
    }

    /// Where a tensor of some images lies. Every part has its near tensors in the same place: there they are found in a
    /// cache.
    fn of_part(&self, slot: Slot, part: &Part) -> Range<usize> {
        let (Batch { n, together }, offset, len) = (part.batch, self.offsets[slot], self.lens[slot]);
        let (begin, images) = match self.near[slot] {
            true => (together * offset, 0..part.images.len()),
            false => (together * self.floats[0] + n * offset, part.images.clone()),
        };
        begin + images.start * len..begin + images.end * len
    }

    /// What a step reads, and what it writes; what is not there is empty.
    pub(super) fn views<'a, Op>(
        &self,
        step: &Step<Op>,
        part: &Part,
        floats: &'a mut [f32],
    ) -> ([&'a [f32]; 2], &'a mut [f32]) {
        let range = |slot: Option<Slot>| slot.map_or(0..0, |slot| self.of_part(slot, part));
        let ranges = [range(step.reads[0]), range(step.reads[1]), range(step.writes)];
        let [first, second, written] = floats.get_disjoint_mut(ranges).expect("tensors of one step lie apart");
        // In tests, a value that is read before it is written must show.
        if cfg!(debug_assertions) {
            written.fill(f32::NAN);
        }
        ([first, second], written)
    }
}

/// The step that writes a tensor, and the last that reads it, if any does.
fn ends<Op>(table: &Table<Op>, slot: Slot) -> (usize, Option<usize>) {
    let written = table.steps.iter().position(|step| step.writes == Some(slot)).unwrap_or(0);
    (written, table.steps.iter().rposition(|step| step.reads.contains(&Some(slot))))
}

/// Whether a tensor is written and read by near steps alone. The last tensor of a table, which no step reads, is not.
fn is_near<Op>(table: &Table<Op>, slot: Slot) -> bool {
    let (written, read) = ends(table, slot);
    table.near.contains(&written) && read.is_some_and(|read| table.near.contains(&read))
}

/// The steps at which a tensor is needed. Where near steps are taken more than once, what enters or leaves them is
/// needed by all of them.
fn life<Op>(table: &Table<Op>, slot: Slot, in_parts: bool) -> Range<usize> {
    let (written, read) = ends(table, slot);
    let (life, near) = (written..read.unwrap_or(written) + 1, &table.near);
    if !in_parts || is_near(table, slot) || life.end <= near.start || life.start >= near.end {
        return life;
    }
    life.start.min(near.start)..life.end.max(near.end)
}

/// Gives each of some tensors the lowest place that is free for as long as it is needed, the longest tensors first.
/// Returns how many floats that takes.
fn place(mut slots: Vec<Slot>, lens: &[usize], lives: &[Range<usize>], offsets: &mut [usize]) -> usize {
    slots.sort_by_key(|&slot| (std::cmp::Reverse(lens[slot]), slot));
    for (i, &slot) in slots.iter().enumerate() {
        let (life, len) = (&lives[slot], lens[slot]);
        let at_once = |other: &&Slot| lives[**other].start < life.end && life.start < lives[**other].end;
        let placed = slots[..i].iter().filter(at_once);
        let mut taken: Vec<_> = placed.map(|&other| offsets[other]..offsets[other] + lens[other]).collect();
        taken.sort_by_key(|taken| taken.start);
        let first_gap =
            |at: usize, taken: &Range<usize>| if at + len <= taken.start { Err(at) } else { Ok(at.max(taken.end)) };
        offsets[slot] = taken.iter().try_fold(0, first_gap).unwrap_or_else(|gap| gap);
    }
    slots.iter().map(|&slot| offsets[slot] + lens[slot]).max().unwrap_or(0)
}

/// Where the gate bits of one block lie, in words of one image.
#[derive(Clone, Copy)]
pub(super) struct BlockGates {
    pub(super) reduce: (usize, usize),
    pub(super) spatial: (usize, usize),
    pub(super) output: (usize, usize),
}

/// The range of some images' words, of a place in words of one image.
pub(super) fn words((offset, len): (usize, usize), part: &Part) -> Range<usize> {
    let (begin, range) = (part.batch.n * offset, part.range(len));
    begin + range.start..begin + range.end
}

/// Where everything lies.
pub(super) struct Layout {
    pub(super) forward: Places,
    pub(super) backward: Places,
    pub(super) gates: Vec<BlockGates>,
    /// Words of one image.
    words: usize,
}

impl Layout {
    pub(super) fn new(
        network: &Network,
        shapes: &[Shape],
        forward: &Table<Forward>,
        backward: &Table<Backward>,
        in_parts: bool,
    ) -> Layout {
        let mut words = 0;
        let mut place = |floats: usize| {
            words += floats / LANES;
            (words - floats / LANES, floats / LANES)
        };
        let mut place = |conv: &Conv, compact| place(map_len(conv.side_out(), conv.c_out, compact));
        let gates = network.blocks.iter().zip(shapes).map(|(block, shape)| BlockGates {
            reduce: place(&block.reduce, false),
            spatial: place(&block.spatial, shape.output),
            output: place(&block.expand, shape.output),
        });
        let gates = gates.collect();
        Layout { forward: Places::new(forward, in_parts), backward: Places::new(backward, in_parts), gates, words }
    }
}

/// Memory for one call at a time.
#[derive(Default)]
pub(super) struct Arena {
    /// Activations and gradients, each for as long as it is needed.
    pub(super) slab: Slab,
    pub(super) kept: Kept,
}

/// Floats from a cache line on.
#[derive(Default)]
pub(super) struct Slab {
    data: Vec<f32>,
    /// Where the first whole cache line begins.
    start: usize,
}

/// What outlives the pass that wrote it.
#[derive(Default)]
pub(super) struct Kept {
    /// Gate bits of the forward pass.
    pub(super) gates: Vec<GateWord>,
    /// Winners of the max-pool.
    pub(super) codes: Vec<u8>,
    /// `[n, 1000]`.
    pub(super) logits: Vec<f32>,
    /// One seed an image, `[n, 1000]`.
    pub(super) seeds: Vec<f32>,
    /// All seeds of all images, `[n, per_image, 1000]`.
    pub(super) rows: Vec<f32>,
}

impl Slab {
    pub(super) fn floats(&mut self) -> &mut [f32] {
        &mut self.data[self.start..]
    }

    fn grow(&mut self, floats: usize) -> Result<(), EngineError> {
        let spare = LINE / size_of::<f32>();
        if self.data.len() < floats + spare {
            grow(&mut self.data, floats + spare)?;
            self.start = self.data.as_ptr().align_offset(LINE);
        }
        Ok(())
    }
}

impl Arena {
    /// Makes room for a batch and `per_image` seeds for each image.
    fn grow(&mut self, layout: &Layout, batch: Batch, per_image: usize) -> Result<(), EngineError> {
        let n = batch.n;
        self.slab.grow(layout.forward.floats(batch).max(layout.backward.floats(batch)))?;
        let Kept { gates, codes, logits, seeds, rows } = &mut self.kept;
        grow(gates, n * layout.words)?;
        grow(codes, n * max_pool::CODES_LEN)?;
        grow(logits, n * CLASSES)?;
        grow(seeds, n * CLASSES)?;
        grow(rows, (n * CLASSES).saturating_mul(per_image))
    }
}

/// Replaces what is too short; an error where a plain allocation would abort.
fn grow<T: Clone + Default>(vec: &mut Vec<T>, len: usize) -> Result<(), EngineError> {
    if vec.len() < len {
        *vec = Vec::new();
        vec.try_reserve_exact(len)
            .map_err(|_| EngineError::OutOfMemory { bytes: len.saturating_mul(size_of::<T>()) })?;
        vec.resize(len, T::default());
    }
    Ok(())
}

/// Arenas that nobody uses at the moment.
#[derive(Default)]
pub(super) struct Arenas(Mutex<Vec<Arena>>);

/// An arena on loan; it goes back when dropped.
pub(super) struct Lease<'a> {
    owner: &'a Arenas,
    arena: Arena,
}

impl Arenas {
    /// An arena with room for a batch. Nobody waits for one that is in use: a second call gets a second arena.
    pub(super) fn lease(&self, layout: &Layout, batch: Batch, per_image: usize) -> Result<Lease<'_>, EngineError> {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The one that was used last is the one of which most is still in a cache.
        let arena = free.pop().unwrap_or_default();
        drop(free);
        let mut lease = Lease { owner: self, arena };
        lease.arena.grow(layout, batch, per_image)?;
        Ok(lease)
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let arena = std::mem::take(&mut self.arena);
        self.owner.0.lock().unwrap_or_else(PoisonError::into_inner).push(arena);
    }
}

impl Deref for Lease<'_> {
    type Target = Arena;

    fn deref(&self) -> &Arena {
        &self.arena
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut Arena {
        &mut self.arena
    }
}

#[cfg(test)]
mod tests {
    use backlit_net::Variant;

    use super::*;

    const ONE: Batch = Batch { n: 1, together: 1 };

    /// Goes through a table as a pass does, and remembers of every sixteen floats which tensor and image wrote them last:
    /// each step must find what it reads.
    fn walk<Op: Copy>(table: &Table<Op>, batch: Batch) {
        let places = Places::new(table, batch.in_parts());
        let mut memory = vec![None; places.floats(batch) / LANES];
        let mut step = |step: &Step<Op>, part: &Part| {
            let tags = |slot: Slot| {
                let each = places.lens[slot] / LANES;
                part.images.clone().flat_map(move |image| (0..each).map(move |at| Some((slot, image, at))))
            };
            let range = |slot| {
                let floats = places.of_part(slot, part);
                assert!([floats.start, floats.end].iter().all(|at| at.is_multiple_of(LANES)));
                floats.start / LANES..floats.end / LANES
            };
            for slot in step.reads.into_iter().flatten() {
                assert!(tags(slot).eq(memory[range(slot)].iter().copied()), "tensor {slot} of {part:?} is not there");
            }
            if let Some(slot) = step.writes {
                memory[range(slot)].iter_mut().zip(tags(slot)).for_each(|(memory, tag)| *memory = tag);
            }
        };
        let (before, rest) = table.steps.split_at(table.near.start);
        let (near, after) = rest.split_at(table.near.len());
        before.iter().for_each(|s| step(s, &batch.all()));
        batch.parts().for_each(|part| near.iter().for_each(|s| step(s, &part)));
        after.iter().for_each(|s| step(s, &batch.all()));
        if let Some(slot) = table.steps.last().and_then(|step| step.writes) {
            let found = memory[places.of(slot, batch).start / LANES..][..places.of(slot, batch).len() / LANES].iter();
            assert!(found.enumerate().all(|(i, tag)| tag.is_some_and(|(s, image, at)| {
                let each = places.lens[slot] / LANES;
                (s, image, at) == (slot, i / each, i % each)
            })));
        }
    }

    /// A batch that is not taken in parts needs as much as its widest step, and one that is no more than that.
    fn nothing_is_wasted<Op>(table: &Table<Op>) {
        let lives: Vec<_> = (0..table.lens.len()).map(|slot| life(table, slot, false)).collect();
        let width = |at: usize| {
            let now = (0..lives.len()).filter(|&slot| lives[slot].contains(&at));
            now.map(|slot| table.lens[slot]).sum::<usize>()
        };
        let widest = (0..table.steps.len()).map(width).max().unwrap_or(0);
        let whole = Places::new(table, false);
        assert_eq!(whole.floats(Batch { n: 8, together: 8 }), 8 * widest);
        let parts = Places::new(table, true).floats(Batch { n: 8, together: 1 });
        assert!(3 * parts <= 2 * 8 * widest, "{parts} floats in parts of one, {widest} an image at once");
    }

    #[test]
    fn every_step_finds_what_it_reads_and_nothing_is_wasted() {
        for variant in [Variant::V1, Variant::V1_5] {
            let network = Network::of(variant);
            for dead_code in [true, false] {
                let shapes = Shape::of(network, dead_code);
                let (forward, backward) = (Table::forward(network, &shapes), Table::backward(network, &shapes));
                for batch in [(1, 1), (3, 3), (5, 2), (4, 1)].map(|(n, together)| Batch { n, together }) {
                    walk(&forward, batch);
                    walk(&backward, batch);
                }
                nothing_is_wasted(&forward);
                nothing_is_wasted(&backward);
            }
        }
    }

    fn layout() -> Layout {
        let network = Network::of(Variant::V1);
        let shapes = Shape::of(network, true);
        Layout::new(network, &shapes, &Table::forward(network, &shapes), &Table::backward(network, &shapes), false)
    }

    #[test]
    fn what_was_given_back_is_used_again() {
        let layout = layout();
        let arenas = Arenas::default();
        let (mut one, mut two) = (arenas.lease(&layout, ONE, 1).unwrap(), arenas.lease(&layout, ONE, 1).unwrap());
        let at = [one.slab.floats().as_ptr(), two.slab.floats().as_ptr()];
        assert!(at[0] != at[1] && at.iter().all(|at| at.addr().is_multiple_of(LINE)));
        drop(one);
        drop(two);
        assert_eq!(arenas.lease(&layout, ONE, 1).unwrap().slab.floats().as_ptr(), at[1]);
    }

    #[test]
    fn what_no_machine_has_is_refused() {
        let layout = layout();
        let refused = Arenas::default().lease(&layout, ONE, usize::MAX / 10).err();
        assert!(matches!(refused, Some(EngineError::OutOfMemory { .. })), "{refused:?}");
    }
}
