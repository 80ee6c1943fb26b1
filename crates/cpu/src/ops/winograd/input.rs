//! Input transform: patches of the map into [points][tile][c_read], so that each point is the left matrix of a GEMM.
//!
//! ```text
//! V[i, j] = sum over h, w of  B[i, h] B[j, w] x[tile * OUT - 1 + (h, w)]      i, j, h, w < IN, zero outside the map
//! ```
//!
//! Work for F(4x4): 144 multiply-adds a tile and channel, against 36 c_write in the GEMM; it reads IN * IN floats, most
//! of them twice in a row and so from the first cache, and writes as many. Bound by stores, one a cycle.

use super::Job;
use super::tile::Tile;
use crate::isa::Isa;

/// What a pixel outside the map holds, for up to 512 channels.
static ZEROS: [f32; 512] = [0.0; 512];

/// Transforms all tiles of a job into `v`, planes of `job.plane_v()` floats.
#[inline(always)]
pub(super) fn transform<I: Isa, T: Tile<IN, OUT>, const IN: usize, const OUT: usize, const W: usize>(
    isa: I,
    job: &Job<'_>,
    v: &mut [f32],
) {
    let c_read = job.conv.c_read;
    for tile in 0..job.tiles() {
        let patch = patch::<IN>(job, tile, OUT);
        let patch = patch.each_ref().map(|row| row.map(|pixel| pixel.as_chunks::<W>().0));
        let mut planes = v.chunks_exact_mut(job.plane_v());
        let rows: [[&mut [[f32; W]]; IN]; IN] = std::array::from_fn(|_| {
            std::array::from_fn(|_| match planes.next() {
                Some(plane) => plane[tile * c_read..][..c_read].as_chunks_mut().0,
                None => &mut [],
            })
        });
        for c in 0..c_read / W {
            // Down the columns, then along the rows.
            let mut half = [[[0f32; W]; IN]; IN];
            for w in 0..IN {
                let mut column = [[0f32; W]; IN];
                for h in 0..IN {
                    column[h] = patch[h][w][c];
                }
                let column = T::input(isa, column);
                for h in 0..IN {
                    half[h][w] = column[h];
                }
            }
            for h in 0..IN {
                let row = T::input(isa, half[h]);
                for w in 0..IN {
                    rows[h][w][c] = row[w];
                }
            }
        }
    }
}

/// The pixels that a tile reads, c_read channels each.
#[inline(always)]
fn patch<'a, const IN: usize>(job: &Job<'a>, tile: usize, out: usize) -> [[&'a [f32]; IN]; IN] {
    let (side, c_read) = (job.conv.side, job.conv.c_read);
    let (image, top, left) = job.place(tile, out);
    std::array::from_fn(|h| {
        std::array::from_fn(|w| {
            // The border of one makes the tile begin one pixel up and left; a wrapped number is outside too.
            let (h, w) = ((top + h).wrapping_sub(1), (left + w).wrapping_sub(1));
            if h < side && w < side {
                &job.x[((image * side + h) * side + w) * c_read..][..c_read]
            } else {
                &ZEROS[..c_read]
            }
        })
    })
}
