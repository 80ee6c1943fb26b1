//! The multiplications: at each point, [tiles x c_read] times [c_read x 16 P].

use crate::isa::{Isa, MOST_ROWS, Sums};
use crate::lanes::Lanes;
use crate::ops::DEPTH;

/// One point and one group of panels: `m[t] = v[t] * panels`.
///
/// `v` `[tiles, c_read]`, `panels` `[c_read][P]`, `m` `[tiles][P]`, which is overwritten. The panels of 256 channels
/// (16 KB each) stay in the nearest cache while all strips of tiles pass by. `next` are those that lie behind, of the
/// point to come.
#[inline(always)]
pub(super) fn multiply<I: Isa>(isa: I, v: &[f32], c_read: usize, panels: &[Lanes], next: &[Lanes], m: &mut [Lanes]) {
    const { assert!(I::ROWS <= MOST_ROWS) };
    let tiles = m.len() / I::PANELS;
    // Strips as even as can be: 14 tiles are 5 + 5 + 4 and not 6 + 6 + 2.
    let strips = tiles.div_ceil(I::ROWS);
    let mut ahead = next.chunks(next.len().div_ceil(strips * c_read.div_ceil(DEPTH)).max(1));
    let mut found = Sums::Fresh;
    for (block, panels) in panels.chunks(DEPTH * I::PANELS).enumerate() {
        let depth = panels.len() / I::PANELS;
        let mut first = 0;
        for strip in 0..strips {
            let last = tiles * (strip + 1) / strips;
            let mut rows: [&[f32]; MOST_ROWS] = [&[]; MOST_ROWS];
            for (row, v) in rows.iter_mut().zip(v[first * c_read..last * c_read].chunks_exact(c_read)) {
                *row = &v[block * DEPTH..][..depth];
            }
            let sums = &mut m[first * I::PANELS..last * I::PANELS];
            isa.accumulate(&rows[..last - first], panels, sums, found, ahead.next().unwrap_or_default());
            first = last;
        }
        found = Sums::Running;
    }
}
