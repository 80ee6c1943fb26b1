//! The blocks of the network as launches for a number of images: shapes, memory, graphs.
//!
//! - `geometry`: which shapes the blocks compute in, for either variant, with and without pixels that nobody reads;
//! - `shapes`: the six launches of a block;
//! - `arena`, `tensors`: which tensors there are, how long they live, where they lie;
//! - `body`: the launches in that memory.
//!
//! A [`Plan`] is what depends on the number of images. Its launches are recorded once as a graph for each way and rule
//! and replayed. The stem and the head are launched beside the graphs, for they read and write where a batch comes
//! from and goes to, which changes.

mod arena;
mod body;
mod geometry;
#[cfg(test)]
mod guide;
mod shapes;
mod tensors;

pub(crate) use body::{BackStep, Convs, Tensors};
pub(crate) use geometry::Geometry;
pub(crate) use tensors::{Layout, Name, Sharing};

use backlit_net::Rule;

use crate::graph::Graph;
use crate::weights::{BlockWeights, Format};
use crate::{CudaError, Stream};

/// What is worked out for one number of images.
pub(crate) struct Plan {
    n: usize,
    whole: bool,
    layout: Layout,
    forward: Option<Graph>,
    /// One a rule.
    backward: [Option<Graph>; 3],
}

/// What all plans of a device share.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'a> {
    pub(crate) convs: &'a Convs,
    pub(crate) weights: &'a [BlockWeights],
    pub(crate) format: Format,
    /// Where the memory of plans begins.
    pub(crate) base: u64,
}

impl Plan {
    /// For `n` images, with all pixels of every block or without those that nobody reads.
    pub(crate) fn new(n: usize, whole: bool, layout: Layout) -> Plan {
        Plan { n, whole, layout, forward: None, backward: [None, None, None] }
    }

    /// Whether it is for so many images and so much of every block.
    pub(crate) fn is_for(&self, n: usize, whole: bool) -> bool {
        (self.n, self.whole) == (n, whole)
    }

    /// Where everything lies.
    pub(crate) fn tensors<'a>(&'a self, shared: &Shared<'a>) -> Tensors<'a> {
        let (geometry, format, base) = (&shared.convs.geometry, shared.format, shared.base);
        Tensors { n: self.n, geometry, format, layout: &self.layout, base }
    }

    /// Queues all blocks, first to last.
    pub(crate) fn forward(&mut self, stream: &Stream, shared: &Shared<'_>) -> Result<(), CudaError> {
        if self.forward.is_none() {
            let tensors = self.tensors(shared);
            let work = |stream: &Stream| {
                let mut blocks = shared.weights.iter().enumerate();
                blocks.try_for_each(|(i, w)| shared.convs.forward(stream, &tensors, w, i))
            };
            self.forward = Some(Graph::capture(stream, work)?);
        }
        self.forward.as_mut().map_or(Ok(()), |graph| graph.launch(stream))
    }

    /// Queues the way back through all blocks, from the gated gradient of the last output to that of the pooled map.
    pub(crate) fn backward(&mut self, stream: &Stream, shared: &Shared<'_>, rule: Rule) -> Result<(), CudaError> {
        if self.backward[rule as usize].is_none() {
            let tensors = self.tensors(shared);
            let work = |stream: &Stream| {
                for (i, w) in shared.weights.iter().enumerate().rev() {
                    for step in [BackStep::Spatial, BackStep::Reduced, BackStep::Input { gated: true }] {
                        shared.convs.backward(stream, &tensors, w, (i, step), rule)?;
                    }
                }
                Ok(())
            };
            let graph = Graph::capture(stream, work)?;
            self.backward[rule as usize] = Some(graph);
        }
        self.backward[rule as usize].as_mut().map_or(Ok(()), |graph| graph.launch(stream))
    }
}
