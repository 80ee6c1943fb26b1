//! The network in one of its arithmetics, behind one set of questions.

use backlit_net::arch::BLOCKS;
use backlit_net::engine::question::Pass;
use backlit_net::{EngineError, Seeds};

use crate::plan::{self, Place, Plan};
use crate::tiles::plan::{TilePlan, TileRun};

/// Who computes.
pub(crate) enum Passes {
    /// Both ways in float32.
    Floats(Box<Plan>),
    /// Both ways in tiles.
    Tiles(Box<TilePlan>),
    /// Forward in float32, back in tiles: what the gates decide is as in float32.
    FloatsThenTiles(Box<Plan>, Box<TilePlan>),
}

/// Some images on their way through the network, with what the forward pass leaves for the backward passes.
pub(crate) enum Run<'a> {
    Floats(plan::Run<'a>),
    Tiles(TileRun<'a>),
    FloatsThenTiles(plan::Run<'a>, TileRun<'a>),
}

impl Passes {
    /// Room for `n` images, each with `per_image` seeds. `looked_at`: blocks whose whole output or gradient will be
    /// asked for; `outputs`: those whose outputs will.
    ///
    /// # Errors
    /// [`EngineError::OutOfMemory`].
    pub(crate) fn run<'a>(
        &'a self,
        n: usize,
        per_image: usize,
        looked_at: impl Iterator<Item = usize> + Clone,
        outputs: &'a [usize],
    ) -> Result<Run<'a>, EngineError> {
        Ok(match self {
            Passes::Floats(plan) => Run::Floats(plan.run(n, per_image, false, looked_at)?),
            Passes::Tiles(plan) => Run::Tiles(plan.run(n, looked_at, outputs)),
            Passes::FloatsThenTiles(floats, tiles) => {
                // Both know where the gates of whole maps are.
                Run::FloatsThenTiles(floats.run(n, per_image, true, looked_at)?, tiles.run(n, 0..BLOCKS, outputs))
            }
        })
    }

    /// Weight `[2048, 1000]` and bias `[1000]` of the head.
    pub(crate) fn head(&self) -> (Vec<f32>, &[f32]) {
        match self {
            Passes::Floats(plan) | Passes::FloatsThenTiles(plan, _) => plan.head(),
            Passes::Tiles(plan) => plan.head(),
        }
    }

    /// The bias of every convolution, by [`Conv::index`](backlit_net::arch::Conv::index).
    pub(crate) fn biases(&self) -> &[Vec<f32>] {
        match self {
            Passes::Floats(plan) | Passes::FloatsThenTiles(plan, _) => plan.biases(),
            Passes::Tiles(plan) => plan.biases(),
        }
    }

    /// Floats of one image's output of a block.
    pub(crate) fn block_len(&self, block: usize) -> usize {
        match self {
            Passes::Floats(plan) | Passes::FloatsThenTiles(plan, _) => plan.block_len(block),
            Passes::Tiles(plan) => plan.block_len(block),
        }
    }

    /// Multiply-adds of the tiles for one image, forward and back.
    pub(crate) fn tile_macs(&self) -> [u64; 2] {
        match self {
            Passes::Floats(_) => [0, 0],
            Passes::Tiles(plan) => plan.tile_macs(),
            Passes::FloatsThenTiles(_, plan) => [0, plan.tile_macs()[1]],
        }
    }
}

impl Run<'_> {
    /// Runs `images`, `[n, 224, 224, 3]`; `see(block, output)` is shown at least the outputs that are wanted.
    pub(crate) fn forward(&mut self, images: &[f32], see: &mut dyn FnMut(usize, &[f32])) {
        match self {
            Run::Floats(run) => run.forward(images, see),
            Run::Tiles(run) => run.forward(images, see),
            Run::FloatsThenTiles(floats, tiles) => {
                floats.forward(images, see);
                tiles.adopt(floats);
            }
        }
    }

    /// Runs the network from the outputs of a block on, `[n, side, side, channels]`.
    pub(crate) fn resume(&mut self, block: usize, outputs: &[f32]) {
        match self {
            Run::Floats(run) | Run::FloatsThenTiles(run, _) => run.resume(block, outputs),
            Run::Tiles(run) => run.resume(block, outputs),
        }
    }

    /// What the forward pass found, `[n, 1000]`.
    pub(crate) fn logits(&self) -> &[f32] {
        match self {
            Run::Floats(run) | Run::FloatsThenTiles(run, _) => run.logits(),
            Run::Tiles(run) => run.logits(),
        }
    }

    /// Writes the seeds of all images, the first of which is number `first` of those asked about, from their logits.
    ///
    /// # Errors
    /// Those of [`Seeds::write_rows`].
    pub(crate) fn write_seeds(&mut self, first: usize, seeds: Seeds<'_>) -> Result<(), EngineError> {
        match self {
            Run::Floats(run) => run.write_seeds(first, seeds),
            Run::Tiles(run) | Run::FloatsThenTiles(_, run) => run.write_seeds(first, seeds),
        }
    }

    /// Takes number `seed` of the `per_image` seeds of every image, for the backward passes to come.
    pub(crate) fn choose_seed(&mut self, seed: usize, per_image: usize) {
        match self {
            Run::Floats(run) => run.choose_seed(seed, per_image),
            Run::Tiles(run) | Run::FloatsThenTiles(_, run) => run.choose_seed(seed, per_image),
        }
    }

    /// Sends the chosen seeds back, and shows `see` the gradient at every place that they pass; at convolutions at
    /// least with `convs`.
    pub(crate) fn backward(&mut self, pass: &Pass<'_>, convs: bool, see: &mut dyn FnMut(Place, &[f32])) {
        match self {
            Run::Floats(run) => run.backward(pass, convs, see),
            Run::Tiles(run) | Run::FloatsThenTiles(_, run) => run.backward(pass, convs, see),
        }
    }
}
