//! Where tensors lie: one slab of floats for all of them, planned once, leased for a call, used again.
//!
//! A tensor is needed from the step that writes it to the last step that reads it. Two tensors that are never needed
//! at the same time may share their place, so that a pass through 50 steps takes no more room than its widest step.
//! Places are given in floats of one image; a batch of n takes n times as many, at n times the offset.
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

/// Some images of a batch.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Which.
    pub(super) images: Range<usize>,
    /// Images of the batch.
    pub(super) of: usize,
}

impl Part {
    pub(super) fn all(n: usize) -> Part {
        Part { images: 0..n, of: n }
    }

    /// Images.
    pub(super) fn len(&self) -> usize {
        self.images.len()
    }

    /// The part of a batch whose images have so many elements each.
    pub(super) fn range(&self, len: usize) -> Range<usize> {
        self.images.start * len..self.images.end * len
    }
}

/// Where the tensors of a table lie.
pub(super) struct Places {
    /// In floats of one image.
    offsets: Vec<usize>,
    lens: Vec<usize>,
    /// Whether nobody but near steps uses a tensor: then every part of a batch may use the place of the first.
    near: Vec<bool>,
    /// Floats of one image, for all of them.
    pub(super) floats: usize,
}

impl Places {
    /// Gives every tensor the lowest place that is free for as long as it is needed, the longest tensors first.
    pub(super) fn new<Op>(table: &Table<Op>) -> Places {
        let lives: Vec<Range<usize>> = (0..table.lens.len()).map(|slot| life(table, slot)).collect();
        let mut order: Vec<Slot> = (0..table.lens.len()).collect();
        order.sort_by_key(|&slot| (std::cmp::Reverse(table.lens[slot]), slot));

        let (mut offsets, mut placed) = (vec![0; table.lens.len()], Vec::<Slot>::new());
        for slot in order {
            let (life, len) = (&lives[slot], table.lens[slot]);
            let at_once = |other: &&Slot| lives[**other].start < life.end && life.start < lives[**other].end;
            let mut taken: Vec<_> = placed
                .iter()
                .filter(at_once)
                .map(|&other| offsets[other]..offsets[other] + table.lens[other])
                .collect();
            taken.sort_by_key(|taken| taken.start);
            let first_gap =
                |at: usize, taken: &Range<usize>| if at + len <= taken.start { Err(at) } else { Ok(at.max(taken.end)) };
            offsets[slot] = taken.iter().try_fold(0, first_gap).unwrap_or_else(|gap| gap);
            placed.push(slot);
        }
        let floats = (0..offsets.len()).map(|slot| offsets[slot] + table.lens[slot]).max().unwrap_or(0);
        let near = (0..table.lens.len()).map(|slot| is_near(table, slot)).collect();
        Places { offsets, lens: table.lens.clone(), near, floats }
    }

    /// Where a tensor of `n` images lies.
    pub(super) fn of(&self, slot: Slot, n: usize) -> Range<usize> {
        self.of_part(slot, &Part::all(n))
    }

    /// Where a tensor of some images lies.
    fn of_part(&self, slot: Slot, part: &Part) -> Range<usize> {
        let (begin, len) = (part.of * self.offsets[slot], self.lens[slot]);
        let images = if self.near[slot] { 0..part.len() } else { part.images.clone() };
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

/// The steps at which a tensor is needed. The near steps are taken more than once, so what enters or leaves them is
/// needed by all of them.
fn life<Op>(table: &Table<Op>, slot: Slot) -> Range<usize> {
    let (written, read) = ends(table, slot);
    let life = written..read.unwrap_or(written) + 1;
    let near = &table.near;
    if is_near(table, slot) || life.end <= near.start || life.start >= near.end {
        return life;
    }
    life.start.min(near.start)..life.end.max(near.end)
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
    let range = part.range(len);
    part.of * offset + range.start..part.of * offset + range.end
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
        Layout { forward: Places::new(forward), backward: Places::new(backward), gates, words }
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
    /// Makes room for `n` images and `per_image` seeds for each.
    fn grow(&mut self, layout: &Layout, n: usize, per_image: usize) -> Result<(), EngineError> {
        self.slab.grow(n * layout.forward.floats.max(layout.backward.floats))?;
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
    /// An arena with room for `n` images. Nobody waits for one that is in use: a second call gets a second arena.
    pub(super) fn lease(&self, layout: &Layout, n: usize, per_image: usize) -> Result<Lease<'_>, EngineError> {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The one that was used last is the one of which most is still in a cache.
        let arena = free.pop().unwrap_or_default();
        drop(free);
        let mut lease = Lease { owner: self, arena };
        lease.arena.grow(layout, n, per_image)?;
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

    /// No two tensors that are needed at once share a float, and the slab is as small as the widest step allows.
    fn check<Op>(table: &Table<Op>) {
        let places = Places::new(table);
        let lives: Vec<_> = (0..table.lens.len()).map(|slot| life(table, slot)).collect();
        let mut widest = 0;
        for at in 0..table.steps.len() {
            let mut now: Vec<_> =
                (0..lives.len()).filter(|&slot| lives[slot].contains(&at)).map(|slot| places.of(slot, 3)).collect();
            now.sort_by_key(|range| range.start);
            assert!(now.is_sorted_by(|a, b| a.end <= b.start), "step {at}: {now:?}");
            widest = widest.max(now.iter().map(Range::len).sum::<usize>() / 3);
        }
        assert!(table.lens.iter().chain(&places.offsets).all(|len| len.is_multiple_of(LANES)));
        assert_eq!(places.floats, widest, "floats of one image");
    }

    #[test]
    fn tensors_that_are_needed_at_once_lie_apart_and_nothing_is_wasted() {
        for variant in [Variant::V1, Variant::V1_5] {
            let network = Network::of(variant);
            for dead_code in [true, false] {
                let shapes = Shape::of(network, dead_code);
                check(&Table::forward(network, &shapes));
                check(&Table::backward(network, &shapes));
            }
        }
    }

    fn layout() -> Layout {
        let network = Network::of(Variant::V1);
        let shapes = Shape::of(network, true);
        Layout::new(network, &shapes, &Table::forward(network, &shapes), &Table::backward(network, &shapes))
    }

    #[test]
    fn what_was_given_back_is_used_again() {
        let layout = layout();
        let arenas = Arenas::default();
        let (mut one, mut two) = (arenas.lease(&layout, 1, 1).unwrap(), arenas.lease(&layout, 1, 1).unwrap());
        let at = [one.slab.floats().as_ptr(), two.slab.floats().as_ptr()];
        assert!(at[0] != at[1] && at.iter().all(|at| at.addr().is_multiple_of(LINE)));
        drop(one);
        drop(two);
        assert_eq!(arenas.lease(&layout, 1, 1).unwrap().slab.floats().as_ptr(), at[1]);
    }

    #[test]
    fn what_no_machine_has_is_refused() {
        let layout = layout();
        let refused = Arenas::default().lease(&layout, 8, usize::MAX / 10).err();
        assert!(matches!(refused, Some(EngineError::OutOfMemory { .. })), "{refused:?}");
    }
}
