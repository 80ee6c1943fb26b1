//! The forward pass: activations from place to place, gate bits and pool codes kept.

use backlit_net::CLASSES;

use super::Run;
use super::memory::{Arena, words};
use super::pack::BothWays;
use super::steps::{Forward, Step};
use crate::lanes::GateWord;
use crate::ops::conv2d::{Epilogue, Gate, Residual};
use crate::ops::max_pool;

impl Run<'_> {
    /// Runs `images`, `[n, 224, 224, 3]`; `see(block, output)` is shown the output of every block.
    pub(crate) fn forward(&mut self, images: &[f32], see: &mut dyn FnMut(usize, &[f32])) {
        self.steps(0, images, see);
    }

    /// Runs the network from the outputs of a block on, `[n, side, side, channels]`.
    pub(crate) fn resume(&mut self, block: usize, outputs: &[f32]) {
        let (plan, n) = (self.plan, self.n);
        let step = plan.forward.blocks[block];
        let slot = plan.forward.steps[step].writes.expect("a block has an output");
        self.arena.slab.floats()[plan.layout.forward.of(slot, n)].copy_from_slice(outputs);
        self.steps(step + 1, &[], &mut |_, _| ());
    }

    fn steps(&mut self, first: usize, images: &[f32], see: &mut dyn FnMut(usize, &[f32])) {
        for step in &self.plan.forward.steps[first..] {
            self.forward_step(step, images);
            if let (Forward::Expand(block), Some(slot)) = (step.op, step.writes) {
                let range = self.plan.layout.forward.of(slot, self.n);
                see(block, &self.arena.slab.floats()[range]);
            }
        }
    }

    fn forward_step(&mut self, step: &Step<Forward>, images: &[f32]) {
        let (plan, n, token) = (self.plan, self.n, self.plan.token);
        let Arena { slab, kept } = &mut *self.arena;
        let ([x, shortcut], y) = plan.layout.forward.views(step, n, slab.floats());
        match step.op {
            Forward::Stem => plan.stem.forward_pooled(token, images, y, &mut kept.codes[..n * max_pool::CODES_LEN]),
            Forward::Reduce(b) => {
                let gates = &mut kept.gates[words(plan.layout.gates[b].reduce, n)];
                conv_relu(&plan.blocks[b].reduce, x, None, gates, y);
            }
            Forward::Spatial(b) => {
                let gates = &mut kept.gates[words(plan.layout.gates[b].spatial, n)];
                conv_relu(&plan.blocks[b].spatial, x, None, gates, y);
            }
            Forward::Project(b) => {
                let project = plan.blocks[b].project.as_ref().expect("the table has a projection where the block has");
                project.forward.run(x, y, Epilogue { residual: None, gate: Gate::None });
            }
            Forward::Expand(b) => {
                let gates = &mut kept.gates[words(plan.layout.gates[b].output, n)];
                conv_relu(&plan.blocks[b].expand, x, Some(shortcut), gates, y);
            }
            Forward::Head => plan.head.forward(token, x, &mut kept.logits[..n * CLASSES]),
        }
    }
}

fn conv_relu(conv: &BothWays, x: &[f32], residual: Option<&[f32]>, gates: &mut [GateWord], y: &mut [f32]) {
    conv.forward.run(x, y, Epilogue { residual: residual.map(Residual::Same), gate: Gate::Relu(gates) });
}
