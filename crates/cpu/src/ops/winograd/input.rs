//! Input transform: patches of the map into `[points][tile][c_read]`, so that each point is the left matrix of a GEMM.
//!
//! ```text
//! V[i, j] = sum over h, w of  B[i, h] B[j, w] x[tile * OUT - 1 + (h, w)]      i, j, h, w < IN, zero outside the map
//! ```
//!
//! Work for F(4x4): 144 multiply-adds a tile and channel, against 36 c_write in the GEMM; it reads IN * IN floats, most
//! of them twice in a row and so from the first cache, and writes as many. Bound by stores, one a cycle.

use super::task::Job;
use super::tile::Transform;
use crate::isa::Isa;
use crate::lanes::LANES;

/// Stands for a pixel outside the map.
const OUTSIDE: usize = usize::MAX / 2;
/// What sixteen channels of such a pixel hold.
static ZEROS: [f32; LANES] = [0.0; LANES];

/// Transforms all tiles of a job into `v`, planes of `plane` floats.
#[inline(always)]
pub(super) fn transform<I: Isa, T: Transform<IN, OUT>, const IN: usize, const OUT: usize>(
    isa: I,
    job: &Job<'_>,
    v: &mut [f32],
    plane: usize,
) {
    let units = job.conv.c_read / LANES;
    let (x, v) = (job.x.as_chunks::<LANES>().0, v.as_chunks_mut::<LANES>().0);
    let plane = plane / LANES;
    let mut half = [[isa.splat(0.0); IN]; IN];
    let mut patch = [[OUTSIDE; IN]; IN];
    let mut next = [[OUTSIDE; IN]; IN];
    find(job, 0, OUT, &mut next);
    for tile in 0..job.tiles() {
        (patch, next) = (next, patch);
        find(job, tile + 1, OUT, &mut next);
        for unit in 0..units {
            // What this tile did not read already, for the next one.
            for row in &next {
                for pixel in &row[IN - OUT..] {
                    isa.prefetch(&x.get(pixel + unit).unwrap_or(&ZEROS)[0]);
                }
            }
            for part in 0..LANES / I::WIDTH {
                // Down the columns, then along the rows.
                for w in 0..IN {
                    let mut column = [isa.splat(0.0); IN];
                    for h in 0..IN {
                        // Outside the map is outside the slice: one check for both.
                        column[h] = isa.load(x.get(patch[h][w] + unit).unwrap_or(&ZEROS), part);
                    }
                    let column = T::input(isa, column);
                    for h in 0..IN {
                        half[h][w] = column[h];
                    }
                }
                let mut to = tile * units + unit;
                for h in 0..IN {
                    let row = T::input(isa, half[h]);
                    for w in 0..IN {
                        isa.store(row[w], &mut v[to], part);
                        to += plane;
                    }
                }
            }
        }
    }
}

/// Where the pixels that a tile reads begin, in units of sixteen channels.
fn find<const IN: usize>(job: &Job<'_>, tile: usize, out: usize, patch: &mut [[usize; IN]; IN]) {
    let (side, units) = (job.conv.side, job.conv.c_read / LANES);
    let (image, top, left) = job.place(tile, out);
    for h in 0..IN {
        for w in 0..IN {
            // The border of one makes the tile begin one pixel up and left; a wrapped number is outside too.
            let (h_read, w_read) = ((top + h).wrapping_sub(1), (left + w).wrapping_sub(1));
            let inside = h_read < side && w_read < side;
            patch[h][w] = if inside { ((image * side + h_read) * side + w_read) * units } else { OUTSIDE };
        }
    }
}
