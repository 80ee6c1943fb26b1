//! Which tensors a plan has, how large they are and how long they live.
//!
//! ```text
//! step  0      stem                        writes the pooled map
//!       1 ..   of every block: reduce, spatial, expand
//!      49      head                        reads the last output
//!      50      head, back                  writes the gradient of the last output
//!      51 ..   of every block, last to first: the gradients behind the 3x3, behind the first 1x1, of the input
//!      99      stem, back                  reads the gradient of the pooled map
//! ```
//!
//! Forward and backward share one stretch of memory, for when the way back begins nothing is left of the way there but
//! gates: one bit for every output of a ReLU, alive from the step that writes them to the end.
//!
//! A block whose shortcut is the identity writes its output over its input, and on the way back the gradient of its
//! input over that of its output: every element depends on the same element only, and on tensors elsewhere.

use backlit_net::arch::BLOCKS;

use super::arena::{Life, Places, place};
use super::geometry::{BlockGeometry, Geometry, Map, Shortcut};
use crate::ops::conv::{RowOrder, gates};
use crate::weights::Format;

/// The step of the stem.
const STEM: usize = 0;
/// The step of the head.
const HEAD: usize = 1 + 3 * BLOCKS;
/// The step that begins the way back.
const HEAD_BACK: usize = HEAD + 1;
/// The step that ends it.
const STEM_BACK: usize = HEAD_BACK + 3 * BLOCKS + 1;

/// The step of a block's first convolution.
fn forward(block: usize) -> usize {
    STEM + 1 + 3 * block
}

/// The step of a block's first gradient.
fn backward(block: usize) -> usize {
    HEAD_BACK + 1 + 3 * (BLOCKS - 1 - block)
}

/// A tensor by what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// What enters block `0 ..= 15`, or the head (16).
    Input(usize),
    /// Behind the first 1x1 of a block.
    Reduced(usize),
    /// Behind the 3x3 of a block.
    Spatial(usize),
    /// The gradient of [`Name::Input`], the gate of the block before it applied.
    InputBack(usize),
    /// The gradient of [`Name::Reduced`], gate applied.
    ReducedBack(usize),
    /// The gradient of [`Name::Spatial`], gate applied.
    SpatialBack(usize),
    /// Gates of [`Name::Input`] `1 ..= 16`.
    InputGates(usize),
    /// Gates of [`Name::Reduced`].
    ReducedGates(usize),
    /// Gates of [`Name::Spatial`].
    SpatialGates(usize),
}

/// Kinds of [`Name`].
const KINDS: usize = 9;

impl Name {
    /// Whether it is the gradient of something.
    pub(crate) fn is_gradient(self) -> bool {
        matches!(self, Name::InputBack(_) | Name::ReducedBack(_) | Name::SpatialBack(_))
    }

    fn index(self) -> usize {
        let (kind, block) = match self {
            Name::Input(b) => (0, b),
            Name::Reduced(b) => (1, b),
            Name::Spatial(b) => (2, b),
            Name::InputBack(b) => (3, b),
            Name::ReducedBack(b) => (4, b),
            Name::SpatialBack(b) => (5, b),
            Name::InputGates(b) => (6, b),
            Name::ReducedGates(b) => (7, b),
            Name::SpatialGates(b) => (8, b),
        };
        kind * (BLOCKS + 1) + block
    }
}

/// How memory is given out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Tensors that are never alive together share memory.
    #[default]
    Tight,
    /// Every tensor has its own: what a launch reads too late, or too far, shows. For tests.
    #[cfg_attr(not(test), allow(dead_code))]
    Apart,
}

/// The memory plan for a number of images.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    slots: Vec<Option<usize>>,
    places: Places,
    #[cfg(test)]
    gate_bytes: usize,
}

impl Layout {
    /// Places the tensors of `n` images.
    pub(crate) fn new(geometry: &Geometry, format: Format, n: usize, sharing: Sharing) -> Layout {
        let mut build = Builder { n, slots: vec![None; KINDS * (BLOCKS + 1)], lives: Vec::new() };
        let (there, back) = match format {
            Format::F32 | Format::Split => (4, if format == Format::F32 { 4 } else { 2 }),
            Format::Sixteen(_) => (2, 2),
        };
        let tight = sharing == Sharing::Tight;
        build.tensor(Name::Input(0), geometry.pooled, there, STEM, forward(0) + 2);
        for (i, b) in geometry.blocks.iter().enumerate() {
            let step = forward(i);
            build.tensor(Name::Reduced(i), b.reduced, there, step, step + 1);
            build.tensor(Name::Spatial(i), b.spatial, there, step + 1, step + 2);
            let last = if i + 1 < BLOCKS { forward(i + 1) + 2 } else { HEAD };
            match tight && in_place(b) {
                true => build.over(Name::Input(i + 1), Name::Input(i), last),
                false => build.tensor(Name::Input(i + 1), b.output, there, step + 2, last),
            }
        }
        build.gates(geometry);
        #[cfg(test)]
        let gate_bytes = build.lives.iter().filter(|l| l.last == STEM_BACK).map(|l| l.bytes).sum();
        let last = geometry.blocks[BLOCKS - 1].output;
        build.tensor(Name::InputBack(BLOCKS), last, back, HEAD_BACK, backward(BLOCKS - 1) + 2);
        for (i, b) in geometry.blocks.iter().enumerate().rev() {
            let step = backward(i);
            build.tensor(Name::SpatialBack(i), b.spatial, back, step, step + 1);
            build.tensor(Name::ReducedBack(i), b.reduced, back, step + 1, step + 2);
            let last = if i > 0 { backward(i - 1) + 2 } else { STEM_BACK };
            match tight && in_place(b) {
                true => build.over(Name::InputBack(i), Name::InputBack(i + 1), last),
                false => build.tensor(Name::InputBack(i), b.input, back, step + 2, last),
            }
        }
        Layout {
            slots: build.slots,
            places: place(&build.lives, tight),
            #[cfg(test)]
            gate_bytes,
        }
    }

    /// Bytes from the start of the memory.
    ///
    /// # Panics
    /// For a tensor that the network does not have.
    pub(crate) fn offset(&self, name: Name) -> usize {
        self.places.offsets[self.slots[name.index()].unwrap_or_else(|| panic!("there is no {name:?}"))]
    }

    /// Bytes in all.
    pub(crate) fn total(&self) -> usize {
        self.places.total
    }

    /// Bytes that stay from the way there to the way back.
    #[cfg(test)]
    pub(crate) fn gate_bytes(&self) -> usize {
        self.gate_bytes
    }
}

/// Whether output and input are the same elements.
fn in_place(b: &BlockGeometry) -> bool {
    b.shortcut == Shortcut::Identity { stride: 1 }
}

/// The order of the gates of what enters block `index` (16: the head).
pub(crate) fn input_order(geometry: &Geometry, index: usize) -> RowOrder {
    order(index < BLOCKS && geometry.blocks[index].input_in_parity())
}

/// The order of the gates behind the first 1x1.
pub(crate) fn reduced_order(block: &BlockGeometry) -> RowOrder {
    order(block.reduced_in_parity())
}

fn order(parity: bool) -> RowOrder {
    if parity { RowOrder::Parity } else { RowOrder::Raster }
}

struct Builder {
    n: usize,
    slots: Vec<Option<usize>>,
    lives: Vec<Life>,
}

impl Builder {
    fn add(&mut self, name: Name, life: Life) {
        self.slots[name.index()] = Some(self.lives.len());
        self.lives.push(life);
    }

    fn tensor(&mut self, name: Name, map: Map, element: usize, first: usize, last: usize) {
        self.add(name, Life { bytes: self.n * map.len() * element, first, last });
    }

    /// `name` takes the memory of `under`.
    fn over(&mut self, name: Name, under: Name, last: usize) {
        let slot = self.slots[under.index()];
        self.slots[name.index()] = slot;
        if let Some(slot) = slot {
            self.lives[slot].last = last;
        }
    }

    fn gates(&mut self, geometry: &Geometry) {
        for (i, b) in geometry.blocks.iter().enumerate() {
            let step = forward(i);
            let mut add = |name, map: Map, order, step| {
                let bytes = 4 * gates::words(order, self.n, map.side, map.channels);
                self.add(name, Life { bytes, first: step, last: STEM_BACK });
            };
            add(Name::ReducedGates(i), b.reduced, reduced_order(b), step);
            add(Name::SpatialGates(i), b.spatial, RowOrder::Raster, step + 1);
            add(Name::InputGates(i + 1), b.output, input_order(geometry, i + 1), step + 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::arena::ALIGNMENT;
    use backlit_net::arch::{Network, Variant};

    fn layout(variant: Variant, dead_code: bool, format: Format, n: usize, sharing: Sharing) -> Layout {
        Layout::new(&Geometry::new(Network::of(variant), 224, dead_code), format, n, sharing)
    }

    #[test]
    fn the_memory_of_an_image() {
        // 256 x 56 x 56 of a block's input, over which its output goes, and two inner tensors.
        let least = (256 + 64 + 64) * 56 * 56;
        for (format, element) in [(Format::F32, 4), (Format::Split, 4), (Format::Sixteen(crate::Sixteen::F16), 2)] {
            for (variant, dead_code) in [(Variant::V1, true), (Variant::V1, false), (Variant::V1_5, true)] {
                let n = 16;
                let found = layout(variant, dead_code, format, n, Sharing::Tight);
                // The first gates come late enough to lie where stage 2 was.
                let total = found.total() / n;
                assert!(total >= least * element, "{variant} {format:?}: {total}");
                // The first block of stage 3 of v1.5 narrows at full size, beside what it reads.
                assert!(total <= least * element * 3 / 2 + 1_200_000, "{variant} {format:?}: {total}");
                let gates = found.gate_bytes() / n;
                assert!((800_000..1_200_000).contains(&gates), "{variant} {dead_code}: {gates} bytes of gates");
            }
        }
    }

    #[test]
    fn neighbours_never_overlap() {
        for (variant, dead_code) in [(Variant::V1, true), (Variant::V1, false), (Variant::V1_5, true)] {
            let g = Geometry::new(Network::of(variant), 224, dead_code);
            let l = Layout::new(&g, Format::F32, 1, Sharing::Tight);
            let range = |name, map: Map| l.offset(name)..l.offset(name) + 4 * map.len();
            let apart = |a: std::ops::Range<usize>, b: std::ops::Range<usize>| a.end <= b.start || b.end <= a.start;
            for (i, b) in g.blocks.iter().enumerate() {
                let (x, y) = (range(Name::Input(i), b.input), range(Name::Input(i + 1), b.output));
                let (h1, h2) = (range(Name::Reduced(i), b.reduced), range(Name::Spatial(i), b.spatial));
                assert!(apart(x.clone(), h1.clone()) && apart(x.clone(), h2.clone()) && apart(h1, h2.clone()), "{i}");
                assert!(apart(y.clone(), h2) && (x == y || apart(x.clone(), y.clone())), "{i}");
                assert_eq!(x == y, b.shortcut == Shortcut::Identity { stride: 1 }, "{i}");
                let (dx, dy) = (range(Name::InputBack(i), b.input), range(Name::InputBack(i + 1), b.output));
                let (d1, d2) = (range(Name::ReducedBack(i), b.reduced), range(Name::SpatialBack(i), b.spatial));
                assert!(apart(dy.clone(), d2.clone()) && apart(d2, d1.clone()) && apart(dy.clone(), d1.clone()), "{i}");
                assert!(apart(dx.clone(), d1) && (dx == dy || apart(dx, dy)), "{i}");
            }
        }
    }

    #[test]
    fn apart_means_apart() {
        let tight = layout(Variant::V1, true, Format::F32, 2, Sharing::Tight);
        let apart = layout(Variant::V1, true, Format::F32, 2, Sharing::Apart);
        assert!(apart.total() > 4 * tight.total());
        assert_eq!(apart.gate_bytes(), tight.gate_bytes());
        assert_eq!(apart.offset(Name::InputBack(3)) % ALIGNMENT, 0);
    }
}
