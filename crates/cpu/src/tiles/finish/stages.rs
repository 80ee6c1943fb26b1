//! The steps of an epilogue, each over all rows of a tile while its sums lie in the first-level cache.
//!
//! Step by step, and not row by row through all steps: a loop that knows every way in which a row can be finished has
//! more addresses to keep than there are registers for them, and loads them again for every row. A step more costs one
//! load and one store for sixteen sums.

use backlit_net::Rule;

use super::{HALVES, Halves, Word};
use crate::isa::Isa;
use crate::lanes::{GateWord, LANES};
use crate::tiles::layout::NONE;
use crate::tiles::{Line, TILE_ROWS, TileSums, parts};

/// A tile of sums.
pub(super) struct Tile<'a> {
    pub(super) sums: &'a mut TileSums,
    /// For every row, [`NONE`] or the pixel of the image that its sums belong to.
    pub(super) pixels: &'a [u32],
}

impl Tile<'_> {
    /// Rows; no more than there are sums of, which the compiler then knows in the loops.
    #[inline(always)]
    fn rows(&self) -> usize {
        assert!(self.pixels.len() <= TILE_ROWS);
        self.pixels.len()
    }

    /// Adds to every row the line of the map that `places` has for its pixel, if any.
    #[inline(always)]
    pub(super) fn add_parts<I: Isa>(&mut self, isa: I, map: &[&[Line]], places: &[u32]) {
        for row in 0..self.rows() {
            let pixel = self.pixels[row];
            if pixel == NONE || places[pixel as usize] == NONE {
                continue;
            }
            let place = places[pixel as usize] as usize;
            for half in 0..HALVES {
                for part in 0..LANES / I::WIDTH {
                    let sums = &mut self.sums[half][row];
                    let value = parts::load(isa, map, place, half, part);
                    isa.store(isa.add(isa.load(sums, part), value), sums, part);
                }
            }
        }
    }

    /// The same with a map of floats, `[line][half][16]`.
    #[inline(always)]
    pub(super) fn add_floats<I: Isa>(&mut self, isa: I, map: &[[f32; LANES]], places: &[u32]) {
        for row in 0..self.rows() {
            let pixel = self.pixels[row];
            if pixel == NONE || places[pixel as usize] == NONE {
                continue;
            }
            let values = &map[places[pixel as usize] as usize * HALVES..][..HALVES];
            for half in 0..HALVES {
                for part in 0..LANES / I::WIDTH {
                    let sums = &mut self.sums[half][row];
                    isa.store(isa.add(isa.load(sums, part), isa.load(&values[half], part)), sums, part);
                }
            }
        }
    }

    /// Adds the bias to every row.
    #[inline(always)]
    pub(super) fn add_bias<I: Isa>(&mut self, isa: I, bias: &Halves) {
        for row in 0..self.rows() {
            for half in 0..HALVES {
                for part in 0..LANES / I::WIDTH {
                    let sums = &mut self.sums[half][row];
                    isa.store(isa.add(isa.load(sums, part), isa.load(&bias[half], part)), sums, part);
                }
            }
        }
    }

    /// Adds the bias, applies ReLU and writes which channels of pixel p passed, to `words[first + p]`.
    #[inline(always)]
    pub(super) fn relu<I: Isa>(&mut self, isa: I, bias: &Halves, words: &mut [Word], first: usize) {
        for row in 0..self.rows() {
            let mut word = 0;
            for half in 0..HALVES {
                for part in 0..LANES / I::WIDTH {
                    let sums = &mut self.sums[half][row];
                    let v = isa.add(isa.load(sums, part), isa.load(&bias[half], part));
                    word |= Word::from(isa.above_zero(v)) << (half * LANES + part * I::WIDTH);
                    isa.store(isa.at_least_zero(v), sums, part);
                }
            }
            if self.pixels[row] != NONE {
                words[first.wrapping_add(self.pixels[row] as usize)] = word;
            }
        }
    }

    /// Sends the rows back through ReLUs, those of pixel p through those that left `words[p]`.
    #[inline(always)]
    pub(super) fn relu_dgrad<I: Isa>(&mut self, isa: I, rule: Rule, words: &[Word]) {
        for row in 0..self.rows() {
            if self.pixels[row] == NONE {
                continue;
            }
            let word = words[self.pixels[row] as usize];
            for half in 0..HALVES {
                for part in 0..LANES / I::WIDTH {
                    let sums = &mut self.sums[half][row];
                    let bits = (word >> (half * LANES + part * I::WIDTH)) as GateWord;
                    isa.store(isa.gated(rule, bits, isa.load(sums, part)), sums, part);
                }
            }
        }
    }

    /// Writes pixel p to `floats[first + p]`, both halves.
    #[inline(always)]
    pub(super) fn store_floats(&self, floats: &mut [Halves], first: usize) {
        for row in 0..self.rows() {
            if self.pixels[row] != NONE {
                let to = &mut floats[first.wrapping_add(self.pixels[row] as usize)];
                for half in 0..HALVES {
                    to[half] = self.sums[half][row];
                }
            }
        }
    }

    /// Writes pixel p to line `first + places[p]` of the parts.
    #[inline(always)]
    pub(super) fn store_parts<I: Isa, const P: usize>(
        &self,
        isa: I,
        mut map: [&mut [Line]; P],
        places: &[u32],
        first: usize,
    ) {
        for row in 0..self.rows() {
            if self.pixels[row] == NONE {
                continue;
            }
            let line = first.wrapping_add(places[self.pixels[row] as usize] as usize);
            for half in 0..HALVES {
                for part in 0..LANES / I::WIDTH {
                    parts::store(isa, isa.load(&self.sums[half][row], part), &mut map, line, half, part);
                }
            }
        }
    }
}
