//! Weights in the order in which the tiles read them.
//!
//! ```text
//! [32 written channels][group of 128 read channels][tap][32 read channels][part][16 written channels] a tile
//! ```
//!
//! A tile is sixteen lines; line k holds rows 2k and 2k + 1 of sixteen columns in turn. Taps go around within 128
//! channels, so that the pixels under a 3x3 filter come from the nearest cache eight times out of nine.

use rayon::prelude::*;

use super::scheme::Scheme;
use super::{Line, TILE_ROWS};
use crate::bf16::split;

/// Blocks of 32 read channels that one round of taps covers.
pub(crate) const GROUP: usize = 4;

/// The packed weights of one pass of a convolution.
pub(crate) struct Panels {
    pub(crate) scheme: Scheme,
    /// Blocks of 32 read channels.
    pub(crate) read_blocks: usize,
    /// Blocks of 32 written channels.
    pub(crate) write_blocks: usize,
    pub(crate) taps: usize,
    lines: Vec<Line>,
}

impl Panels {
    /// Packs `weight(tap, read channel, written channel)`.
    pub(crate) fn new(
        scheme: Scheme,
        taps: usize,
        (c_read, c_write): (usize, usize),
        weight: impl Fn(usize, usize, usize) -> f64 + Sync,
    ) -> Panels {
        assert!(c_read.is_multiple_of(32) && c_write.is_multiple_of(32));
        let (read_blocks, write_blocks, parts) = (c_read / 32, c_write / 32, scheme.w_parts());
        let mut panels = Panels { scheme, read_blocks, write_blocks, taps, lines: Vec::new() };
        let mut lines = vec![Line::ZERO; write_blocks * panels.panel_len()];
        lines.par_chunks_mut(panels.panel_len()).enumerate().for_each(|(write_block, panel)| {
            for read_block in 0..read_blocks {
                for tap in 0..taps {
                    let at = panels.at(read_block, tap);
                    for (half, row, l) in
                        (0..2).flat_map(|half| (0..TILE_ROWS).flat_map(move |row| (0..32).map(move |l| (half, row, l))))
                    {
                        let (read, write) = (32 * read_block + 2 * row + l % 2, 32 * write_block + 16 * half + l / 2);
                        let split = split::<3>(weight(tap, read, write) as f32);
                        for part in 0..parts {
                            panel[at + (part * 2 + half) * TILE_ROWS + row].0[l] = split[part];
                        }
                    }
                }
            }
        });
        panels.lines = lines;
        panels
    }

    /// Lines of 32 written channels.
    fn panel_len(&self) -> usize {
        self.read_blocks * self.taps * self.step()
    }

    /// Lines of 32 read channels of a tap: two tiles a part.
    fn step(&self) -> usize {
        2 * TILE_ROWS * self.scheme.w_parts()
    }

    /// Multiply-adds of the tiles for an op's rows of tiles, gaps and every product of parts counted.
    pub(crate) fn tile_macs(&self, rows: u64) -> u64 {
        rows * (self.read_blocks * 32 * self.write_blocks * 32 * self.scheme.products().len()) as u64
    }

    /// The panel of a block of written channels.
    #[inline(always)]
    pub(crate) fn panel(&self, write_block: usize) -> &[Line] {
        &self.lines[write_block * self.panel_len()..][..self.panel_len()]
    }

    /// Where in a panel the tiles of a block of read channels and a tap begin, `[part][half]`.
    #[inline(always)]
    pub(crate) fn at(&self, read_block: usize, tap: usize) -> usize {
        let group = read_block / GROUP * GROUP;
        let width = GROUP.min(self.read_blocks - group);
        (group * self.taps + tap * width + read_block - group) * self.step()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::widen;

    #[test]
    fn every_weight_is_where_it_is_looked_for() {
        let weight = |tap: usize, read: usize, write: usize| (tap * 1000 + read * 3 + write) as f64 + 0.125;
        let panels = Panels::new(Scheme::X6, 3, (192, 64), weight);
        for (tap, read, write) in [(0, 0, 0), (1, 37, 63), (2, 191, 16), (1, 130, 47)] {
            let at = panels.at(read / 32, tap);
            let line = |part: usize| {
                let row = at + (part * 2 + write / 16 % 2) * TILE_ROWS + read % 32 / 2;
                panels.panel(write / 32)[row].0[write % 16 * 2 + read % 2]
            };
            let sum: f32 = (0..3).map(|part| widen(line(part))).sum();
            assert_eq!(f64::from(sum), weight(tap, read, write));
        }
    }
}
