//! Which positions of which map meet which weights: a convolution's geometry, for either pass, as tables.
//!
//! Every pass of every convolution here is a sum over *terms*, each a map read and a packing of weights:
//!
//! ```text
//! written[pixel] = sum over terms, taps, channels of  read[position + offset[tap], channel] * weight[tap][channel]
//! ```
//!
//! Positions go one by one through the map read, gaps included; where no pixel belongs to a position its sums are
//! dropped. A *phase* is a run of positions with its taps. One phase does but for the gradient of a 3x3 of stride 2,
//! where pixels of even and odd rows and columns meet different taps, hence four.

use super::TILE_ROWS;
use super::layout::{Layout, NONE};

/// Geometry of one pass of a convolution, or of two that are added up.
pub(crate) struct Op {
    /// The map written.
    pub(crate) to: Layout,
    /// Position of every pixel of it.
    pub(crate) places: Vec<u32>,
    pub(crate) phases: Vec<Phase>,
    /// Whether some pixels belong to no phase: they are zero.
    pub(crate) sparse: bool,
}

/// A run of positions that meet the same taps.
pub(crate) struct Phase {
    /// Rows of a tile.
    pub(crate) rows: usize,
    /// For every position read, filled up to whole pairs of tiles, the pixel written or [`NONE`].
    pub(crate) pixels: Vec<u32>,
    /// For every term, the taps: offset in positions, number of the tap.
    pub(crate) taps: Vec<Vec<(isize, usize)>>,
}

impl Phase {
    /// Of `count` positions from an image's first on, of which `pixel` knows the pixel written.
    fn new(count: usize, pixel: impl Fn(usize) -> Option<usize>, taps: Vec<Vec<(isize, usize)>>) -> Phase {
        // Two tiles are worked on at a time. As few as it takes, all with as many rows, as few as it takes.
        let tiles = count.div_ceil(TILE_ROWS).next_multiple_of(2);
        let rows = count.div_ceil(tiles);
        let at = |position| pixel(position).filter(|_| position < count).map_or(NONE, |p| p as u32);
        Phase { rows, pixels: (0..rows * tiles).map(at).collect(), taps }
    }

    /// Pairs of tiles.
    pub(crate) fn pairs(&self) -> usize {
        self.pixels.len() / (2 * self.rows)
    }

    /// The first pixel written from a pair of tiles on; the pixels must be in order.
    pub(crate) fn first_pixel(&self, pair: usize) -> Option<usize> {
        self.pixels[pair * 2 * self.rows..].iter().find(|&&p| p != NONE).map(|&p| p as usize)
    }
}

/// The nine taps of a 3x3 as (row, column) offsets, in order.
fn nine() -> impl Iterator<Item = (usize, (isize, isize))> {
    (0..9).map(|tap| (tap, (tap as isize / 3 - 1, tap as isize % 3 - 1)))
}

impl Op {
    fn new(to: Layout, phases: Vec<Phase>) -> Op {
        let written = phases.iter().flat_map(|p| &p.pixels).filter(|&&p| p != NONE).count();
        Op { to, places: to.places(), phases, sparse: written < to.pixels() }
    }

    /// 1x1 over dense maps of the same side as the map written: forward or back, with as many terms as wanted.
    pub(crate) fn pointwise(to: Layout, terms: usize) -> Op {
        let phase = Phase::new(to.pixels(), Some, vec![vec![(0, 0)]; terms]);
        Op::new(to, vec![phase])
    }

    /// 1x1 from dense maps to the pixels of even row and even column of a map of twice the side; the others are zero.
    pub(crate) fn pointwise_to_even(to: Layout, terms: usize) -> Op {
        let (side, half) = (to.side(), to.side() / 2);
        let pixel = |p: usize| Some(p / half * 2 * side + p % half * 2);
        Op::new(to, vec![Phase::new(half * half, pixel, vec![vec![(0, 0)]; terms])])
    }

    /// 3x3 forward, from [`Layout::Padded`] with stride 1 or from [`Layout::Split`] with stride 2.
    pub(crate) fn spatial(from: Layout, to: Layout) -> Op {
        let (pitch, side) = (from.pitch(), to.side());
        let taps = nine().map(|(tap, d)| (from.offset(d), tap)).collect();
        let pixel = |p: usize| (p % pitch < side).then_some(p / pitch * side + p % pitch);
        Op::new(to, vec![Phase::new(side * pitch - 1, pixel, vec![taps])])
    }

    /// Input gradient of a 3x3 of stride 1 (the map written has the side of the map read) or 2 (twice the side).
    pub(crate) fn spatial_back(from: Layout, to: Layout) -> Op {
        assert!(matches!(from, Layout::Padded { .. }));
        let (pitch, half, side) = (from.pitch(), from.side(), to.side());
        let stride = side / half;
        let phases = (0..stride * stride).map(|parity| {
            let (row, column) = (parity / stride, parity % stride);
            // Pixel stride * i + parity of the input meets tap d of output i + (parity - d) / stride.
            let meets = |parity: usize, d: isize| {
                let distance = parity as isize - d;
                (distance % stride as isize == 0).then_some(distance / stride as isize)
            };
            let taps =
                nine().filter_map(|(tap, (dr, dc))| Some((from.offset((meets(row, dr)?, meets(column, dc)?)), tap)));
            let pixel = |p: usize| {
                let (i, j) = (p / pitch, p % pitch);
                (j < half).then_some((stride * i + row) * side + stride * j + column)
            };
            Phase::new(half * pitch - 1, pixel, vec![taps.collect()])
        });
        Op::new(to, phases.collect())
    }

    /// Rows of tiles of pixels that are multiplied, counted over taps: `taps[term][rows]` for one block of read
    /// channels.
    pub(crate) fn tile_rows(&self, term: usize) -> u64 {
        self.phases.iter().map(|p| (p.pixels.len() * p.taps[term].len()) as u64).sum()
    }

    /// Where in a dense map of half the side the pixels with even row and even column of this op's output are; the
    /// others are nowhere.
    pub(crate) fn even_places(&self) -> Vec<u32> {
        let side = self.to.side();
        let place = |row: usize, column: usize| {
            if row.is_multiple_of(2) && column.is_multiple_of(2) {
                (row / 2 * (side / 2) + column / 2) as u32
            } else {
                NONE
            }
        };
        (0..side * side).map(|p| place(p / side, p % side)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_is_written_once_unless_it_may_be_zero() {
        let dense = |side| Layout::Dense { side };
        let padded = |side| Layout::Padded { side };
        let ops = [
            Op::pointwise(dense(7), 1),
            Op::pointwise(Layout::Split { side: 14 }, 2),
            Op::spatial(padded(7), dense(7)),
            Op::spatial(Layout::Split { side: 28 }, dense(14)),
            Op::spatial_back(padded(56), dense(56)),
            Op::spatial_back(padded(14), padded(28)),
        ];
        for op in &ops {
            let mut pixels: Vec<u32> = op.phases.iter().flat_map(|p| &p.pixels).copied().collect();
            pixels.retain(|&p| p != NONE);
            pixels.sort_unstable();
            assert!(pixels.iter().copied().eq(0..op.to.pixels() as u32) && !op.sparse, "{:?}", op.to);
        }
        let sparse = Op::pointwise_to_even(dense(14), 1);
        assert!(sparse.sparse);
        assert_eq!(sparse.phases[0].pixels.iter().filter(|&&p| p != NONE).count(), 49);
        assert_eq!(sparse.even_places().iter().filter(|&&p| p != NONE).count(), 49);
    }

    #[test]
    fn tiles_are_no_taller_than_they_must_be() {
        let rows = |op: Op| (op.phases[0].rows, op.phases[0].pairs());
        assert_eq!(rows(Op::pointwise(Layout::Dense { side: 7 }, 1)), (13, 2));
        assert_eq!(rows(Op::pointwise(Layout::Dense { side: 14 }, 1)), (14, 7));
        assert_eq!(rows(Op::pointwise(Layout::Dense { side: 56 }, 1)), (16, 98));
        assert_eq!(rows(Op::spatial(Layout::Padded { side: 7 }, Layout::Dense { side: 7 })), (14, 2));
        assert_eq!(rows(Op::pointwise(Layout::Dense { side: 1 }, 1)), (1, 1));
    }
}
