//! Tiles in software: the arithmetic of TDPBF16PS to the last bit, on any processor.
//!
//! A product of two bfloat16 numbers has sixteen bits and is exact in float32, so a multiplication and an addition
//! round once, like the fused instruction. That leaves subnormal numbers, which the instruction takes for zero and
//! turns into zero. Products and their sums are multiples of the product of the smallest units in both tiles; where
//! that is at least the smallest normal number, no sum is subnormal and the fast loop is exact, unless products
//! overflow. Elsewhere the slow loop fuses and flushes number by number.
//!
//! Lanes are the sixteen columns, so each output is summed in the order of the instruction whatever the vector length.

use super::{Line, TILE_ROWS, TileSums, Tiles};
use crate::bf16::widen;
use crate::isa::Isa;

/// Tile registers as arrays of floats.
pub(crate) struct ModelTiles<I> {
    isa: I,
    rows: usize,
    sums: [TileSums; 2],
    pixels: [Pixels; 2],
    weights: [Weights; 2],
}

#[derive(Clone, Copy)]
struct Pixels {
    /// `[row][k]`.
    values: [[f32; 32]; TILE_ROWS],
    exponents: Exponents,
}

impl Pixels {
    /// Overwrites a row; the exponents are those of the rows since the first.
    #[inline(always)]
    fn load(&mut self, row: usize, line: &[u16; 32]) {
        for k in 0..32 {
            self.values[row][k] = widen_normal(line[k]);
        }
        self.exponents = if row == 0 { Exponents::NONE } else { self.exponents }.with(line);
    }
}

#[derive(Clone, Copy)]
struct Weights {
    /// `[k / 2][k % 2][column]`.
    values: [[[f32; 16]; 2]; TILE_ROWS],
    exponents: Exponents,
}

/// The exponents of a tile, biased by 127: the smallest and the largest; of zeros alone, a smallest beyond all others.
#[derive(Clone, Copy)]
struct Exponents {
    smallest: i16,
    largest: i16,
}

impl Exponents {
    const NONE: Exponents = Exponents { smallest: 1 << 10, largest: 0 };

    /// With a line more; zeros, and subnormal numbers, which count as zero, have no exponent.
    #[inline(always)]
    fn with(self, line: &[u16; 32]) -> Exponents {
        let Exponents { mut smallest, mut largest } = self;
        for &x in line {
            let exponent = (x >> 7 & 0xff) as i16;
            smallest = smallest.min(if exponent == 0 { 1 << 10 } else { exponent });
            largest = largest.max(exponent);
        }
        Exponents { smallest, largest }
    }

    /// Whether no product of two such numbers overflows and no sum of products is subnormal. A number with exponent e
    /// is a multiple of 2^(e-7) below 2^(e+1), so a product is one of 2^(e+f-14) below 2^(e+f+2), and float32 is normal
    /// from 2^-126 to 2^128.
    #[inline(always)]
    fn are_safe(self, other: Exponents) -> bool {
        const BIAS: i16 = 2 * 127;
        self.smallest + other.smallest - BIAS - 14 >= -126 && self.largest + other.largest - BIAS + 2 <= 128
    }
}

/// Rounded to nothing where the instruction would.
#[inline(always)]
fn flush(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE { 0f32.copysign(x) } else { x }
}

/// Subnormal numbers become zero.
#[inline(always)]
fn widen_normal(x: u16) -> f32 {
    widen(if x & 0x7f80 == 0 { x & 0x8000 } else { x })
}

impl<I: Isa> ModelTiles<I> {
    #[inline(always)]
    pub(crate) fn new(isa: I, rows: usize) -> ModelTiles<I> {
        assert!((1..=TILE_ROWS).contains(&rows), "a tile has 1 to 16 rows, not {rows}");
        let pixels = Pixels { values: [[0.0; 32]; TILE_ROWS], exponents: Exponents::NONE };
        let weights = Weights { values: [[[0.0; 16]; 2]; TILE_ROWS], exponents: Exponents::NONE };
        ModelTiles { isa, rows, sums: Default::default(), pixels: [pixels; 2], weights: [weights; 2] }
    }
}

impl<I: Isa> Tiles for ModelTiles<I> {
    #[inline(always)]
    fn zero_sums(&mut self) {
        self.sums = Default::default();
    }

    #[inline(always)]
    fn load_pixels<const M: usize>(&mut self, from: &[Line]) {
        for (row, line) in from[..self.rows].iter().enumerate() {
            self.pixels[M].load(row, &line.0);
        }
    }

    #[inline(always)]
    fn load_windows<const M: usize>(&mut self, from: &[u16], step: usize) {
        for row in 0..self.rows {
            let (window, _) = from[row * step..].split_first_chunk().expect("32 numbers a row");
            self.pixels[M].load(row, window);
        }
    }

    #[inline(always)]
    fn load_weights<const N: usize>(&mut self, from: &[Line; TILE_ROWS]) {
        let tile = &mut self.weights[N];
        tile.exponents = Exponents::NONE;
        for (values, line) in tile.values.iter_mut().zip(from) {
            for column in 0..16 {
                values[0][column] = widen_normal(line.0[2 * column]);
                values[1][column] = widen_normal(line.0[2 * column + 1]);
            }
            tile.exponents = tile.exponents.with(&line.0);
        }
    }

    #[inline(always)]
    fn multiply(&mut self) {
        let (isa, rows) = (self.isa, self.rows.next_multiple_of(2));
        for m in 0..2 {
            for n in 0..2 {
                let (pixels, weights) = (&self.pixels[m], &self.weights[n]);
                let safe = pixels.exponents.are_safe(weights.exponents);
                // Rows two by two: eight AVX registers of sums.
                let (sums, _) = self.sums[m][n][..rows].as_chunks_mut::<2>();
                for (sums, pixels) in sums.iter_mut().zip(pixels.values.as_chunks::<2>().0) {
                    if safe {
                        two_rows::<I, true>(isa, pixels, &weights.values, sums);
                    } else {
                        two_rows::<I, false>(isa, pixels, &weights.values, sums);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn store_sums(&mut self, to: &mut [TileSums; 2]) {
        for (to, sums) in to.iter_mut().flatten().zip(self.sums.iter().flatten()) {
            to[..self.rows].copy_from_slice(&sums[..self.rows]);
        }
    }
}

#[inline(always)]
fn two_rows<I: Isa, const EXACT: bool>(
    isa: I,
    pixels: &[[f32; 32]; 2],
    weights: &[[[f32; 16]; 2]; TILE_ROWS],
    sums: &mut [[f32; 16]; 2],
) {
    // [row][k % 2][column].
    let mut partial = [[[0f32; 16]; 2]; 2];
    for pair in 0..TILE_ROWS {
        for odd in 0..2 {
            for row in 0..2 {
                let x = pixels[row][2 * pair + odd];
                for column in 0..16 {
                    let (w, sum) = (weights[pair][odd][column], partial[row][odd][column]);
                    partial[row][odd][column] = if EXACT { isa.mul_add(x, w, sum) } else { flush(x.mul_add(w, sum)) };
                }
            }
        }
    }
    for row in 0..2 {
        for column in 0..16 {
            let both = flush(partial[row][0][column] + partial[row][1][column]);
            sums[row][column] = flush(sums[row][column] + both);
        }
    }
}
