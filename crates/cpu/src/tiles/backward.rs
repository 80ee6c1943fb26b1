//! The backward pass in tiles: one seed an image from the logits down, each gradient through the gates that forward
//! left.
//!
//! Gradients have as many parts as the scheme reads, one as a rule. That is enough: their rounding errors add up to
//! less than a hundredth, for no gate depends on them.

use backlit_net::engine::question::Pass;
use backlit_net::{FEATURES, Rule};

use super::block::{BlockPlan, Both, Geometry};
use super::conv::{Extra, Term, run};
use super::finish::{Finish, Gate, Residual, Word};
use super::layout::Layout;
use super::map::{CHANNELS, Map};
use super::op::Op;
use super::plan::{TilePlan, TileRun};
use super::recast::{gate_map, to_nhwc};
use crate::ops::{max_pool, stem};
use crate::plan::{Place, STEM};

/// Shown what is met.
type See<'a> = dyn FnMut(Place, &[f32]) + 'a;

impl<'a> TileRun<'a> {
    /// Sends the chosen seeds back, and shows `see` the gradient at every place of the pass; at convolutions only with
    /// `convs`.
    pub(crate) fn backward(&mut self, pass: &Pass<'_>, convs: bool, see: &mut See<'_>) {
        let (plan, n, rule) = (self.plan, self.n, pass.rule);
        let mut d = self.head_back(pass);
        for (index, block) in plan.blocks.iter().enumerate().rev() {
            let (gates, geometry) = (&self.gates[index], &block.geometry[self.whole]);
            if pass.taps.contains(&index) {
                self.show(Place::Tap(index), &d, see);
                if pass.ends_at() == Some(index) {
                    return;
                }
                gate_map(plan.machine.token, rule, &gates.output, &mut d);
            }
            let ds = plan.dgrad(&block.expand, &geometry.expand_back, &d, (rule, &gates.spatial));
            let dr = plan.dgrad(&block.spatial, &geometry.spatial_back, &ds, (rule, &gates.reduce));
            if convs {
                self.show(Place::Conv(block.expand.index), &d, see);
                self.show(Place::Conv(block.spatial.index), &ds, see);
                self.show(Place::Conv(block.reduce.index), &dr, see);
                if let Some(project) = &block.project {
                    self.show(Place::Conv(project.index), &d, see);
                }
            }
            drop(ds);

            // What enters the block: the gate of the block before is applied on the way, unless someone looks first.
            let before = index.checked_sub(1).filter(|before| !pass.taps.contains(before));
            let gate = before.map_or(Gate::None, |before| Gate::Rule(rule, &self.gates[before].output));
            let op = &geometry.reduce_back;
            let channels = block.reduce.back.write_blocks * CHANNELS;
            if index > 0 {
                let mut to = Map::take(&plan.lines, op.to, n, channels, plan.back_parts());
                plan.reduce_back((block, geometry), &dr, &d, gate, &mut to, Extra::default());
                d = to;
            } else {
                // Those who come after want float32.
                let mut to = Map::take(&plan.lines, op.to, n, channels, 0);
                let mut pooled = plan.floats.take(n * op.to.pixels() * channels);
                let extra = Extra { floats: &mut pooled, words: &mut [] };
                plan.reduce_back((block, geometry), &dr, &d, gate, &mut to, extra);
                self.stem_back(rule, &pooled, convs, see);
            }
        }
    }

    /// From the seeds to the last block's output, through its gate unless someone looks first.
    fn head_back(&self, pass: &Pass<'_>) -> Map<'a> {
        let (plan, n, last) = (self.plan, self.n, self.plan.blocks.len() - 1);
        let mut floats = plan.floats.take(n * plan.block_len(last));
        plan.head.dgrad(plan.machine.token, &self.seeds, None, &mut floats);
        let side = plan.blocks[last].geometry[self.whole].side_out;
        let mut d = Map::take(&plan.lines, Layout::Dense { side }, n, FEATURES, plan.back_parts());
        d.pack(plan.machine.token, &floats);
        if !pass.taps.contains(&last) {
            gate_map(plan.machine.token, pass.rule, &self.gates[last].output, &mut d);
        }
        d
    }

    /// From the pool's output, `[block of 32 channels][n][pixel][32]`, to the image.
    fn stem_back(&self, rule: Rule, pooled: &[f32], convs: bool, see: &mut See<'_>) {
        let (plan, n) = (self.plan, self.n);
        let mut d = plan.floats.take(pooled.len());
        to_nhwc(pooled, n, stem::C_OUT, &mut d);
        // A power of two: exact, and the rest of the way is in float32.
        times(&mut d, &self.unscale);
        let back = max_pool::Back { border: plan.border, rule, codes: &self.codes, dy: &d };
        if convs {
            let mut map = plan.floats.take(n * stem::OUTPUT_LEN);
            max_pool::dgrad(plan.machine.token, back, &mut map);
            see(Place::Conv(STEM), &map);
        }
        let mut dx = plan.floats.take(n * backlit_net::IMAGE_LEN);
        plan.stem_back.dgrad_pooled(plan.machine.token, back, &mut dx);
        see(Place::Input, &dx);
    }

    fn show(&self, place: Place, map: &Map<'_>, see: &mut See<'_>) {
        let mut floats = self.plan.floats.take(self.n * map.layout.pixels() * map.blocks * CHANNELS);
        map.unpack(&self.unscale, &mut floats);
        see(place, &floats);
    }
}

impl TilePlan {
    /// Parts of a gradient between blocks.
    fn back_parts(&self) -> usize {
        self.recipe.back_parts.max(self.recipe.back.x_parts())
    }

    /// Inside a block.
    fn dgrad(&self, conv: &Both, op: &Op, d: &Map<'_>, (rule, words): (Rule, &[Word])) -> Map<'_> {
        let channels = conv.back.write_blocks * CHANNELS;
        let mut to = Map::take(&self.lines, op.to, d.n, channels, self.recipe.back.x_parts());
        let finish = Finish { bias: None, residual: Residual::None, gate: Gate::Rule(rule, words) };
        run(self.machine, op, &[back(d, conv)], finish, &mut to, Extra::default());
        to
    }

    /// Out of a block: from the reduction's output, `dr`, and the block's, `d`.
    fn reduce_back(
        &self,
        (block, geometry): (&BlockPlan, &Geometry),
        dr: &Map<'_>,
        d: &Map<'_>,
        gate: Gate<'_>,
        to: &mut Map<'_>,
        extra: Extra<'_>,
    ) {
        let (op, dr) = (&geometry.reduce_back, back(dr, &block.reduce));
        let go = |terms: &[Term<'_>], residual: Residual<'_>| {
            run(self.machine, op, terms, Finish { bias: None, residual, gate }, to, extra)
        };
        match &block.project {
            None => go(&[dr], Residual::Parts(d, &geometry.shortcut_back)),
            Some(project) if geometry.project_even => {
                let alone = Op::pointwise(d.layout, 1);
                let channels = project.back.write_blocks * CHANNELS;
                let mut shortcut = Map::take(&self.lines, alone.to, d.n, channels, self.back_parts());
                let finish = Finish { bias: None, residual: Residual::None, gate: Gate::None };
                run(self.machine, &alone, &[back(d, project)], finish, &mut shortcut, Extra::default());
                go(&[dr], Residual::Parts(&shortcut, &geometry.shortcut_back));
            }
            Some(project) => go(&[dr, back(d, project)], Residual::None),
        }
    }
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
