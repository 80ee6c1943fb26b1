//! Output transform of sixteen channels, and the epilogue.
//!
//! ```text
//! y[tile * OUT + (h, w)] = sum over i, j of  A[h, i] A[w, j] M[i, j]      h, w < OUT, i, j < IN
//! ```
//!
//! Pixels of the last tiles that lie outside the map are computed and dropped.

use super::Job;
use super::tile::Tile;
use crate::gates;
use crate::isa::Isa;
use crate::lanes::{LANES, Lanes};

/// Transforms a panel of all tiles of a job, `m` `[IN * IN]` planes of `job.plane_m()`, and writes `job.y`.
#[inline(always)]
pub(super) fn transform<I: Isa, T: Tile<IN, OUT>, const IN: usize, const OUT: usize, const W: usize>(
    isa: I,
    job: &mut Job<'_>,
    m: &[Lanes],
    block: usize,
) {
    let (side, plane) = (job.conv.side, job.plane_m());
    for tile in 0..job.tiles() {
        let mut y = [[[0f32; LANES]; OUT]; OUT];
        for part in 0..LANES / W {
            let at = part * W;
            let mut half = [[[0f32; W]; IN]; OUT];
            for w in 0..IN {
                let mut column = [[0f32; W]; IN];
                for h in 0..IN {
                    column[h].copy_from_slice(&m[(h * IN + w) * plane + tile].0[at..at + W]);
                }
                let column = T::output(isa, column);
                for h in 0..OUT {
                    half[h][w] = column[h];
                }
            }
            for h in 0..OUT {
                let row = T::output(isa, half[h]);
                for w in 0..OUT {
                    y[h][w][at..at + W].copy_from_slice(&row[w]);
                }
            }
        }
        let (image, top, left) = job.place(tile, OUT);
        for (h, row) in (top..side).zip(&mut y) {
            for (w, sums) in (left..side).zip(row) {
                finish(job, sums, (image * side + h) * side + w, block);
            }
        }
    }
}

/// Epilogue for sixteen channels of one pixel, counted over the whole batch.
#[inline(always)]
fn finish(job: &mut Job<'_>, sums: &mut [f32; LANES], pixel: usize, block: usize) {
    let (channel, c_write) = (block * LANES, job.conv.c_write);
    let at = pixel * c_write + channel;
    if let Some(bias) = job.finish.bias {
        let bias = &bias[channel..channel + LANES];
        for l in 0..LANES {
            sums[l] += bias[l];
        }
    }
    if let Some(residual) = job.finish.residual {
        let residual = &residual[at..at + LANES];
        for l in 0..LANES {
            sums[l] += residual[l];
        }
    }
    let own = pixel - job.first_pixel;
    if let Some(words) = &mut job.words {
        words[own * (c_write / LANES) + block] = gates::relu_fwd(sums);
    }
    if let Some((rule, words)) = job.finish.applied {
        gates::relu_dgrad(rule, words[at / LANES], sums);
    }
    job.y[own * c_write + channel..][..LANES].copy_from_slice(sums);
}
