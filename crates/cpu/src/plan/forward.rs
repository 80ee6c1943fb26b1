//! The forward pass: activations from place to place, gate bits and pool codes kept.

use backlit_net::{CLASSES, IMAGE_LEN};

use super::Run;
use super::memory::{Arena, Part, words};
use super::steps::{Forward, Step};
use crate::ops::conv2d::{Epilogue, Gate, Residual};
use crate::ops::max_pool;

impl Run<'_> {
    /// Runs `images`, `[n, 224, 224, 3]`; `see(block, output)` is shown at least the outputs that are wanted.
    pub(crate) fn forward(&mut self, images: &[f32], see: &mut dyn FnMut(usize, &[f32])) {
        self.steps(0, images, see);
    }

    /// Runs the network from the outputs of a block on, `[n, side, side, channels]`.
    pub(crate) fn resume(&mut self, block: usize, outputs: &[f32]) {
        let route = self.route;
        let step = route.forward.blocks[block];
        let slot = route.forward.steps[step].writes.expect("a block has an output");
        self.arena.slab.floats()[self.layout.forward.of(slot, self.batch)].copy_from_slice(outputs);
        self.steps(step + 1, &[], &mut |_, _| ());
    }

    fn steps(&mut self, mut first: usize, images: &[f32], see: &mut dyn FnMut(usize, &[f32])) {
        let (table, batch) = (&self.route.forward, self.batch);
        if batch.in_parts() && first < table.near.end {
            assert_eq!(first, table.near.start, "the parts of a batch begin together");
            for part in batch.parts() {
                for step in &table.steps[table.near.clone()] {
                    self.forward_step(step, images, &part);
                }
            }
            first = table.near.end;
        }
        for step in &table.steps[first..] {
            self.forward_step(step, images, &batch.all());
            if let (Forward::Expand(block), Some(slot)) = (step.op, step.writes) {
                let range = self.layout.forward.of(slot, batch);
                see(block, &self.arena.slab.floats()[range]);
            }
        }
    }

    fn forward_step(&mut self, step: &Step<Forward>, images: &[f32], part: &Part) {
        let (plan, route, layout, token) = (self.plan, self.route, self.layout, self.plan.token);
        let Arena { slab, kept } = &mut *self.arena;
        let ([x, shortcut], y) = layout.forward.views(step, part, slab.floats());
        match step.op {
            Forward::Stem => {
                let codes = &mut kept.codes[part.range(max_pool::CODES_LEN)];
                plan.stem.forward_pooled(token, &images[part.range(IMAGE_LEN)], y, codes)
            }
            Forward::Reduce(b) => {
                let gate = Gate::Relu(&mut kept.gates[words(layout.gates[b].reduce, part)]);
                route.blocks[b].reduce.run(x, y, Epilogue { residual: None, gate });
            }
            Forward::Spatial(b) => {
                let gate = Gate::Relu(&mut kept.gates[words(layout.gates[b].spatial, part)]);
                route.blocks[b].spatial[0].run(x, y, Epilogue { residual: None, gate });
            }
            Forward::Expand(b) => {
                let gate = Gate::Relu(&mut kept.gates[words(layout.gates[b].output, part)]);
                let (block, conv) = (&plan.network.blocks[b], &route.blocks[b].expand);
                if block.project.is_some() {
                    conv.run_sum(&[x, shortcut], y, Epilogue { residual: None, gate });
                } else {
                    let residual = Some(match route.shapes[b].output {
                        true => Residual::FromEven { data: shortcut, side: block.side_out() },
                        false => Residual::Same(shortcut),
                    });
                    conv.run(x, y, Epilogue { residual, gate });
                }
            }
            Forward::Head => plan.head.forward(token, x, &mut kept.logits[part.range(CLASSES)]),
        }
    }
}
