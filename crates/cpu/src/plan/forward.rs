//! The forward pass: activations from place to place, gate bits and pool codes kept.

use backlit_net::CLASSES;

use super::Run;
use super::memory::{Arena, words};
use super::steps::{Forward, Step};
use crate::ops::conv2d::{Epilogue, Gate, Residual};
use crate::ops::max_pool;

impl Run<'_> {
    /// Runs `images`, `[n, 224, 224, 3]`; `see(block, output)` is shown the output of every block.
    pub(crate) fn forward(&mut self, images: &[f32], see: &mut dyn FnMut(usize, &[f32])) {
        self.steps(0, images, see);
    }

    /// Runs the network from the outputs of a block on, `[n, side, side, channels]`.
    pub(crate) fn resume(&mut self, block: usize, outputs: &[f32]) {
        let (route, n) = (self.route, self.n);
        let step = route.forward.blocks[block];
        let slot = route.forward.steps[step].writes.expect("a block has an output");
        self.arena.slab.floats()[route.layout.forward.of(slot, n)].copy_from_slice(outputs);
        self.steps(step + 1, &[], &mut |_, _| ());
    }

    fn steps(&mut self, first: usize, images: &[f32], see: &mut dyn FnMut(usize, &[f32])) {
        for step in &self.route.forward.steps[first..] {
            self.forward_step(step, images);
            if let (Forward::Expand(block), Some(slot)) = (step.op, step.writes) {
                let range = self.route.layout.forward.of(slot, self.n);
                see(block, &self.arena.slab.floats()[range]);
            }
        }
    }

    fn forward_step(&mut self, step: &Step<Forward>, images: &[f32]) {
        let (plan, route, n, token) = (self.plan, self.route, self.n, self.plan.token);
        let Arena { slab, kept } = &mut *self.arena;
        let ([x, shortcut], y) = route.layout.forward.views(step, n, slab.floats());
        match step.op {
            Forward::Stem => plan.stem.forward_pooled(token, images, y, &mut kept.codes[..n * max_pool::CODES_LEN]),
            Forward::Reduce(b) => {
                let gate = Gate::Relu(&mut kept.gates[words(route.layout.gates[b].reduce, n)]);
                route.blocks[b].reduce.run(x, y, Epilogue { residual: None, gate });
            }
            Forward::Spatial(b) => {
                let gate = Gate::Relu(&mut kept.gates[words(route.layout.gates[b].spatial, n)]);
                route.blocks[b].spatial[0].run(x, y, Epilogue { residual: None, gate });
            }
            Forward::Expand(b) => {
                let gate = Gate::Relu(&mut kept.gates[words(route.layout.gates[b].output, n)]);
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
            Forward::Head => plan.head.forward(token, x, &mut kept.logits[..n * CLASSES]),
        }
    }
}
