//! One batch of images in the memory of a machine, step by step.

use backlit_net::arch::BLOCKS;
use backlit_net::engine::question::Pass;
use backlit_net::{CLASSES, Rule};

use super::unpool::unpool;
use super::{Memory, Parts};
use crate::CudaError;
use crate::copy::copy;
use crate::ops::head::{HeadArgs, HeadDgradArgs};
use crate::ops::sample::Source;
use crate::ops::stem::{StemArgs, StemDgradArgs};
use crate::plan::{BackStep, Name, Plan, Shared, Tensors};
use crate::planes::{Planes, Span, Storage};

/// Shown the gradient of every convolution's output: `see(seed, convolution, gradient)`.
pub(crate) type See<'a> = dyn FnMut(usize, usize, &[f32]) + Send + 'a;

/// Given the floats of some images of the batch: `look(which, first image, floats of an image, floats)`.
pub(crate) type Look<'a> = dyn FnMut(usize, usize, usize, &[f32]) + 'a;

/// Shown the gradient of every convolution's output of one image and seed.
pub(crate) type SeeConv<'a> = dyn FnMut(usize, &[f32]) + Send + 'a;

/// All that a batch of `n` images needs.
pub(crate) struct Batch<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) memory: &'a mut Memory,
    pub(super) plan: &'a mut Plan,
    pub(super) n: usize,
    /// Whether all pixels of every block are computed.
    pub(super) whole: bool,
}

impl<'a> Batch<'a> {
    fn shared(&self) -> Result<Shared<'a>, CudaError> {
        let parts = self.parts;
        Ok(Shared {
            convs: &parts.convs[usize::from(self.whole)],
            weights: &parts.blocks,
            format: parts.format,
            base: self.memory.base()?,
        })
    }

    /// Sends images to the device, while kernels run.
    pub(super) fn bring(&mut self, slot: usize, images: &[f32]) -> Result<(), CudaError> {
        let fill = |host: &mut [f32]| {
            copy(std::iter::once((host, images)));
            Ok::<_, CudaError>(())
        };
        self.memory.x[slot].send(images.len(), &self.parts.stream, fill)?;
        Ok(())
    }

    /// Sends the seeds number `seed` of all images to the device; `rows` is `[n, per_image, 1000]`.
    pub(super) fn bring_seeds(&mut self, slot: usize, seed: usize, rows: &[f32]) -> Result<(), CudaError> {
        let len = rows.len() / self.n;
        let fill = |host: &mut [f32]| {
            for (to, rows) in host.chunks_exact_mut(CLASSES).zip(rows.chunks_exact(len)) {
                to.copy_from_slice(&rows[seed * CLASSES..][..CLASSES]);
            }
            Ok::<_, CudaError>(())
        };
        self.memory.seeds[slot].send(self.n * CLASSES, &self.parts.stream, fill)?;
        Ok(())
    }

    /// Queues the stem: what enters block 0, and the winners of the pool.
    pub(super) fn stem(&mut self, from: Source) -> Result<(), CudaError> {
        let out = self.plan.tensors(&self.shared()?).planes(Name::Input(0))?;
        let (parts, codes) = (self.parts, self.memory.codes());
        let args = StemArgs { n: self.n, from, weights: &parts.stem_weights, out, codes };
        parts.stem.launch(&parts.stream, &args)
    }

    /// Queues all blocks, and copies the outputs of those in `outputs` to the host.
    pub(super) fn forward(&mut self, outputs: &[usize], look: &mut Look<'_>) -> Result<(), CudaError> {
        let shared = self.shared()?;
        let stepwise = outputs.iter().any(|&block| block + 1 < BLOCKS);
        if !stepwise {
            self.plan.forward(&self.parts.stream, &shared)?;
        }
        for block in 0..BLOCKS {
            if stepwise {
                let tensors = self.plan.tensors(&shared);
                shared.convs.forward(&self.parts.stream, &tensors, &shared.weights[block], block)?;
            }
            for (which, _) in outputs.iter().enumerate().filter(|(_, wanted)| **wanted == block) {
                self.show(Name::Input(block + 1), &mut |image, len, values| look(which, image, len, values))?;
            }
        }
        Ok(())
    }

    /// Queues the blocks from `first` on.
    pub(super) fn forward_from(&mut self, first: usize) -> Result<(), CudaError> {
        let shared = self.shared()?;
        let tensors = self.plan.tensors(&shared);
        let mut rest = first..BLOCKS;
        rest.try_for_each(|i| shared.convs.forward(&self.parts.stream, &tensors, &shared.weights[i], i))
    }

    /// Queues the head and the copy of its logits to the host.
    pub(super) fn head(&mut self) -> Result<(), CudaError> {
        let x = self.plan.tensors(&self.shared()?).planes(Name::Input(BLOCKS))?;
        let (parts, pooled) = (self.parts, self.memory.pooled());
        let logits = self.memory.logits.room(&parts.stream)?;
        let args = HeadArgs { n: self.n, x, weights: &parts.head_weights, pooled, logits };
        parts.head.launch(&parts.stream, &args)?;
        self.memory.logits.fetch(self.n * CLASSES, &parts.stream)
    }

    /// Waits for the logits.
    pub(super) fn logits(&mut self, to: &mut [f32]) -> Result<(), CudaError> {
        self.memory.logits.look(|found| to.copy_from_slice(&found[..to.len()]))
    }

    /// Queues the way back of the seeds in a slot, down to the pooled map or the pass' lowest tap. `tap` is given what
    /// is met at the taps, `see` what is met at the convolutions.
    pub(super) fn backward(
        &mut self,
        slot: usize,
        pass: &Pass<'_>,
        tap: &mut Look<'_>,
        mut see: Option<&mut SeeConv<'_>>,
    ) -> Result<(), CudaError> {
        let shared = self.shared()?;
        let (parts, rule) = (self.parts, pass.rule);
        let tapped = |block: usize| pass.taps.contains(&block);
        self.head_back(slot, (!tapped(BLOCKS - 1)).then_some(rule))?;
        if pass.taps.is_empty() && see.is_none() {
            return self.plan.backward(&parts.stream, &shared, rule);
        }
        for block in (0..BLOCKS).rev() {
            let output = Name::InputBack(block + 1);
            if tapped(block) {
                for (which, _) in pass.taps.iter().enumerate().filter(|(_, wanted)| **wanted == block) {
                    self.show(output, &mut |image, len, values| tap(which, image, len, values))?;
                }
                if pass.ends_at() == Some(block) {
                    return Ok(());
                }
                self.gate(block, rule)?;
            }
            let table = &parts.network.blocks[block];
            self.show_conv(output, table.expand.index, &mut see)?;
            let below = BackStep::Input { gated: block > 0 && !tapped(block - 1) };
            for step in [BackStep::Spatial, BackStep::Reduced, below] {
                // The last step may write over the gradient that the projection has.
                if let (BackStep::Input { .. }, Some(project)) = (step, &table.project) {
                    self.show_conv(output, project.index, &mut see)?;
                }
                let tensors = self.plan.tensors(&shared);
                shared.convs.backward(&parts.stream, &tensors, &shared.weights[block], (block, step), rule)?;
                match step {
                    BackStep::Spatial => self.show_conv(Name::SpatialBack(block), table.spatial.index, &mut see)?,
                    BackStep::Reduced => self.show_conv(Name::ReducedBack(block), table.reduce.index, &mut see)?,
                    BackStep::Input { .. } => {}
                }
            }
        }
        match see {
            Some(see) => self.show_stem(rule, see),
            None => Ok(()),
        }
    }

    /// Shows the gradient of the stem's convolution, which no kernel keeps: it is un-pooled here once more.
    fn show_stem(&mut self, rule: Rule, see: &mut SeeConv<'_>) -> Result<(), CudaError> {
        let (stem, pool) = (&self.parts.network.stem, &self.parts.network.pool);
        let codes = self.memory.read_codes(self.n, self.parts)?;
        let side = self.parts.side() / 4;
        let mut gradient = Vec::new();
        self.show(Name::InputBack(0), &mut |_, _, d| gradient = unpool(d, &codes, side, rule, pool.border))?;
        see(stem.index, &gradient);
        Ok(())
    }

    /// Queues the way back of the seeds in a slot, down to the pooled map.
    pub(super) fn backward_plain(&mut self, slot: usize, rule: Rule) -> Result<(), CudaError> {
        let pass = Pass { rule, taps: &[], input: true };
        self.backward(slot, &pass, &mut |_, _, _, _| (), None)
    }

    fn head_back(&mut self, slot: usize, gated: Option<Rule>) -> Result<(), CudaError> {
        let tensors_shared = self.shared()?;
        let tensors = self.plan.tensors(&tensors_shared);
        let (parts, memory) = (self.parts, &*self.memory);
        let args = HeadDgradArgs {
            n: self.n,
            seeds: memory.seeds[slot].here(),
            weights: &parts.head_weights,
            dpool: memory.pooled_back(),
            gates: gated.map(|rule| (tensors.gates(Name::InputGates(BLOCKS)), rule)),
            dz: tensors.planes(Name::InputBack(BLOCKS))?,
            unscale: memory.unscale(),
        };
        parts.head_back.launch(&parts.stream, &args)
    }

    /// Applies the gate of a block's output to its gradient.
    fn gate(&mut self, block: usize, rule: Rule) -> Result<(), CudaError> {
        let shared = self.shared()?;
        let tensors = self.plan.tensors(&shared);
        let (map, name) = (tensors.map(Name::InputBack(block + 1)), Name::InputGates(block + 1));
        let (g, shape) = (tensors.planes(Name::InputBack(block + 1))?, [self.n, map.side, map.channels]);
        let order = tensors.order(name);
        self.parts.convert.gate(&self.parts.stream, shape, order, g, tensors.gates(name), rule)
    }

    /// Queues the gradient of the images and its copy to the host.
    pub(super) fn stem_back(&mut self, slot: usize, rule: Rule) -> Result<(), CudaError> {
        let dx = self.memory.dx[slot].room(&self.parts.stream)?;
        self.stem_back_to(dx, rule)?;
        self.memory.dx[slot].fetch(self.n * self.parts.image_len(), &self.parts.stream)
    }

    /// Queues the gradient of the images.
    pub(super) fn stem_back_to(&mut self, dx: Span<f32>, rule: Rule) -> Result<(), CudaError> {
        let d = self.plan.tensors(&self.shared()?).planes(Name::InputBack(0))?;
        let (parts, memory) = (self.parts, &*self.memory);
        let args = StemDgradArgs {
            n: self.n,
            d,
            codes: memory.codes(),
            unscale: memory.unscale(),
            weights: &parts.stem_weights,
            rule,
            border: parts.network.pool.border,
            dx,
        };
        parts.stem_back.launch(&parts.stream, &args)
    }

    /// Brings activations to where they enter block `index`, or the head.
    pub(super) fn enter(&mut self, index: usize, len: usize, outputs: &[f32]) -> Result<(), CudaError> {
        let to = self.plan.tensors(&self.shared()?).planes(Name::Input(index))?;
        let parts = self.parts;
        let (images, staging) = self.memory.staging(parts)?;
        for (i, part) in outputs.chunks(images * len).enumerate() {
            // What was queued before may still read the staging memory.
            parts.stream.synchronize()?;
            staging.write_from(part)?;
            let to = part_of(to, i * images * len, part.len())?;
            parts.convert.pack(&parts.stream, part.len(), Span::from(staging), to)?;
        }
        Ok(())
    }

    /// Copies a tensor to the host, a few images at a time: `look(first image, floats of an image, floats)`.
    fn show(&mut self, name: Name, look: &mut dyn FnMut(usize, usize, &[f32])) -> Result<(), CudaError> {
        let shared = self.shared()?;
        let tensors: Tensors<'_> = self.plan.tensors(&shared);
        let (planes, len) = (tensors.planes(name)?, tensors.map(name).len());
        let unscale = name.is_gradient().then(|| self.memory.unscale());
        let (parts, n) = (self.parts, self.n);
        let (images, staging) = self.memory.staging(parts)?;
        let mut host = vec![0.0; images.min(n) * len];
        for first in (0..n).step_by(images) {
            let count = images.min(n - first);
            let from = part_of(planes, first * len, count * len)?;
            let unscale = unscale.map(|u| Span::new(u.address() + 4 * first as u64, count));
            parts.convert.unpack(&parts.stream, [count, len], from, unscale, Span::from(staging))?;
            let host = &mut host[..count * len];
            staging.read_into(host, &parts.stream)?;
            look(first, len, host);
        }
        Ok(())
    }

    fn show_conv(&mut self, name: Name, conv: usize, see: &mut Option<&mut SeeConv<'_>>) -> Result<(), CudaError> {
        match see {
            Some(see) => self.show(name, &mut |_, _, values| see(conv, values)),
            None => Ok(()),
        }
    }
}

/// `len` elements of a tensor from `start` on.
fn part_of(planes: Planes, start: usize, len: usize) -> Result<Planes, CudaError> {
    let by = |address: u64, bytes: usize| address + (start * bytes) as u64;
    let storage = match planes.storage() {
        Storage::F32 { address } => Storage::F32 { address: by(address, 4) },
        Storage::Sixteen { address, kind } => Storage::Sixteen { address: by(address, 2), kind },
        Storage::Split { hi, lo } => Storage::Split { hi: by(hi, 2), lo: by(lo, 2) },
    };
    Planes::new(storage, len)
}
