//! The network in tiles: what [`crate::plan`] is in float32.

use backlit_net::arch::{Network, PoolBorder};
use backlit_net::weights::Weights;
use backlit_net::{CLASSES, FEATURES, IMAGE_LEN, Rule};

use super::Line;
use super::block::{BlockPlan, Both, Geometry};
use super::conv::{Extra, Machine, Term, run};
use super::finish::{Finish, Gate, Residual, Word};
use super::map::{CHANNELS, Layout, Map};
use super::op::Op;
use super::pool::{Loan, Pool};
use super::recast::{from_nhwc, gate_map, to_nhwc, words_from_nhwc};
use super::scheme::Scheme;
use crate::lanes::GateWord;
use crate::ops::head::Head;
use crate::ops::max_pool;
use crate::ops::stem::{self, Stem};
use crate::plan::{BlockGates, Pass, Place, STEM, Tape};

/// How exact each convolution is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
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
    /// One scheme forward, one back.
    pub fn uniform(forward: Scheme, back: Scheme) -> Recipe {
        let forward = vec![forward; backlit_net::arch::CONVS];
        Recipe { forward, back, exact_shortcut: false, back_parts: 1 }
    }
}

/// Packed weights of the whole network.
pub(crate) struct TilePlan {
    machine: Machine,
    border: PoolBorder,
    recipe: Recipe,
    stem: Stem,
    blocks: Vec<BlockPlan>,
    head: Head,
    lines: Pool<Line>,
    floats: Pool<f32>,
    words: Pool<Word>,
}

/// What the forward pass of `n` images leaves for the backward pass.
pub(crate) struct TileTape<'a> {
    /// `[n, 1000]`.
    pub(crate) logits: Vec<f32>,
    /// Winners of the max-pool, one a window.
    codes: Vec<u8>,
    gates: Vec<Gates<'a>>,
    /// Which [`BlockPlan::geometry`].
    whole: usize,
}

/// Gate bits of one block, each `[block of 32 channels][n][pixel]`.
struct Gates<'a> {
    reduce: Loan<'a, Word>,
    spatial: Loan<'a, Word>,
    output: Loan<'a, Word>,
}

/// What a block reads.
struct Input<'a> {
    map: Map<'a>,
    /// The same in float32, `[block of 32 channels][n][pixel][32]`, if the shortcut needs it.
    floats: Option<Loan<'a, f32>>,
}

impl TilePlan {
    /// Folds and packs.
    pub(crate) fn new(weights: &Weights, machine: Machine, recipe: Recipe) -> TilePlan {
        let network: &Network = weights.network();
        let blocks = &network.blocks;
        let neighbours = |i: usize| [i.checked_sub(1).and_then(|i| blocks.get(i)), blocks.get(i), blocks.get(i + 1)];
        let pack = |i| BlockPlan::new(neighbours(i), &|conv| weights.conv(conv), &recipe);
        TilePlan {
            machine,
            border: network.pool.border,
            stem: Stem::new(&network.stem, &weights.conv(&network.stem)),
            blocks: (0..blocks.len()).filter_map(pack).collect(),
            head: Head::new(&weights.dense()),
            recipe,
            lines: Pool::default(),
            floats: Pool::default(),
            words: Pool::default(),
        }
    }

    /// Runs `images`, `[n, 224, 224, 3]`. `see(block, output)` is shown the outputs of the blocks in `outputs`; `whole`
    /// says that every pixel of every block is to be computed.
    pub(crate) fn forward(
        &self,
        images: &[f32],
        whole: bool,
        outputs: &[usize],
        see: impl FnMut(usize, &[f32]),
    ) -> TileTape<'_> {
        let n = images.len() / IMAGE_LEN;
        let mut pooled = self.floats.take(n * max_pool::OUTPUT_LEN);
        let mut codes = vec![0u8; pooled.len()];
        let mut stem = self.floats.take(n * stem::OUTPUT_LEN);
        self.stem.forward(self.machine.token, images, &mut stem);
        max_pool::forward(self.machine.token, &stem, &mut pooled, &mut codes);
        drop(stem);
        let (logits, gates) = self.forward_from(0, n, &pooled, whole, outputs, see);
        TileTape { logits, codes, gates, whole: usize::from(whole) }
    }

    /// What a forward pass in float32 kept, for a backward pass in tiles.
    pub(crate) fn adopt(&self, tape: Tape) -> TileTape<'_> {
        let n = tape.logits.len() / CLASSES;
        let words = |from: &[GateWord], conv: &Both| {
            let mut words = self.words.take(from.len() / 2);
            words_from_nhwc(from, conv.bias.len() / CHANNELS, &mut words);
            words
        };
        let gates = |(gates, block): (&BlockGates, &BlockPlan)| Gates {
            reduce: words(&gates.reduce, &block.reduce),
            spatial: words(&gates.spatial, &block.spatial),
            output: words(&gates.output, &block.expand),
        };
        debug_assert_eq!(tape.codes.len(), n * max_pool::OUTPUT_LEN);
        let gates = tape.gates.iter().zip(&self.blocks).map(gates).collect();
        TileTape { logits: tape.logits, codes: tape.codes, gates, whole: 1 }
    }

    /// Logits of `n` images from what enters block `first`, NHWC, with the gates on the way.
    fn forward_from(
        &self,
        first: usize,
        n: usize,
        x: &[f32],
        whole: bool,
        outputs: &[usize],
        mut see: impl FnMut(usize, &[f32]),
    ) -> (Vec<f32>, Vec<Gates<'_>>) {
        let mut gates = Vec::with_capacity(self.blocks.len());
        let Some(entry) = self.blocks.get(first) else {
            return (self.head.forward(self.machine.token, x), gates);
        };
        let side = entry.geometry[usize::from(whole)].side_in;
        let channels = x.len() / (n * side * side);
        let mut map = Map::take(&self.lines, Layout::Dense { side }, n, channels, self.parts_read(first));
        map.pack(x);
        let mut input = Input { map, floats: self.recipe.exact_shortcut.then(|| self.blocked(x, n, channels)) };
        for (index, block) in self.blocks.iter().enumerate().skip(first) {
            let geometry = &block.geometry[usize::from(whole)];
            let last = index + 1 == self.blocks.len();
            let wanted = outputs.contains(&index);
            let (y, words) = self.block_forward(index, geometry, &input, wanted || last);
            gates.push(words);
            if let Some(floats) = y.floats.as_ref().filter(|_| wanted || last) {
                let mut nhwc = self.floats.take(floats.len());
                to_nhwc(floats, n, block.expand.bias.len(), &mut nhwc);
                if wanted {
                    see(index, &nhwc);
                }
                if last {
                    return (self.head.forward(self.machine.token, &nhwc), gates);
                }
            }
            input = y;
        }
        (Vec::new(), gates)
    }

    /// Parts of the output of the block before `index`: what its readers want.
    fn parts_read(&self, index: usize) -> usize {
        let readers = self.blocks.get(index).into_iter().flat_map(|b| [Some(&b.reduce), b.project.as_ref()]).flatten();
        readers.map(|both| both.forward.scheme.x_parts()).max().unwrap_or(1)
    }

    fn block_forward<'a>(
        &'a self,
        index: usize,
        geometry: &'a Geometry,
        input: &Input<'a>,
        floats: bool,
    ) -> (Input<'a>, Gates<'a>) {
        let block = &self.blocks[index];
        let even = (geometry.reduce_even || geometry.project_even).then(|| input.map.even(&self.lines));
        let x = if geometry.reduce_even { even.as_ref().unwrap_or(&input.map) } else { &input.map };
        let none = Residual::None;
        let (r, reduce, _) = self.conv_relu(
            &block.reduce,
            &block.biases[0],
            &geometry.reduce,
            &[term(x, &block.reduce)],
            none,
            block.spatial.forward.scheme.x_parts(),
            false,
        );
        let (s, spatial, _) = self.conv_relu(
            &block.spatial,
            &block.biases[1],
            &geometry.spatial,
            &[term(&r, &block.spatial)],
            none,
            block.expand.forward.scheme.x_parts(),
            false,
        );
        drop(r);
        let mut terms = vec![term(&s, &block.expand)];
        let residual = match (&block.project, &input.floats) {
            (Some(project), _) => {
                terms.push(term(even.as_ref().unwrap_or(&input.map), project));
                Residual::None
            }
            (None, Some(floats)) => Residual::Floats {
                values: floats,
                pixels: geometry.side_in * geometry.side_in,
                places: &geometry.shortcut,
            },
            (None, None) => Residual::Parts(&input.map, &geometry.shortcut),
        };
        let floats = floats || self.recipe.exact_shortcut;
        let (y, output, floats) = self.conv_relu(
            &block.expand,
            &block.biases[2],
            &geometry.expand,
            &terms,
            residual,
            self.parts_read(index + 1),
            floats,
        );
        (Input { map: y, floats }, Gates { reduce, spatial, output })
    }

    fn conv_relu<'a>(
        &'a self,
        conv: &Both,
        bias: &[[f32; CHANNELS]],
        op: &Op,
        terms: &[Term<'_>],
        residual: Residual<'_>,
        parts: usize,
        floats: bool,
    ) -> (Map<'a>, Loan<'a, Word>, Option<Loan<'a, f32>>) {
        let (n, channels) = (terms[0].map.n, conv.bias.len());
        let mut y = Map::take(&self.lines, op.to, n, channels, parts);
        let pixels = n * op.to.pixels() * channels / CHANNELS;
        let mut words = self.words.take(pixels);
        let mut kept = floats.then(|| self.floats.take(pixels * CHANNELS));
        let finish = Finish { bias: Some(bias), residual, gate: Gate::Relu };
        let extra = Extra { floats: kept.as_deref_mut().unwrap_or_default(), words: &mut words };
        run(self.machine, op, terms, finish, &mut y, extra);
        (y, words, kept)
    }

    fn blocked(&self, x: &[f32], n: usize, channels: usize) -> Loan<'_, f32> {
        let mut floats = self.floats.take(x.len());
        from_nhwc(x, n, channels, &mut floats);
        floats
    }

    /// Logits, `[n, 1000]`, from the outputs of a block, `[n, side, side, channels]`.
    pub(crate) fn resume(&self, block: usize, outputs: &[f32]) -> Vec<f32> {
        let n = outputs.len() / self.block_len(block);
        self.forward_from(block + 1, n, outputs, true, &[], |_, _| ()).0
    }

    /// Multiply-adds of the tiles for one image, forward and back.
    pub(crate) fn tile_macs(&self) -> [u64; 2] {
        let add = |[a, b]: [u64; 2], [c, d]: [u64; 2]| [a + c, b + d];
        self.blocks.iter().map(BlockPlan::tile_macs).fold([0, 0], add)
    }

    /// Whether a block's output is computed in part only, unless the whole is asked for.
    pub(crate) fn is_partial(&self, block: usize) -> bool {
        let [part, whole] = &self.blocks[block].geometry;
        part.side_out != whole.side_out
    }

    /// Weight `[2048, 1000]` and bias `[1000]` of the head.
    pub(crate) fn head(&self) -> (&[f32], &[f32]) {
        self.head.parts()
    }

    /// The bias of every convolution, by [`Conv::index`](backlit_net::arch::Conv::index).
    pub(crate) fn biases(&self) -> Vec<&[f32]> {
        let convs = self.blocks.iter().flat_map(BlockPlan::convs);
        std::iter::once(self.stem.bias()).chain(convs.map(|conv| conv.bias.as_slice())).collect()
    }

    /// Floats of one image's output of a block.
    pub(crate) fn block_len(&self, index: usize) -> usize {
        let block = &self.blocks[index];
        block.geometry[1].side_out.pow(2) * block.expand.bias.len()
    }

    /// Sends one seed an image, `[n, 1000]`, back, and shows `see` the gradient at every place of the pass.
    pub(crate) fn backward(
        &self,
        tape: &TileTape<'_>,
        seeds: &[f32],
        pass: &Pass<'_>,
        see: &mut dyn FnMut(Place, &[f32]),
    ) {
        let (n, rule, last) = (seeds.len() / CLASSES, pass.rule, self.blocks.len() - 1);
        let (seeds, unscale) = scaled(seeds);
        let mut floats = self.floats.take(n * self.block_len(last));
        self.head.dgrad(self.machine.token, &seeds, None, &mut floats);
        let side = self.blocks[last].geometry[tape.whole].side_out;
        let mut d = Map::take(&self.lines, Layout::Dense { side }, n, FEATURES, self.recipe.back_parts);
        d.pack(&floats);
        drop(floats);
        if !pass.taps.contains(&last) {
            gate_map(rule, &tape.gates[last].output, &mut d);
        }
        let shown = |place: Place, map: &Map<'_>, see: &mut dyn FnMut(Place, &[f32])| {
            let mut floats = self.floats.take(n * map.layout.pixels() * map.blocks * CHANNELS);
            map.unpack(&unscale, &mut floats);
            see(place, &floats);
        };
        let mut pooled = None;
        for (index, block) in self.blocks.iter().enumerate().rev() {
            let (gates, geometry) = (&tape.gates[index], &block.geometry[tape.whole]);
            if pass.taps.contains(&index) {
                shown(Place::Tap(index), &d, see);
                if !pass.input && pass.taps.iter().all(|&tap| tap >= index) {
                    return;
                }
                gate_map(rule, &gates.output, &mut d);
            }
            let inside = |conv: &Both, op: &Op, from: &Map<'_>, words: &[Word]| {
                let mut to = Map::take(&self.lines, op.to, n, conv.back.write_blocks * CHANNELS, 1);
                let finish = Finish { bias: None, residual: Residual::None, gate: Gate::Rule(rule, words) };
                run(self.machine, op, &[back(from, conv)], finish, &mut to, Extra::default());
                to
            };
            let ds = inside(&block.expand, &geometry.expand_back, &d, &gates.spatial);
            let dr = inside(&block.spatial, &geometry.spatial_back, &ds, &gates.reduce);
            if pass.convs {
                shown(Place::Conv(block.expand.index), &d, see);
                shown(Place::Conv(block.spatial.index), &ds, see);
                shown(Place::Conv(block.reduce.index), &dr, see);
                if let Some(project) = &block.project {
                    shown(Place::Conv(project.index), &d, see);
                }
            }
            drop(ds);

            // What enters the block: the gate of the block before is applied on the way, unless someone looks first.
            let gate = index.checked_sub(1).filter(|before| !pass.taps.contains(before));
            let gate = gate.map_or(Gate::None, |before| Gate::Rule(rule, &tape.gates[before].output));
            let mut terms = vec![back(&dr, &block.reduce)];
            let mut shortcut = None;
            match &block.project {
                Some(project) if geometry.project_even => {
                    let op = Op::pointwise(d.layout, 1);
                    let mut to =
                        Map::take(&self.lines, op.to, n, project.back.write_blocks * CHANNELS, self.recipe.back_parts);
                    let finish = Finish { bias: None, residual: Residual::None, gate: Gate::None };
                    run(self.machine, &op, &[back(&d, project)], finish, &mut to, Extra::default());
                    shortcut = Some(to);
                }
                Some(project) => terms.push(back(&d, project)),
                None => {}
            }
            let residual = match (&shortcut, &block.project) {
                (Some(shortcut), _) => Residual::Parts(shortcut, &geometry.shortcut_back),
                (None, Some(_)) => Residual::None,
                (None, None) => Residual::Parts(&d, &geometry.shortcut_back),
            };
            let op = &geometry.reduce_back;
            let channels = block.reduce.back.write_blocks * CHANNELS;
            // The last of them is wanted in float32 by those who come after.
            let parts = if index == 0 { 0 } else { self.recipe.back_parts };
            let mut to = Map::take(&self.lines, op.to, n, channels, parts);
            let mut kept = (index == 0).then(|| self.floats.take(n * op.to.pixels() * channels));
            let extra = Extra { floats: kept.as_deref_mut().unwrap_or_default(), words: &mut [] };
            run(self.machine, op, &terms, Finish { bias: None, residual, gate }, &mut to, extra);
            pooled = kept;
            d = to;
        }
        if let Some(pooled) = pooled {
            self.stem_back(tape, rule, &pooled, &unscale, pass.convs, see);
        }
    }

    /// From the pool's output, blocked, to the image.
    fn stem_back(
        &self,
        tape: &TileTape<'_>,
        rule: Rule,
        pooled: &[f32],
        unscale: &[f32],
        convs: bool,
        see: &mut dyn FnMut(Place, &[f32]),
    ) {
        let n = unscale.len();
        let mut d = self.floats.take(pooled.len());
        to_nhwc(pooled, n, stem::C_OUT, &mut d);
        let mut stem = self.floats.take(n * stem::OUTPUT_LEN);
        max_pool::dgrad(self.machine.token, self.border, rule, &tape.codes, &d, &mut stem);
        drop(d);
        if convs {
            let mut shown = self.floats.take(stem.len());
            shown.copy_from_slice(&stem);
            times(&mut shown, unscale);
            see(Place::Conv(STEM), &shown);
        }
        let mut dx = self.floats.take(n * IMAGE_LEN);
        self.stem.dgrad(self.machine.token, &stem, &mut dx);
        times(&mut dx, unscale);
        see(Place::Input, &dx);
    }
}

fn term<'a>(map: &'a Map<'a>, conv: &'a Both) -> Term<'a> {
    Term { map, panels: &conv.forward }
}

fn back<'a>(map: &'a Map<'a>, conv: &'a Both) -> Term<'a> {
    Term { map, panels: &conv.back }
}

/// Each image times its factor.
fn times(values: &mut [f32], factors: &[f32]) {
    let len = values.len() / factors.len();
    for (values, &factor) in values.chunks_mut(len).zip(factors) {
        values.iter_mut().for_each(|v| *v *= factor);
    }
}

/// Seeds, each row times a power of two that brings its largest number to between one and two, and what undoes it: so
/// that nothing becomes subnormal on the way, which the tiles would take for zero, however small a seed is.
fn scaled(seeds: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let power = |row: &[f32]| {
        let most = row.iter().fold(0f32, |m, v| m.max(v.abs()));
        // From 2^-126 to 2^126, so that the power and its inverse are normal.
        if most > 0.0 { f32::from_bits((most.to_bits() & 0x7f80_0000).clamp(1 << 23, 253 << 23)) } else { 1.0 }
    };
    let powers: Vec<f32> = seeds.chunks_exact(CLASSES).map(power).collect();
    let inverse: Vec<f32> = powers.iter().map(|p| 1.0 / p).collect();
    let mut scaled = seeds.to_vec();
    times(&mut scaled, &inverse);
    (scaled, powers)
}
