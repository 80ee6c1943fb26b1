//! The backward pass: one seed an image from the logits down, each gradient through the gates that forward left.

use backlit_net::engine::question::Pass;
use backlit_net::{CLASSES, Rule};

use super::memory::{Arena, Kept, words};
use super::pack::BothWays;
use super::steps::{Backward, Slot, Step};
use super::{Place, Run, STEM};
use crate::gates;
use crate::lanes::GateWord;
use crate::ops::conv2d::{Epilogue, Gate, Residual};
use crate::ops::{max_pool, stem};

/// The rule of a ReLU, with the bits that its forward pass left; none where the gradient is wanted before it.
type Applied<'a> = Option<(Rule, &'a [GateWord])>;

impl Run<'_> {
    /// Sends the chosen seeds back, and shows `see` the gradient at every place that they pass.
    ///
    /// With `convs`, the gradient at the stem's map is made to be seen too; otherwise it is never whole in memory.
    pub(crate) fn backward(&mut self, pass: &Pass<'_>, convs: bool, see: &mut dyn FnMut(Place, &[f32])) {
        let plan = self.plan;
        for step in &plan.backward.steps {
            if let Backward::Expand(block) = step.op
                && pass.taps.contains(&block)
            {
                self.tap(step, block, pass, see);
                if pass.ends_at() == Some(block) {
                    return;
                }
            }
            self.show(step, see);
            if convs && matches!(step.op, Backward::Stem) {
                self.show_stem(step, pass.rule, see);
            }
            self.backward_step(step, pass);
        }
        if let Some(slot) = plan.backward.steps.last().and_then(|step| step.writes) {
            see(Place::Input, &self.arena.slab.floats()[plan.layout.backward.of(slot, self.n)]);
        }
    }

    /// The gradient at the output of a block that is looked at, before and then behind the block's ReLU.
    fn tap(&mut self, step: &Step<Backward>, block: usize, pass: &Pass<'_>, see: &mut dyn FnMut(Place, &[f32])) {
        let (layout, n) = (&self.plan.layout, self.n);
        let Arena { slab, kept } = &mut *self.arena;
        let d = &mut slab.floats()[step.reads[0].map_or(0..0, |slot| layout.backward.of(slot, n))];
        see(Place::Tap(block), d);
        gates::relu_dgrad_all(pass.rule, &kept.gates[words(layout.gates[block].output, n)], d);
    }

    /// Shows the gradients at the outputs of the convolutions through which a step leads; a projection is shown after
    /// the branch that it goes around, whichever of them is computed first.
    fn show(&mut self, step: &Step<Backward>, see: &mut dyn FnMut(Place, &[f32])) {
        let (plan, n) = (self.plan, self.n);
        let floats = self.arena.slab.floats();
        let mut show = |conv, slot: Option<Slot>| {
            see(Place::Conv(conv), &floats[slot.map_or(0..0, |slot| plan.layout.backward.of(slot, n))]);
        };
        match step.op {
            Backward::Expand(b) => show(plan.blocks[b].expand.index, step.reads[0]),
            Backward::Spatial(b) => show(plan.blocks[b].spatial.index, step.reads[0]),
            Backward::Reduce(b) => {
                show(plan.blocks[b].reduce.index, step.reads[0]);
                if let Some(project) = &plan.blocks[b].project {
                    // Nothing has been written over it since the projection's own step read it.
                    let output = plan.backward.steps[plan.backward.blocks[b]].reads[0];
                    show(project.index, output);
                }
            }
            Backward::Stem | Backward::Head | Backward::Project(_) => {}
        }
    }

    /// Shows the gradient at the stem's map.
    fn show_stem(&mut self, step: &Step<Backward>, rule: Rule, see: &mut dyn FnMut(Place, &[f32])) {
        let (plan, n) = (self.plan, self.n);
        let Arena { slab, kept } = &mut *self.arena;
        let ([d, _], _) = plan.layout.backward.views(step, n, slab.floats());
        let mut map = vec![0.0; n * stem::OUTPUT_LEN];
        let back = max_pool::Back { border: plan.border, rule, codes: &kept.codes[..n * max_pool::CODES_LEN], dy: d };
        max_pool::dgrad(plan.token, back, &mut map);
        see(Place::Conv(STEM), &map);
    }

    fn backward_step(&mut self, step: &Step<Backward>, pass: &Pass<'_>) {
        let (plan, n, token, rule) = (self.plan, self.n, self.plan.token, pass.rule);
        let Arena { slab, kept } = &mut *self.arena;
        let ([d, shortcut], dx) = plan.layout.backward.views(step, n, slab.floats());
        let Kept { gates, codes, seeds, .. } = kept;
        let gate = |place| Some((rule, &gates[words(place, n)]));
        // A tap is read before the gate of its block; anywhere else the gate is applied while sums are in registers.
        let below = |block: Option<usize>| {
            block.filter(|block| !pass.taps.contains(block)).and_then(|block| gate(plan.layout.gates[block].output))
        };
        match step.op {
            Backward::Head => {
                plan.head.dgrad(token, &seeds[..n * CLASSES], below(plan.blocks.len().checked_sub(1)), dx)
            }
            Backward::Expand(b) => dgrad(&plan.blocks[b].expand, d, None, gate(plan.layout.gates[b].spatial), dx),
            Backward::Spatial(b) => dgrad(&plan.blocks[b].spatial, d, None, gate(plan.layout.gates[b].reduce), dx),
            Backward::Project(b) => {
                let project = plan.blocks[b].project.as_ref().expect("the table has a projection where the block has");
                dgrad(project, d, None, None, dx);
            }
            Backward::Reduce(b) => dgrad(&plan.blocks[b].reduce, d, Some(shortcut), below(b.checked_sub(1)), dx),
            Backward::Stem => {
                let back =
                    max_pool::Back { border: plan.border, rule, codes: &codes[..n * max_pool::CODES_LEN], dy: d };
                plan.stem.dgrad_pooled(token, back, dx);
            }
        }
    }
}

fn dgrad(conv: &BothWays, dy: &[f32], residual: Option<&[f32]>, gate: Applied<'_>, dx: &mut [f32]) {
    let gate = gate.map_or(Gate::None, |(rule, words)| Gate::Rule(rule, words));
    conv.dgrad.run(dy, dx, Epilogue { residual: residual.map(Residual::Same), gate });
}
