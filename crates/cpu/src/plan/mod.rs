//! The network as a sequence of steps, for a few images at a time.
//!
//! [`pack`] makes the weights ready, [`shape`] says which maps are needed in full, [`steps`] is the table of what
//! follows what, [`memory`] says where every tensor lies, and a [`Run`] walks the table: [`forward`] once, then
//! [`backward`] for every seed and rule.

mod backward;
mod forward;
mod memory;
mod pack;
mod shape;
mod steps;

use backlit_net::arch::{Network, PoolBorder};
use backlit_net::weights::Weights;
use backlit_net::{CLASSES, EngineError, Seeds};

use crate::isa::Token;
use crate::lanes::GateWord;
use crate::ops::head::Head;
use crate::ops::max_pool;
use crate::ops::stem::Stem;
use memory::{Arenas, Batch, Kept, Layout, Lease};
pub use pack::winograd_tile;
use pack::{BlockPlan, Packed};
use shape::Shape;
use steps::{Backward, Forward, Table};

/// [`Conv::index`](backlit_net::arch::Conv::index) of the stem.
pub(crate) const STEM: usize = 0;

/// Packed weights of the whole network, one packing for each pass, and the order in which they are used.
pub(crate) struct Plan {
    network: &'static Network,
    token: Token,
    border: PoolBorder,
    stem: Stem,
    head: Head,
    biases: Vec<Vec<f32>>,
    /// Every map whole.
    whole: Route,
    /// Without the pixels that no later layer reads, where there are any.
    lean: Option<Route>,
    arenas: Arenas,
}

/// One way through the blocks.
struct Route {
    shapes: Vec<Shape>,
    blocks: Vec<BlockPlan>,
    forward: Table<Forward>,
    backward: Table<Backward>,
    /// For a batch that takes all steps at once, and for one that takes some in parts.
    layouts: [Layout; 2],
}

impl Route {
    fn new(network: &Network, shapes: Vec<Shape>, blocks: Vec<BlockPlan>) -> Route {
        let (forward, backward) = (Table::forward(network, &shapes), Table::backward(network, &shapes));
        let layouts = [false, true].map(|in_parts| Layout::new(network, &shapes, &forward, &backward, in_parts));
        Route { shapes, blocks, forward, backward, layouts }
    }
}

/// Where a gradient is met on the way back.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// A tap: the output of a block, before its gate.
    Tap(usize),
    /// The output of a convolution, by [`Conv::index`](backlit_net::arch::Conv::index), behind the gate above it.
    Conv(usize),
    /// The image.
    Input,
}

/// Some images on their way through the network: what the forward pass leaves for the backward passes lies in an
/// arena of its own, so that any number of threads may ask at once.
pub(crate) struct Run<'a> {
    plan: &'a Plan,
    route: &'a Route,
    arena: Lease<'a>,
    layout: &'a Layout,
    /// In parts where nobody looks at a block up to the last near one.
    batch: Batch,
}

/// Of `n` images, how many take the near steps together: as few as keep all threads busy, in parts that are about even.
fn together(n: usize) -> usize {
    /// Threads to which one image gives enough tasks while its maps are large: its 1x1s have 8 or more, of 98 pixels.
    const THREADS: usize = 4;
    part(n, rayon::current_num_threads().div_ceil(THREADS))
}

/// Images in each part of a batch of `n`: as few parts as `most` allows, all of about the same size.
pub(crate) fn part(n: usize, most: usize) -> usize {
    n.div_ceil(n.div_ceil(most).max(1)).max(1)
}

impl Plan {
    /// Folds and packs; with `dead_code`, pixels that no later layer reads are left out where nobody asks for them.
    pub(crate) fn new(weights: &Weights, token: Token, dead_code: bool) -> Plan {
        let network = weights.network();
        let shapes = Shape::of(network, false);
        let packed = Packed::new(weights, token, &shapes);
        let lean = Shape::of(network, dead_code);
        let lean = (lean != shapes).then(|| {
            let blocks = packed.shaped(weights, token, &lean);
            Route::new(network, lean, blocks)
        });
        let Packed { stem, blocks, head, biases } = packed;
        let whole = Route::new(network, shapes, blocks);
        let border = network.pool.border;
        Plan { network, token, border, stem, head, biases, whole, lean, arenas: Arenas::default() }
    }

    /// Room for `n` images, each with `per_image` seeds. `whole` asks for every pixel of every map; `looked_at` are the
    /// blocks whose maps somebody wants to see.
    ///
    /// # Errors
    /// [`EngineError::OutOfMemory`].
    pub(crate) fn run(
        &self,
        n: usize,
        per_image: usize,
        whole: bool,
        looked_at: impl Iterator<Item = usize> + Clone,
    ) -> Result<Run<'_>, EngineError> {
        let seen = |route: &&Route| looked_at.clone().any(|block| route.shapes[block].output);
        let route = self.lean.as_ref().filter(|route| !whole && !seen(route)).unwrap_or(&self.whole);
        let near = looked_at.clone().any(|block| block <= steps::last_near(self.network));
        let batch = Batch { n, together: if near { n } else { together(n) } };
        let layout = &route.layouts[usize::from(batch.in_parts())];
        Ok(Run { plan: self, route, arena: self.arenas.lease(layout, batch, per_image)?, layout, batch })
    }

    /// Weight `[2048, 1000]` and bias `[1000]` of the head.
    pub(crate) fn head(&self) -> (Vec<f32>, &[f32]) {
        self.head.parts()
    }

    /// The bias of every convolution, by [`Conv::index`](backlit_net::arch::Conv::index).
    pub(crate) fn biases(&self) -> &[Vec<f32>] {
        &self.biases
    }

    /// Floats of one image's output of a block.
    pub(crate) fn block_len(&self, index: usize) -> usize {
        self.network.blocks[index].expand.output_len()
    }
}

impl Run<'_> {
    /// What the forward pass found, `[n, 1000]`.
    pub(crate) fn logits(&self) -> &[f32] {
        &self.arena.kept.logits[..self.batch.n * CLASSES]
    }

    /// Gate bits of a block, `[n, side, side, channels / 16]` each: reduce, spatial, output.
    pub(crate) fn gates(&self, block: usize) -> [&[GateWord]; 3] {
        let gates = self.layout.gates[block];
        [gates.reduce, gates.spatial, gates.output]
            .map(|place| &self.arena.kept.gates[memory::words(place, &self.batch.all())])
    }

    /// Winners of the max-pool.
    pub(crate) fn codes(&self) -> &[u8] {
        &self.arena.kept.codes[..self.batch.n * max_pool::CODES_LEN]
    }

    /// Writes the seeds of all images, the first of which is number `first` of those asked about, from their logits.
    ///
    /// # Errors
    /// Those of [`Seeds::write_rows`].
    pub(crate) fn write_seeds(&mut self, first: usize, seeds: Seeds<'_>) -> Result<(), EngineError> {
        let Kept { logits, rows, .. } = &mut self.arena.kept;
        let rows = rows.chunks_exact_mut(seeds.per_image() * CLASSES).take(self.batch.n);
        let mut each = rows.zip(logits.chunks_exact(CLASSES)).enumerate();
        each.try_for_each(|(i, (rows, logits))| seeds.write_rows(first + i, logits, rows))
    }

    /// Takes number `seed` of the `per_image` seeds of every image, for the backward passes to come.
    pub(crate) fn choose_seed(&mut self, seed: usize, per_image: usize) {
        let Kept { seeds, rows, .. } = &mut self.arena.kept;
        let rows = rows.chunks_exact(per_image * CLASSES).map(|rows| &rows[seed * CLASSES..][..CLASSES]);
        seeds.chunks_exact_mut(CLASSES).take(self.batch.n).zip(rows).for_each(|(seed, row)| seed.copy_from_slice(row));
    }
}
