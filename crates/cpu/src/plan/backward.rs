//! The backward pass: one seed an image from the logits down, each gradient through the gates that forward left.

use backlit_net::engine::question::Pass;
use backlit_net::{CLASSES, Rule};

use super::memory::{Arena, Kept, Part, words};
use super::steps::{Backward, Slot, Step};
use super::{Place, Run, STEM};
use crate::gates;
use crate::ops::conv2d::{Epilogue, Gate, Residual};
use crate::ops::{max_pool, stem};

impl Run<'_> {
    /// Sends the chosen seeds back, and shows `see` the gradient at every place that is asked for; at convolutions at
    /// least with `convs`, that at the stem's map, which is otherwise never whole in memory, only then.
    pub(crate) fn backward(&mut self, pass: &Pass<'_>, convs: bool, see: &mut dyn FnMut(Place, &[f32])) {
        let (table, batch) = (&self.route.backward, self.batch);
        // Nobody looks at what is done in parts, but at its end.
        let unseen = |block: &usize| table.blocks[*block] < table.near.start;
        assert!(!batch.in_parts() || !convs && pass.taps.iter().all(unseen) && pass.ends_at().iter().all(unseen));
        let (whole, parted) = table.steps.split_at(match batch.in_parts() {
            true => table.near.start,
            false => table.steps.len(),
        });
        for step in whole {
            if let Backward::Expand(block) = step.op
                && pass.taps.contains(&block)
            {
                self.tap(step, block, pass, see);
            }
            if let Backward::Expand(block) = step.op
                && pass.ends_at() == Some(block)
            {
                return;
            }
            self.show(step, see);
            if convs && matches!(step.op, Backward::Stem) {
                self.show_stem(step, pass.rule, see);
            }
            self.backward_step(step, pass, &batch.all());
        }
        for part in batch.parts() {
            for step in parted {
                self.backward_step(step, pass, &part);
            }
        }
        if let Some(slot) = table.steps.last().and_then(|step| step.writes) {
            see(Place::Input, &self.arena.slab.floats()[self.layout.backward.of(slot, batch)]);
        }
    }

    /// The gradient at the output of a block that is looked at, before and then behind the block's ReLU.
    fn tap(&mut self, step: &Step<Backward>, block: usize, pass: &Pass<'_>, see: &mut dyn FnMut(Place, &[f32])) {
        let (layout, batch) = (self.layout, self.batch);
        let Arena { slab, kept } = &mut *self.arena;
        let d = &mut slab.floats()[step.reads[0].map_or(0..0, |slot| layout.backward.of(slot, batch))];
        see(Place::Tap(block), d);
        gates::relu_dgrad_all(pass.rule, &kept.gates[words(layout.gates[block].output, &batch.all())], d);
    }

    /// Shows the gradients at the outputs of the convolutions through which a step leads; a projection is shown after
    /// the branch that it goes around, whichever of them is computed first.
    fn show(&mut self, step: &Step<Backward>, see: &mut dyn FnMut(Place, &[f32])) {
        let (blocks, layout, batch) = (&self.plan.network.blocks, self.layout, self.batch);
        let floats = self.arena.slab.floats();
        let mut show = |conv, slot: Option<Slot>| {
            see(Place::Conv(conv), &floats[slot.map_or(0..0, |slot| layout.backward.of(slot, batch))]);
        };
        match step.op {
            Backward::Expand(b) => show(blocks[b].expand.index, step.reads[0]),
            Backward::Spatial(b) => show(blocks[b].spatial.index, step.reads[0]),
            Backward::Reduce(b) => {
                show(blocks[b].reduce.index, step.reads[0]);
                if let Some(project) = &blocks[b].project {
                    show(project.index, step.reads[1]);
                }
            }
            Backward::Stem | Backward::Head => {}
        }
    }

    /// Shows the gradient at the stem's map.
    fn show_stem(&mut self, step: &Step<Backward>, rule: Rule, see: &mut dyn FnMut(Place, &[f32])) {
        let (plan, n) = (self.plan, self.batch.n);
        let Arena { slab, kept } = &mut *self.arena;
        let ([d, _], _) = self.layout.backward.views(step, &self.batch.all(), slab.floats());
        let mut map = vec![0.0; n * stem::OUTPUT_LEN];
        let back = max_pool::Back { border: plan.border, rule, codes: &kept.codes[..n * max_pool::CODES_LEN], dy: d };
        max_pool::dgrad(plan.token, back, &mut map);
        see(Place::Conv(STEM), &map);
    }

    fn backward_step(&mut self, step: &Step<Backward>, pass: &Pass<'_>, part: &Part) {
        let (plan, route, layout, token) = (self.plan, self.route, self.layout, self.plan.token);
        let rule = pass.rule;
        let Arena { slab, kept } = &mut *self.arena;
        let ([d, output], dx) = layout.backward.views(step, part, slab.floats());
        let Kept { gates, codes, seeds, .. } = kept;
        let gate = |place| Gate::Rule(rule, &gates[words(place, part)]);
        // A tap is read before the gate of its block; anywhere else the gate is applied while sums are in registers.
        let below = |block: Option<usize>| {
            let block = block.filter(|block| !pass.taps.contains(block));
            block.map_or(Gate::None, |block| gate(layout.gates[block].output))
        };
        match step.op {
            Backward::Head => {
                let gate = match below(route.blocks.len().checked_sub(1)) {
                    Gate::Rule(rule, words) => Some((rule, words)),
                    _ => None,
                };
                plan.head.dgrad(token, &seeds[part.range(CLASSES)], gate, dx)
            }
            Backward::Expand(b) => {
                let gate = gate(layout.gates[b].spatial);
                route.blocks[b].expand_dgrad.run(d, dx, Epilogue { residual: None, gate });
            }
            Backward::Spatial(b) => {
                let gate = gate(layout.gates[b].reduce);
                route.blocks[b].spatial[1].run(d, dx, Epilogue { residual: None, gate });
            }
            Backward::Reduce(b) => {
                let (gate, block) = (below(b.checked_sub(1)), &plan.network.blocks[b]);
                let conv = &route.blocks[b].input_dgrad;
                if block.project.is_some() {
                    conv.run_sum(&[d, output], dx, Epilogue { residual: None, gate });
                } else {
                    let residual = Some(match route.shapes[b].output {
                        true => Residual::OntoEven { data: output, side: block.side_out().div_ceil(2) },
                        false => Residual::Same(output),
                    });
                    conv.run(d, dx, Epilogue { residual, gate });
                }
            }
            Backward::Stem => {
                let codes = &codes[part.range(max_pool::CODES_LEN)];
                let back = max_pool::Back { border: plan.border, rule, codes, dy: d };
                plan.stem.dgrad_pooled(token, back, dx);
            }
        }
    }
}
