//! A bottleneck block in both passes: packed weights, and which pixels are computed.
//!
//! ```text
//! forward   r = relu(reduce x),  s = relu(spatial r),  y = relu(expand s + project x)   or   relu(expand s + x)
//! backward  ds = gate(expand' d),  dr = gate(spatial' ds),  dx = reduce' dr + project' d   or   reduce' dr + d
//! ```
//!
//! The projection is one more term of the sum that the expansion is, and of the one that the reduction's gradient is:
//! it costs no pass over memory of its own.
//!
//! In variant v1 a stage begins with 1x1 convolutions of stride 2, which read pixels of even row and even column only.
//! So of the last block of the stage before only these are *computed*: its 3x3 becomes one of stride 2, a quarter of
//! the work, and the 1x1s after it have stride 1. Nothing is lost: what is dropped has no reader and no gradient. Only
//! whoever asks for that block's output needs all of it.

use backlit_net::arch::{Block, Conv};
use backlit_net::weights::FoldedConv;

use super::finish::{Halves, halves};
use super::layout::Layout;
use super::op::Op;
use super::panels::Panels;
use super::plan::Recipe;

/// The packed weights of a convolution, one packing for each pass.
pub(crate) struct Both {
    /// [`Conv::index`].
    pub(crate) index: usize,
    pub(crate) forward: Panels,
    pub(crate) back: Panels,
    /// `[c_out]`.
    pub(crate) bias: Vec<f32>,
}

impl Both {
    fn new(conv: &Conv, folded: &FoldedConv, recipe: &Recipe) -> Both {
        let (taps, c_in, c_out) = (conv.kernel * conv.kernel, conv.c_in, conv.c_out);
        let weight = |tap: usize, c: usize, k: usize| folded.weight[(tap * c_in + c) * c_out + k];
        Both {
            index: conv.index,
            forward: Panels::new(recipe.forward[conv.index], taps, (c_in, c_out), weight),
            back: Panels::new(recipe.back, taps, (c_out, c_in), |tap, k, c| weight(tap, c, k)),
            bias: folded.bias.iter().map(|&b| b as f32).collect(),
        }
    }
}

/// The weights of a block, and its geometry with and without the pixels that nobody reads.
pub(crate) struct BlockPlan {
    pub(crate) reduce: Both,
    pub(crate) spatial: Both,
    pub(crate) expand: Both,
    pub(crate) project: Option<Both>,
    /// `[block of 32 channels]`; that of the projection is added to that of the expansion.
    pub(crate) biases: [Vec<Halves>; 3],
    /// Only what is read, and the whole.
    pub(crate) geometry: [Geometry; 2],
}

/// What the passes of a block read and write.
pub(crate) struct Geometry {
    /// Rows and columns of what the block reads and writes.
    pub(crate) side_in: usize,
    pub(crate) side_out: usize,
    /// Whether the reduction, and with it the projection, reads even pixels only.
    pub(crate) reduce_even: bool,
    /// Whether the projection alone does.
    pub(crate) project_even: bool,
    pub(crate) reduce: Op,
    pub(crate) spatial: Op,
    pub(crate) expand: Op,
    /// For every pixel written, where the shortcut's is in the map read.
    pub(crate) shortcut: Vec<u32>,
    pub(crate) expand_back: Op,
    pub(crate) spatial_back: Op,
    pub(crate) reduce_back: Op,
    /// For every pixel read, where the shortcut's gradient is in a map like that written, if it has one.
    pub(crate) shortcut_back: Vec<u32>,
}

impl BlockPlan {
    /// Packs a block; `before` and `after` are its neighbours.
    pub(crate) fn new(
        [before, block, after]: [Option<&Block>; 3],
        folded: &(dyn Fn(&Conv) -> FoldedConv + Sync),
        recipe: &Recipe,
    ) -> Option<BlockPlan> {
        let block = block?;
        let pack = |conv: &Conv| Both::new(conv, &folded(conv), recipe);
        let (reduce, (spatial, expand)) =
            rayon::join(|| pack(&block.reduce), || rayon::join(|| pack(&block.spatial), || pack(&block.expand)));
        let project = block.project.as_ref().map(pack);
        let mut last = expand.bias.clone();
        if let Some(project) = &project {
            last.iter_mut().zip(&project.bias).for_each(|(b, p)| *b += p);
        }
        let biases = [halves(&reduce.bias), halves(&spatial.bias), halves(&last)];
        // Who strides in its 1x1 reads a quarter of what is before it.
        let strides = |block: Option<&Block>| block.is_some_and(|b| b.reduce.stride == 2);
        let geometry = [
            Geometry::new(block, before.is_some() && strides(Some(block)), strides(after)),
            Geometry::new(block, false, false),
        ];
        Some(BlockPlan { reduce, spatial, expand, project, biases, geometry })
    }

    /// Multiply-adds of the tiles for one image, forward and back, of what is read only.
    pub(crate) fn tile_macs(&self) -> [u64; 2] {
        let geometry = &self.geometry[0];
        let work = |panels: &Panels, op: &Op, term: usize| panels.tile_macs(op.tile_rows(term));
        let mut forward = work(&self.reduce.forward, &geometry.reduce, 0)
            + work(&self.spatial.forward, &geometry.spatial, 0)
            + work(&self.expand.forward, &geometry.expand, 0);
        let mut back = work(&self.reduce.back, &geometry.reduce_back, 0)
            + work(&self.spatial.back, &geometry.spatial_back, 0)
            + work(&self.expand.back, &geometry.expand_back, 0);
        if let Some(project) = &self.project {
            forward += work(&project.forward, &geometry.expand, 1);
            // By itself, it goes over the pixels of what the block writes.
            back += if geometry.project_even {
                work(&project.back, &geometry.expand, 1)
            } else {
                work(&project.back, &geometry.reduce_back, 1)
            };
        }
        [forward, back]
    }

    /// In table order: reduce, spatial, expand, and the projection if there is one.
    pub(crate) fn convs(&self) -> impl Iterator<Item = &Both> {
        [&self.reduce, &self.spatial, &self.expand].into_iter().chain(&self.project)
    }
}

impl Geometry {
    /// `even_in`: what it reads are the even pixels already. `even_out`: of what it writes only they are wanted.
    fn new(block: &Block, even_in: bool, even_out: bool) -> Geometry {
        let side_in = block.reduce.side_in / if even_in { 2 } else { 1 };
        let side_inside = block.reduce.side_out();
        let side_out = block.side_out() / if even_out { 2 } else { 1 };
        let dense = |side| Layout::Dense { side };
        let stride = side_inside / side_out;
        let inside =
            if stride == 1 { Layout::Padded { side: side_inside } } else { Layout::Split { side: side_inside } };
        let reduce_even = side_in == 2 * side_inside;
        let project_even = block.project.is_some() && !reduce_even && side_in == 2 * side_out;
        let terms = if block.project.is_some() { 2 } else { 1 };
        // A projection that reads a quarter of what the reduction reads cannot share its gradient's sum.
        let terms_back = if project_even { 1 } else { terms };
        let reduce_back = if reduce_even {
            Op::pointwise_to_even(dense(side_in), terms_back)
        } else {
            Op::pointwise(dense(side_in), terms_back)
        };
        let quarter = side_in == 2 * side_out;
        let shortcut = |pixel: usize| {
            let (row, column) = (pixel / side_out, pixel % side_out);
            (if quarter { 2 * row * side_in + 2 * column } else { pixel }) as u32
        };
        Geometry {
            side_in,
            side_out,
            reduce_even,
            project_even,
            reduce: Op::pointwise(inside, 1),
            spatial: Op::spatial(inside, dense(side_out)),
            expand: Op::pointwise(dense(side_out), terms),
            shortcut: (0..side_out * side_out).map(shortcut).collect(),
            expand_back: Op::pointwise(Layout::Padded { side: side_out }, 1),
            spatial_back: Op::spatial_back(Layout::Padded { side: side_out }, dense(side_inside)),
            shortcut_back: if quarter { reduce_back.even_places() } else { reduce_back.places.clone() },
            reduce_back,
        }
    }
}
