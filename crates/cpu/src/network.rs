//! The network in one of its arithmetics, behind one set of questions.

use crate::plan::{Pass, Place, Plan, Tape};
use crate::tiles::plan::{TilePlan, TileTape};

/// Who computes.
pub(crate) enum Passes {
    /// Both ways in float32.
    Floats(Plan),
    /// Both ways in tiles.
    Tiles(TilePlan),
    /// Forward in float32, back in tiles: what the gates decide is as in float32.
    FloatsThenTiles(Plan, TilePlan),
}

/// What a forward pass leaves for the backward pass.
pub(crate) enum Kept<'a> {
    Floats(Tape),
    Tiles(TileTape<'a>),
}

impl Kept<'_> {
    /// `[n, 1000]`.
    pub(crate) fn logits(&self) -> &[f32] {
        match self {
            Kept::Floats(tape) => &tape.logits,
            Kept::Tiles(tape) => &tape.logits,
        }
    }
}

impl Passes {
    /// Runs `images`, `[n, 224, 224, 3]`; `see(block, output)` is shown at least the outputs of the blocks in `outputs`.
    /// Everything about `met`, the blocks whose outputs are shown or whose gradients are met, will be known in full;
    /// `all` stands for all blocks.
    pub(crate) fn forward(
        &self,
        images: &[f32],
        outputs: &[usize],
        met: &[usize],
        all: bool,
        see: impl FnMut(usize, &[f32]),
    ) -> Kept<'_> {
        match self {
            Passes::Floats(plan) => Kept::Floats(plan.forward(images, see)),
            Passes::Tiles(plan) => {
                let whole = all || met.iter().chain(outputs).any(|&block| plan.is_partial(block));
                Kept::Tiles(plan.forward(images, whole, outputs, see))
            }
            Passes::FloatsThenTiles(forward, back) => Kept::Tiles(back.adopt(forward.forward(images, see))),
        }
    }

    /// Sends one seed an image, `[n, 1000]`, back, and shows `see` the gradient at every place of the pass.
    pub(crate) fn backward(&self, kept: &Kept<'_>, seeds: &[f32], pass: &Pass<'_>, see: &mut dyn FnMut(Place, &[f32])) {
        match (self, kept) {
            (Passes::Floats(plan), Kept::Floats(tape)) => plan.backward(tape, seeds, pass, see),
            (Passes::Tiles(plan) | Passes::FloatsThenTiles(_, plan), Kept::Tiles(tape)) => {
                plan.backward(tape, seeds, pass, see)
            }
            _ => unreachable!("what is kept comes from these very passes"),
        }
    }

    /// Logits, `[n, 1000]`, from the outputs of a block, `[n, side, side, channels]`.
    pub(crate) fn resume(&self, block: usize, outputs: &[f32]) -> Vec<f32> {
        match self {
            Passes::Floats(plan) | Passes::FloatsThenTiles(plan, _) => plan.resume(block, outputs),
            Passes::Tiles(plan) => plan.resume(block, outputs),
        }
    }

    /// Weight `[2048, 1000]` and bias `[1000]` of the head.
    pub(crate) fn head(&self) -> (&[f32], &[f32]) {
        match self {
            Passes::Floats(plan) | Passes::FloatsThenTiles(plan, _) => plan.head(),
            Passes::Tiles(plan) => plan.head(),
        }
    }

    /// The bias of every convolution, by [`Conv::index`](backlit_net::arch::Conv::index).
    pub(crate) fn biases(&self) -> Vec<&[f32]> {
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
