//! Every convolution of the blocks, forward and back, as products of tiles.
//!
//! ```text
//! Computes  written[pixel][n] = finish(sum over terms, taps, k of  read[position + offset][k] * weight[tap][k][n])
//! Tiles     2 of pixels x 2 of weights -> 4 of sums, 32 k at a time: 4 products
//! Work      rows * 32 * 32 * products of parts multiply-adds a step; 64 cycles for 16 rows and one product of parts
//! Loads     4 tiles for 4 products with one part, 8 for 12 with three products, 14 for 24 with six
//! Bound by  the tile unit, if what is loaded lies in the first-level cache: a load takes 8 cycles, two lines each,
//!           and 64 cycles of products hide 32 of loads. The panel of 32 channels is k * 64 bytes a part, so from
//!           k = 384 on it comes from the second level, at most 48 bytes a cycle: 4 KB take 85 cycles with one part,
//!           8 KB for 12 products take 170 of 192.
//! Expected  85 % of the roof where k <= 384 or with three products, 70 % elsewhere; less where k <= 128, for the
//!           epilogue takes 2500 to 3700 instructions for 1024 sums into one part and up to 4600 into two (as an
//!           emulator counts them), perhaps a thousand cycles, and the products 64 cycles for every 32 k and pair of
//!           parts
//! ```
//!
//! A task is a run of blocks of 32 written channels, or of images of one block, or of pairs of tiles of one image. The
//! order of summation depends on none of it.

use super::finish::{At, Finish, Out, Word};
use super::layout::Layout;
use super::map::Map;
use super::op::{Op, Phase};
use super::panels::{GROUP, Panels};
use super::{Line, TILE_ROWS, TileSums, Tiles};
#[cfg(target_arch = "x86_64")]
use crate::isa::Amx;
use crate::isa::{Isa, Job, Token};
use crate::tiles::model::ModelTiles;

/// Who multiplies the tiles, and the instruction set of everything else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    pub(crate) token: Token,
    pub(crate) unit: Unit,
}

/// Who multiplies the tiles.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// The processor.
    #[cfg(target_arch = "x86_64")]
    Amx(Amx),
    /// Software.
    Model,
}

/// A map read and the weights that it meets.
#[derive(Clone, Copy)]
pub(crate) struct Term<'a> {
    pub(crate) map: &'a Map<'a>,
    pub(crate) panels: &'a Panels,
}

/// What is written, besides the parts of the map.
#[derive(Default)]
pub(crate) struct Extra<'a> {
    /// `[block of 32 channels][n][pixel][32]`, or empty.
    pub(crate) floats: &'a mut [f32],
    /// `[block of 32 channels][n][pixel]`, or empty; needed after a ReLU.
    pub(crate) words: &'a mut [Word],
}

/// Runs an op: one term for each that its phases know, into `to`, which may have no parts.
pub(crate) fn run(
    machine: Machine,
    op: &Op,
    terms: &[Term<'_>],
    finish: Finish<'_>,
    to: &mut Map<'_>,
    extra: Extra<'_>,
) {
    assert_eq!(to.layout, op.to);
    for (t, term) in terms.iter().enumerate() {
        assert_eq!((term.map.n, term.map.blocks, to.blocks), (to.n, term.panels.read_blocks, term.panels.write_blocks));
        assert!(term.map.parts() >= term.panels.scheme.x_parts());
        assert!(op.phases.iter().all(|phase| phase.taps[t].iter().all(|tap| tap.1 < term.panels.taps)));
    }
    if op.sparse {
        to.clear();
        extra.floats.fill(0.0);
        extra.words.fill(0);
    }
    let (n, blocks, stride) = (to.n, to.blocks, to.block_stride());
    let shared = Shared { machine, op, terms, finish, n, stride };
    let out = Out {
        parts: to.parts_mut(),
        floats: extra.floats,
        words: extra.words,
        first_line: 0,
        first_pixel: 0,
        pixels: op.to.pixels(),
    };
    let pairs = op.phases.iter().map(Phase::pairs).sum::<usize>();
    // Enough tasks that the last of them does not keep the others waiting.
    let threads = rayon::current_num_threads();
    let most = if threads == 1 { usize::MAX } else { (blocks * n * pairs).div_ceil(4 * threads) };
    let pairs = if let [phase] = &op.phases[..] { phase.pairs() } else { 1 };
    go(&shared, Part { blocks: (0, blocks), images: (0, n), pairs: (0, pairs), out }, most.max(MIN_PAIRS));
}

/// Pairs of tiles below which a task is not worth its start.
const MIN_PAIRS: usize = 4;

/// What all tasks share.
struct Shared<'a> {
    machine: Machine,
    op: &'a Op,
    terms: &'a [Term<'a>],
    finish: Finish<'a>,
    n: usize,
    /// Lines of a block of channels of the map written.
    stride: usize,
}

/// A task: ranges as (first, end). Only one block may have less than all images, only one image less than all pairs.
struct Part<'a> {
    blocks: (usize, usize),
    images: (usize, usize),
    /// Of tiles, if there is one phase.
    pairs: (usize, usize),
    out: Out<'a>,
}

/// Halves the work until it is small enough, and does it.
fn go(shared: &Shared<'_>, part: Part<'_>, most: usize) {
    let count = |(first, end): (usize, usize)| end - first;
    let phases: usize = if shared.op.phases.len() == 1 { 1 } else { shared.op.phases.iter().map(Phase::pairs).sum() };
    let work = count(part.blocks) * count(part.images) * count(part.pairs) * phases;
    let ordered = shared.op.phases.len() == 1 && shared.op.to.in_order() && !shared.op.sparse;
    let middle = |(first, end): (usize, usize)| first.midpoint(end);
    let (block, image) = (part.blocks.0, part.images.0);
    let layout = shared.op.to;
    // Where an image of a block begins: its line, its pixel.
    let start = |block: usize, image: usize| {
        let line = block * shared.stride + layout.lead() + image * layout.positions();
        (line, (block * shared.n + image) * layout.pixels())
    };
    if work <= most {
        shared.machine.token.run(Leaf { shared, part });
    } else if count(part.blocks) > 1 {
        let cut = middle(part.blocks);
        let (left, right) = part.out.split(cut * shared.stride, cut * shared.n * layout.pixels());
        let left = Part { blocks: (block, cut), out: left, ..part };
        let right = Part { blocks: (cut, part.blocks.1), out: right, ..part };
        rayon::join(|| go(shared, left, most), || go(shared, right, most));
    } else if count(part.images) > 1 {
        let cut = middle(part.images);
        let (line, pixel) = start(block, cut);
        let (left, right) = part.out.split(line, pixel);
        let left = Part { images: (image, cut), out: left, ..part };
        let right = Part { images: (cut, part.images.1), out: right, ..part };
        rayon::join(|| go(shared, left, most), || go(shared, right, most));
    } else if ordered && count(part.pairs) > 1 {
        let cut = middle(part.pairs);
        let pixel = shared.op.phases[0].first_pixel(cut).unwrap_or(layout.pixels());
        let (line, flat) = start(block, image);
        let place = shared.op.places.get(pixel).map_or(layout.positions(), |&place| place as usize);
        let (left, right) = part.out.split(line + place, flat + pixel);
        let left = Part { pairs: (part.pairs.0, cut), out: left, ..part };
        let right = Part { pairs: (cut, part.pairs.1), out: right, ..part };
        rayon::join(|| go(shared, left, most), || go(shared, right, most));
    } else {
        shared.machine.token.run(Leaf { shared, part });
    }
}

struct Leaf<'a> {
    shared: &'a Shared<'a>,
    part: Part<'a>,
}

impl Job for Leaf<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) {
        let op = self.shared.op;
        for phase in &op.phases {
            let pairs = if op.phases.len() == 1 { self.part.pairs } else { (0, phase.pairs()) };
            match self.shared.machine.unit {
                #[cfg(target_arch = "x86_64")]
                Unit::Amx(amx) => self.phase(isa, &mut amx.tiles(phase.rows), phase, pairs),
                Unit::Model => self.phase(isa, &mut ModelTiles::new(isa, phase.rows), phase, pairs),
            }
        }
    }
}

impl Leaf<'_> {
    #[inline(always)]
    fn phase<I: Isa, T: Tiles>(&mut self, isa: I, tiles: &mut T, phase: &Phase, pairs: (usize, usize)) {
        let Shared { op, terms, n, stride, ref finish, .. } = *self.shared;
        let layout: Layout = op.to;
        let mut sums: [TileSums; 2] = Default::default();
        for block in self.part.blocks.0..self.part.blocks.1 {
            for image in self.part.images.0..self.part.images.1 {
                let first_line = block * stride + layout.lead() + image * layout.positions();
                let first_pixel = (block * n + image) * layout.pixels();
                for pair in pairs.0..pairs.1 {
                    let first = pair * 2 * phase.rows;
                    tiles.zero_sums();
                    for (term, taps) in terms.iter().zip(&phase.taps) {
                        products(tiles, term, taps, (block, image), first, phase.rows);
                    }
                    tiles.store_sums(&mut sums);
                    let at = At { block, image, first_pixel, first_line, places: &op.places };
                    for (m, sums) in sums.iter_mut().enumerate() {
                        let pixels = &phase.pixels[first + m * phase.rows..][..phase.rows];
                        finish.rows(isa, sums, pixels, at, &mut self.part.out);
                    }
                }
            }
        }
    }
}

/// Adds the products of one term to the sums of two tiles of positions, from `first` on, and 32 written channels.
#[inline(always)]
fn products<T: Tiles>(
    tiles: &mut T,
    term: &Term<'_>,
    taps: &[(isize, usize)],
    (block, image): (usize, usize),
    first: usize,
    rows: usize,
) {
    let Term { map, panels } = *term;
    let panel = panels.panel(block);
    let origin = map.layout.lead() + image * map.layout.positions() + first;
    let stride = map.block_stride();
    for group in (0..panels.read_blocks).step_by(GROUP) {
        for &(offset, tap) in taps {
            for read_block in group..panels.read_blocks.min(group + GROUP) {
                let x = (read_block * stride + origin).wrapping_add_signed(offset);
                multiply(tiles, panels, &panel[panels.at(read_block, tap)..], |tiles, x_part| {
                    let part = &map.part(x_part)[x..];
                    tiles.load_pixels::<0>(part);
                    tiles.load_pixels::<1>(&part[rows..]);
                });
            }
        }
    }
}

/// Adds all products of parts of two tiles of numbers, of which `load` loads the parts, and of the weights that `lines`
/// of a panel begin with.
#[inline(always)]
pub(super) fn multiply<T: Tiles>(tiles: &mut T, panels: &Panels, lines: &[Line], load: impl Fn(&mut T, usize)) {
    let mut loaded = (usize::MAX, usize::MAX);
    for &(x_part, w_part) in panels.scheme.products() {
        if x_part != loaded.0 {
            load(tiles, x_part);
        }
        if w_part != loaded.1 {
            let lines: &[Line] = &lines[w_part * 2 * TILE_ROWS..][..2 * TILE_ROWS];
            let (halves, _) = lines.as_chunks::<TILE_ROWS>();
            tiles.load_weights::<0>(&halves[0]);
            tiles.load_weights::<1>(&halves[1]);
        }
        loaded = (x_part, w_part);
        tiles.multiply();
    }
}
