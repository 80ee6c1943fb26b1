//! The stem forward: the 7x7 of stride 2 that reads the image, by tiles, and the pool behind it.
//!
//! ```text
//! Computes  map[p][q][k] = bias[k] + sum over r < 7, j < 21 of  image[2p + r - 3][6q - 9 + j] * weight[r][j][k]
//! Tiles     2 of 14 columns q x 2 of 16 channels k -> 4 of sums, a filter row at a time: 4 products
//! Work      118 M multiply-adds an image, 180 M with what fills the tiles, for every product of parts
//! Loads     a row of a tile of pixels is 64 bytes from anywhere, so two lines of the cache: two tiles are 56 lines, 28
//!           cycles under the 56 of the products
//! Bound by  the tile unit with six products of parts; with fewer by splitting and pool, which are 2.5 M instructions
//!           of float32 vectors an image (as an emulator counts them), where a product is 0.4 M cycles
//! Expected  60 % of the roof with six products
//! ```
//!
//! The 21 numbers under a filter row are neighbours in the image, and those of the next column of the map begin six
//! further on. So a row of the image, once in bfloat16, is its own matrix: rows of a tile overlap, twelve bytes apart,
//! where another matrix would hold every number seven times. A row of a tile has room for 32 numbers; the last eleven
//! are of pixels further on and meet weights that are zero, which takes finite pixels, as all engines ask for.

use backlit_net::arch::Conv;
use backlit_net::weights::FoldedConv;
use backlit_net::{CHANNELS, SIDE};

use super::conv::{Machine, Unit, multiply};
use super::finish::{HALVES, Halves, halves};
use super::panels::Panels;
use super::parts::{self, MOST};
use super::scheme::Scheme;
use super::{TILE_ROWS, TileSums, Tiles, map};
use crate::isa::{Isa, Job};
use crate::lanes::LANES;
use crate::ops::stem::{C_OUT, IMAGE_ROW, KERNEL, MapRow, MapRows, PAD, PoolTask, SIDE_OUT, pool_images};
use crate::tiles::model::ModelTiles;

/// Numbers under a filter row.
const DEPTH: usize = KERNEL * CHANNELS;
/// Numbers from a column of the map to the next.
const STEP: usize = 2 * CHANNELS;
/// Columns in a tile: eight tiles to a row.
const COLUMNS: usize = 14;
/// Zeros left of the image.
const BORDER: usize = PAD * CHANNELS;
/// Numbers of a row of the image with its border, in whole lines: as many as the last window reads, and more.
const ROW: usize = 704;
/// Rows of the image that are kept; seven are needed.
const RING: usize = 8;

const _: () = {
    assert!(SIDE_OUT.is_multiple_of(2 * COLUMNS) && COLUMNS <= TILE_ROWS && DEPTH <= map::CHANNELS);
    assert!(RING >= KERNEL && IMAGE_ROW.is_multiple_of(LANES));
    assert!(ROW >= BORDER + IMAGE_ROW && ROW >= (SIDE_OUT - 1) * STEP + map::CHANNELS);
};

/// Weights of the stem, packed for the tiles.
pub(crate) struct TileStem {
    /// A filter row is a tap; of 32 channels read, 21 are numbers under it.
    panels: Panels,
    /// `[block of 32 channels]`.
    bias: Vec<Halves>,
}

impl TileStem {
    /// Packs them.
    ///
    /// # Panics
    /// If `conv` is not the stem of the table.
    pub(crate) fn new(scheme: Scheme, conv: &Conv, folded: &FoldedConv) -> TileStem {
        assert_eq!((conv.kernel, conv.pad, conv.stride, conv.c_out), (KERNEL, PAD, 2, C_OUT));
        let weight = |r: usize, j: usize, k: usize| {
            if j < DEPTH { folded.weight[(r * DEPTH + j) * C_OUT + k] } else { 0.0 }
        };
        let bias: Vec<f32> = folded.bias.iter().map(|&b| b as f32).collect();
        TileStem { panels: Panels::new(scheme, KERNEL, (map::CHANNELS, C_OUT), weight), bias: halves(&bias) }
    }

    /// Multiply-adds of the tiles for one image.
    pub(crate) fn tile_macs(&self) -> u64 {
        self.panels.tile_macs((SIDE_OUT * SIDE_OUT * KERNEL) as u64)
    }

    /// `images` `[n, 224, 224, 3]` to `pooled` `[n, 56, 56, 64]` and `codes` `[n, 56, 56, 32]`, both overwritten; see
    /// [`max_pool`](crate::ops::max_pool) for the codes.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub(crate) fn forward_pooled(&self, machine: Machine, images: &[f32], pooled: &mut [f32], codes: &mut [u8]) {
        pool_images(images, pooled, codes, |image, task| {
            machine.token.run(Pooled { stem: self, unit: machine.unit, image, task });
        });
    }
}

/// Some rows of a pooled map.
struct Pooled<'a> {
    stem: &'a TileStem,
    unit: Unit,
    image: &'a [f32],
    task: PoolTask<'a>,
}

impl Job for Pooled<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let (stem, image, start) = (self.stem, self.image, self.task.start());
        match self.unit {
            #[cfg(target_arch = "x86_64")]
            Unit::Amx(amx) => self.task.run(isa, &mut TileRows::new(isa, stem, amx.tiles(COLUMNS), image, start)),
            Unit::Model => {
                self.task.run(isa, &mut TileRows::new(isa, stem, ModelTiles::new(isa, COLUMNS), image, start));
            }
        }
    }
}

/// A row of the image in bfloat16, with its border.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct ImageRow([u16; ROW]);

/// Rows of the map by tiles.
struct TileRows<'a, T> {
    stem: &'a TileStem,
    tiles: T,
    image: &'a [f32],
    /// The next row of the map.
    p: usize,
    /// The parts of the image's rows, row h - 3 at h mod 8.
    ring: [[ImageRow; RING]; MOST],
}

impl<'a, T: Tiles> TileRows<'a, T> {
    /// From row `p` on.
    #[inline(always)]
    fn new<I: Isa>(isa: I, stem: &'a TileStem, tiles: T, image: &'a [f32], p: usize) -> Self {
        let mut rows = TileRows { stem, tiles, image, p, ring: [[ImageRow([0; ROW]); RING]; MOST] };
        for r in 0..KERNEL - 2 {
            rows.put(isa, 2 * p + r);
        }
        rows
    }

    /// Splits row `h - 3` of the image into its parts, or puts zeros where there is no such row.
    #[inline(always)]
    fn put<I: Isa>(&mut self, isa: I, h: usize) {
        let parts = &mut self.ring[..self.stem.panels.scheme.x_parts()];
        let Some(row) = h.checked_sub(PAD).filter(|&row| row < SIDE) else {
            return parts.iter_mut().for_each(|rows| rows[h % RING].0 = [0; ROW]);
        };
        let row = self.image[row * IMAGE_ROW..][..IMAGE_ROW].as_chunks::<LANES>().0;
        for (i, values) in row.iter().enumerate() {
            for part in 0..LANES / I::WIDTH {
                let mut rest = isa.one_nan(isa.load(values, part));
                for (which, rows) in parts.iter_mut().enumerate() {
                    let taken = parts::take(isa, &mut rest, which);
                    let to = rows[h % RING].0[BORDER + i * LANES..].first_chunk_mut().expect("the row has room");
                    isa.store_bf16(taken, to, part);
                }
            }
        }
    }

    /// Sums of two tiles of columns from `first` on and 32 channels, without their bias.
    #[inline(always)]
    fn products(&mut self, block: usize, first: usize, sums: &mut [TileSums; 2]) {
        let panels = &self.stem.panels;
        let panel = panels.panel(block);
        self.tiles.zero_sums();
        for r in 0..KERNEL {
            let ring = &self.ring;
            let h = (2 * self.p + r) % RING;
            multiply(&mut self.tiles, panels, &panel[panels.at(0, r)..], |tiles, x_part| {
                let row = &ring[x_part][h].0;
                tiles.load_windows::<0>(&row[first * STEP..], STEP);
                tiles.load_windows::<1>(&row[(first + COLUMNS) * STEP..], STEP);
            });
        }
        self.tiles.store_sums(sums);
    }
}

impl<T: Tiles> MapRows for TileRows<'_, T> {
    #[inline(always)]
    fn next<I: Isa>(&mut self, isa: I, row: &mut MapRow) {
        for r in KERNEL - 2..KERNEL {
            self.put(isa, 2 * self.p + r);
        }
        let mut sums: [TileSums; 2] = Default::default();
        for (block, bias) in self.stem.bias.iter().enumerate() {
            for first in (0..SIDE_OUT).step_by(2 * COLUMNS) {
                self.products(block, first, &mut sums);
                for (m, sums) in sums.iter().enumerate() {
                    let columns = &mut row.columns_mut()[first + m * COLUMNS..][..COLUMNS];
                    for (i, to) in columns.iter_mut().enumerate() {
                        let to = to[block * map::CHANNELS..].as_chunks_mut().0;
                        for half in 0..HALVES {
                            for part in 0..LANES / I::WIDTH {
                                let sum = isa.add(isa.load(&sums[half][i], part), isa.load(&bias[half], part));
                                isa.store(sum, &mut to[half], part);
                            }
                        }
                    }
                }
            }
        }
        self.p += 1;
    }
}
