//! The network in tiles: what [`crate::plan`] is in float32. [`forward`](super::forward) and
//! [`backward`](super::backward) are the passes.

use backlit_net::arch::{Network, PoolBorder};
use backlit_net::weights::Weights;
use backlit_net::{CLASSES, EngineError, Seeds};
use rayon::prelude::*;

use super::Line;
use super::block::{BlockPlan, Both};
use super::conv::Machine;
use super::finish::Word;
use super::map::CHANNELS;
use super::pool::{Loan, Pool};
use super::recast::words_from_nhwc;
use super::scheme::Scheme;
use super::stem::TileStem;
use crate::lanes::GateWord;
use crate::ops::head::Head;
use crate::ops::stem::Stem;
use crate::plan::Run;

/// How exact each convolution is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The stem forward; back it is in float32.
    pub stem: Scheme,
    /// Forward, by [`Conv::index`](backlit_net::arch::Conv::index); the stem's is not looked at.
    pub forward: Vec<Scheme>,
    /// All convolutions back.
    pub back: Scheme,
    /// Whether the shortcut is kept in float32 forward, and not in the parts that the next convolution reads.
    pub exact_shortcut: bool,
    /// Parts of the gradient that the shortcut sends back.
    pub back_parts: usize,
}

impl Recipe {
    /// One scheme forward, one back. The stem is more exact, for what it gets wrong passes every gate.
    pub fn uniform(forward: Scheme, back: Scheme) -> Recipe {
        let stem = if forward == Scheme::X1 { Scheme::X3 } else { Scheme::X6 };
        let forward = vec![forward; backlit_net::arch::CONVS];
        Recipe { stem, forward, back, exact_shortcut: false, back_parts: 1 }
    }
}

/// Packed weights of the whole network.
pub(crate) struct TilePlan {
    pub(super) machine: Machine,
    pub(super) border: PoolBorder,
    pub(super) recipe: Recipe,
    /// Whether pixels that nobody reads are left out.
    dead_code: bool,
    /// Forward.
    pub(super) stem: TileStem,
    /// Back; what it has packed for the way forward, 38 KB, is not used.
    pub(super) stem_back: Stem,
    pub(super) blocks: Vec<BlockPlan>,
    pub(super) head: Head,
    /// By [`Conv::index`](backlit_net::arch::Conv::index).
    biases: Vec<Vec<f32>>,
    pub(super) lines: Pool<Line>,
    pub(super) floats: Pool<f32>,
    pub(super) words: Pool<Word>,
}

/// Some images on their way through the network: what the forward pass leaves for the backward passes.
pub(crate) struct TileRun<'a> {
    pub(super) plan: &'a TilePlan,
    /// Images.
    pub(super) n: usize,
    pub(super) outputs: &'a [usize],
    /// Which [`BlockPlan::geometry`].
    pub(super) whole: usize,
    /// `[n, 1000]`.
    pub(super) logits: Vec<f32>,
    /// Winners of the max-pool.
    pub(super) codes: Vec<u8>,
    pub(super) gates: Vec<Gates<'a>>,
    /// All seeds of all images, `[n, per_image, 1000]`.
    rows: Vec<f32>,
    /// One seed an image, `[n, 1000]`, times a power of two, and what undoes that.
    pub(super) seeds: Vec<f32>,
    pub(super) unscale: Vec<f32>,
}

/// Gate bits of one block, each `[block of 32 channels][n][pixel]`.
pub(super) struct Gates<'a> {
    pub(super) reduce: Loan<'a, Word>,
    pub(super) spatial: Loan<'a, Word>,
    pub(super) output: Loan<'a, Word>,
}

impl TilePlan {
    /// Folds and packs.
    pub(crate) fn new(weights: &Weights, machine: Machine, recipe: Recipe, dead_code: bool) -> TilePlan {
        let network: &Network = weights.network();
        let blocks = &network.blocks;
        let neighbours = |i: usize| [i.checked_sub(1).and_then(|i| blocks.get(i)), blocks.get(i), blocks.get(i + 1)];
        let pack = |i| BlockPlan::new(neighbours(i), &|conv| weights.conv(conv), &recipe);
        let stem = weights.conv(&network.stem);
        let blocks: Vec<BlockPlan> = (0..blocks.len()).into_par_iter().filter_map(pack).collect();
        let mut biases = vec![stem.bias.iter().map(|&b| b as f32).collect()];
        biases.extend(blocks.iter().flat_map(BlockPlan::convs).map(|conv| conv.bias.clone()));
        TilePlan {
            machine,
            border: network.pool.border,
            stem: TileStem::new(recipe.stem, &network.stem, &stem),
            stem_back: Stem::new(machine.token, &network.stem, &stem),
            blocks,
            biases,
            head: Head::new(&weights.dense()),
            recipe,
            dead_code,
            lines: Pool::default(),
            floats: Pool::default(),
            words: Pool::default(),
        }
    }

    /// A run of `n` images; `looked_at`: blocks whose whole output or gradient will be asked for, `outputs`: those
    /// whose outputs will.
    pub(crate) fn run<'a>(
        &'a self,
        n: usize,
        mut looked_at: impl Iterator<Item = usize>,
        outputs: &'a [usize],
    ) -> TileRun<'a> {
        let whole = !self.dead_code || looked_at.any(|block| self.is_partial(block));
        TileRun {
            plan: self,
            n,
            outputs,
            whole: usize::from(whole),
            logits: vec![0.0; n * CLASSES],
            codes: Vec::new(),
            gates: Vec::with_capacity(self.blocks.len()),
            rows: Vec::new(),
            seeds: Vec::new(),
            unscale: Vec::new(),
        }
    }

    /// Multiply-adds of the tiles for one image, forward and back.
    pub(crate) fn tile_macs(&self) -> [u64; 2] {
        let add = |[a, b]: [u64; 2], [c, d]: [u64; 2]| [a + c, b + d];
        self.blocks.iter().map(BlockPlan::tile_macs).fold([self.stem.tile_macs(), 0], add)
    }

    /// Whether a block's output is computed in part only, unless the whole is asked for.
    fn is_partial(&self, block: usize) -> bool {
        let [part, whole] = &self.blocks[block].geometry;
        part.side_out != whole.side_out
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
        let block = &self.blocks[index];
        block.geometry[1].side_out.pow(2) * block.expand.bias.len()
    }
}

impl<'a> TileRun<'a> {
    /// What the forward pass found, `[n, 1000]`.
    pub(crate) fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// Takes over what a forward pass in float32 left.
    pub(crate) fn adopt(&mut self, run: &Run<'_>) {
        let plan = self.plan;
        let words = |from: &[GateWord], conv: &Both| {
            let mut words = plan.words.take(from.len() / 2);
            words_from_nhwc(from, conv.bias.len() / CHANNELS, &mut words);
            words
        };
        self.logits.copy_from_slice(run.logits());
        self.codes = run.codes().to_vec();
        self.gates = plan
            .blocks
            .iter()
            .enumerate()
            .map(|(index, block)| {
                let [reduce, spatial, output] = run.gates(index);
                Gates {
                    reduce: words(reduce, &block.reduce),
                    spatial: words(spatial, &block.spatial),
                    output: words(output, &block.expand),
                }
            })
            .collect();
    }

    /// Writes the seeds of all images, the first of which is number `first` of those asked about, from their logits.
    ///
    /// # Errors
    /// Those of [`Seeds::write_rows`].
    pub(crate) fn write_seeds(&mut self, first: usize, seeds: Seeds<'_>) -> Result<(), EngineError> {
        let len = seeds.per_image() * CLASSES;
        self.rows.resize(self.n * len, 0.0);
        let mut each = self.rows.chunks_exact_mut(len).zip(self.logits.chunks_exact(CLASSES)).enumerate();
        each.try_for_each(|(i, (rows, logits))| seeds.write_rows(first + i, logits, rows))
    }

    /// Takes number `seed` of the `per_image` seeds of every image, for the backward passes to come.
    ///
    /// Each is scaled by a power of two that brings its largest number to between one and two, so that nothing becomes
    /// subnormal on the way, which the tiles would take for zero, however small a seed is.
    pub(crate) fn choose_seed(&mut self, seed: usize, per_image: usize) {
        let rows = self.rows.chunks_exact(per_image * CLASSES).map(|rows| &rows[seed * CLASSES..][..CLASSES]);
        self.seeds.clear();
        self.unscale.clear();
        for row in rows {
            let most = row.iter().fold(0f32, |m, v| m.max(v.abs()));
            // From 2^-126 to 2^126, so that the power and its inverse are normal.
            let bits = (most.to_bits() & 0x7f80_0000).clamp(1 << 23, 253 << 23);
            let power = if most > 0.0 { f32::from_bits(bits) } else { 1.0 };
            self.seeds.extend(row.iter().map(|v| v * (1.0 / power)));
            self.unscale.push(power);
        }
    }
}
