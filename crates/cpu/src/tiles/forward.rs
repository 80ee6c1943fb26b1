//! The forward pass in tiles.

use super::block::{Both, Geometry};
use super::conv::{Extra, Term, run};
use super::finish::{Finish, Gate, Halves, Residual, Word};
use super::layout::Layout;
use super::map::{CHANNELS, Map};
use super::op::Op;
use super::plan::{Gates, TilePlan, TileRun};
use super::pool::Loan;
use super::recast::{from_nhwc, to_nhwc};
use crate::ops::max_pool;

/// What a block reads.
struct Input<'a> {
    map: Map<'a>,
    /// The same in float32, `[block of 32 channels][n][pixel][32]`, if the shortcut needs it.
    floats: Option<Loan<'a, f32>>,
}

/// What a convolution with its ReLU leaves: the map, its gates, and the map in float32 if wanted.
type Made<'a> = (Map<'a>, Loan<'a, Word>, Option<Loan<'a, f32>>);

/// What is wanted of a convolution.
struct Layer<'a> {
    op: &'a Op,
    /// `[block of 32 channels]`.
    bias: &'a [Halves],
    residual: Residual<'a>,
    /// Parts of the map written.
    parts: usize,
    /// Whether it is wanted in float32 too.
    floats: bool,
}

impl<'a> TileRun<'a> {
    /// Runs `images`, `[n, 224, 224, 3]`; `see(block, output)` is shown the outputs that are wanted.
    pub(crate) fn forward(&mut self, images: &[f32], see: &mut dyn FnMut(usize, &[f32])) {
        let plan = self.plan;
        let mut pooled = plan.floats.take(self.n * max_pool::OUTPUT_LEN);
        self.codes.resize(self.n * max_pool::CODES_LEN, 0);
        plan.stem.forward_pooled(plan.machine, images, &mut pooled, &mut self.codes);
        self.blocks_from(0, &pooled, see);
    }

    /// Runs the network from the outputs of a block on, `[n, side, side, channels]`.
    pub(crate) fn resume(&mut self, block: usize, outputs: &[f32]) {
        self.whole = 1;
        self.blocks_from(block + 1, outputs, &mut |_, _| ());
    }

    /// From what enters block `first`, NHWC, to the logits, with the gates on the way.
    fn blocks_from(&mut self, first: usize, x: &[f32], see: &mut dyn FnMut(usize, &[f32])) {
        let (plan, n) = (self.plan, self.n);
        let Some(entry) = plan.blocks.get(first) else {
            return plan.head.forward(plan.machine.token, x, &mut self.logits);
        };
        let side = entry.geometry[self.whole].side_in;
        let channels = x.len() / (n * side * side);
        let mut map = Map::take(&plan.lines, Layout::Dense { side }, n, channels, plan.parts_read(first));
        map.pack(plan.machine.token, x);
        let floats = plan.recipe.exact_shortcut.then(|| {
            let mut floats = plan.floats.take(x.len());
            from_nhwc(x, n, channels, &mut floats);
            floats
        });
        let mut input = Input { map, floats };
        for (index, block) in plan.blocks.iter().enumerate().skip(first) {
            let (last, wanted) = (index + 1 == plan.blocks.len(), self.outputs.contains(&index));
            let (output, gates) = plan.block_forward(index, &block.geometry[self.whole], &input, wanted || last);
            self.gates.push(gates);
            if let Some(floats) = output.floats.as_ref().filter(|_| wanted || last) {
                let mut nhwc = plan.floats.take(floats.len());
                to_nhwc(floats, n, block.expand.bias.len(), &mut nhwc);
                if wanted {
                    see(index, &nhwc);
                }
                if last {
                    plan.head.forward(plan.machine.token, &nhwc, &mut self.logits);
                }
            }
            input = output;
        }
    }
}

impl TilePlan {
    /// Parts of what block `index` reads: as many as its readers want.
    fn parts_read(&self, index: usize) -> usize {
        let readers = self.blocks.get(index).into_iter().flat_map(|b| [Some(&b.reduce), b.project.as_ref()]).flatten();
        readers.map(|both| both.forward.scheme.x_parts()).max().unwrap_or(1)
    }

    fn block_forward<'a>(
        &'a self,
        index: usize,
        geometry: &Geometry,
        input: &Input<'a>,
        floats: bool,
    ) -> (Input<'a>, Gates<'a>) {
        let block = &self.blocks[index];
        let even = (geometry.reduce_even || geometry.project_even).then(|| input.map.even(&self.lines));
        let x = if geometry.reduce_even { even.as_ref().unwrap_or(&input.map) } else { &input.map };
        let plain = |op, bias, next: &Both| Layer {
            op,
            bias,
            residual: Residual::None,
            parts: next.forward.scheme.x_parts(),
            floats: false,
        };
        let layer = plain(&geometry.reduce, &block.biases[0], &block.spatial);
        let (r, reduce, _) = self.conv_relu(layer, &[term(x, &block.reduce)]);
        let layer = plain(&geometry.spatial, &block.biases[1], &block.expand);
        let (s, spatial, _) = self.conv_relu(layer, &[term(&r, &block.spatial)]);
        drop(r);

        let residual = match (&block.project, &input.floats) {
            (Some(_), _) => Residual::None,
            (None, Some(values)) => {
                let pixels = geometry.side_in * geometry.side_in;
                Residual::Floats { values, pixels, places: &geometry.shortcut }
            }
            (None, None) => Residual::Parts(&input.map, &geometry.shortcut),
        };
        let layer = Layer {
            op: &geometry.expand,
            bias: &block.biases[2],
            residual,
            parts: self.parts_read(index + 1),
            floats: floats || self.recipe.exact_shortcut,
        };
        let s = term(&s, &block.expand);
        let (map, output, floats) = match &block.project {
            Some(project) => self.conv_relu(layer, &[s, term(even.as_ref().unwrap_or(&input.map), project)]),
            None => self.conv_relu(layer, &[s]),
        };
        (Input { map, floats }, Gates { reduce, spatial, output })
    }

    fn conv_relu(&self, layer: Layer<'_>, terms: &[Term<'_>]) -> Made<'_> {
        let Layer { op, bias, residual, parts, floats } = layer;
        let n = terms[0].map.n;
        let mut y = Map::take(&self.lines, op.to, n, bias.len() * CHANNELS, parts);
        let pixels = bias.len() * n * op.to.pixels();
        let mut words = self.words.take(pixels);
        let mut kept = floats.then(|| self.floats.take(pixels * CHANNELS));
        let finish = Finish { bias: Some(bias), residual, gate: Gate::Relu };
        let extra = Extra { floats: kept.as_deref_mut().unwrap_or_default(), words: &mut words };
        run(self.machine, op, terms, finish, &mut y, extra);
        (y, words, kept)
    }
}

fn term<'a>(map: &'a Map<'a>, conv: &'a Both) -> Term<'a> {
    Term { map, panels: &conv.forward }
}
