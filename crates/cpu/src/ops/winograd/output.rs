//! Output transform of some panels, and the epilogue.
//!
//! ```text
//! y[tile * OUT + (h, w)] = sum over i, j of  A[h, i] A[w, j] M[i, j]      h, w < OUT, i, j < IN
//! ```
//!
//! Pixels of the last tiles that lie outside the map are computed and dropped. A written pixel gets all of its
//! channels of the pass at once: whole cache lines side by side, and one look at the gate.

use std::ops::Range;

use super::task::{Job, PASS};
use super::tile::Transform;
use crate::isa::Isa;
use crate::lanes::{LANES, Lanes};

/// Transforms `panels`, at most [`PASS`], of all tiles of a job, and writes them.
///
/// `m`: for every group of panels `[IN * IN]` planes of `plane` units, `[tile][P]` each.
#[inline(always)]
pub(super) fn transform<I: Isa, T: Transform<IN, OUT>, const IN: usize, const OUT: usize>(
    isa: I,
    job: &mut Job<'_>,
    m: &[Lanes],
    plane: usize,
    panels: Range<usize>,
) {
    let (side, all) = (job.conv.side, job.conv.c_write / LANES);
    let mut half = [[isa.splat(0.0); IN]; OUT];
    let mut y = [[[Lanes::default(); PASS]; OUT]; OUT];
    for tile in 0..job.tiles() {
        prefetch(isa, job, tile, OUT, &panels);
        for p in 0..panels.len() {
            let first = p / I::PANELS * IN * IN * plane + tile * I::PANELS + p % I::PANELS;
            for part in 0..LANES / I::WIDTH {
                // Down the columns, then along the rows.
                for w in 0..IN {
                    let mut column = [isa.splat(0.0); IN];
                    let mut from = first + w * plane;
                    for h in 0..IN {
                        column[h] = isa.load(&m[from].0, part);
                        from += IN * plane;
                    }
                    let column = T::output(isa, column);
                    for h in 0..OUT {
                        half[h][w] = column[h];
                    }
                }
                for h in 0..OUT {
                    let row = T::output(isa, half[h]);
                    for w in 0..OUT {
                        isa.store(row[w], &mut y[h][w][p].0, part);
                    }
                }
            }
        }
        let (image, top, left) = job.place(tile, OUT);
        for h in 0..OUT.min(side - top) {
            for w in 0..OUT.min(side - left) {
                let pixel = (image * side + top + h) * side + left + w;
                let sums = &y[h][w][..panels.len()];
                let words = job.words.as_mut().map(|words| words.slice(pixel, panels.start, panels.len()));
                let y = job.y.slice(pixel, panels.start * LANES, panels.len() * LANES);
                job.finish.apply(isa, |p| sums[p], (pixel, side), (all, panels.start), y, words);
            }
        }
    }
}

/// Asks for the lines that a tile will write: a store that has to wait for its line holds up those behind it.
#[inline(always)]
fn prefetch<I: Isa>(isa: I, job: &mut Job<'_>, tile: usize, out: usize, panels: &Range<usize>) {
    let side = job.conv.side;
    let (image, top, left) = job.place(tile, out);
    for h in top..side.min(top + out) {
        for w in left..side.min(left + out) {
            let pixel = (image * side + h) * side + w;
            for y in job.y.slice(pixel, panels.start * LANES, panels.len() * LANES).chunks_exact(LANES) {
                isa.prefetch(&y[0]);
            }
        }
    }
}
