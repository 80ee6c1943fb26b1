//! The filter's transform, once, when weights are loaded.

use rayon::prelude::*;

use super::tile::{self, Transform};
use crate::isa::Token;
use crate::lanes::{LANES, Lanes};

/// The transformed filter, `[c_write / (16 P)][IN * IN][c_read][P]`, computed in double precision and rounded once.
///
/// `weight` takes row, column, channel read and channel written.
pub(super) fn pack<T: Transform<IN, OUT>, const IN: usize, const OUT: usize>(
    token: Token,
    c_read: usize,
    c_write: usize,
    weight: impl Fn(usize, usize, usize, usize) -> f64 + Sync,
) -> Vec<Lanes> {
    let wide = token.panels();
    let g = tile::filter::<T, IN, OUT>();
    let mut panels = vec![Lanes::default(); c_write / LANES * IN * IN * c_read];
    panels.par_chunks_mut(IN * IN * c_read * wide).enumerate().for_each(|(group, panels)| {
        for p in 0..wide {
            let first = (group * wide + p) * LANES;
            for c in 0..c_read {
                // Sixteen channels side by side: down the columns of the filter, then along its rows.
                let mut half = [[[0f64; LANES]; 3]; IN];
                for s in 0..3 {
                    for r in 0..3 {
                        for l in 0..LANES {
                            let weight = weight(r, s, c, first + l);
                            for i in 0..IN {
                                half[i][s][l] += g[i][r] * weight;
                            }
                        }
                    }
                }
                for i in 0..IN {
                    for j in 0..IN {
                        let at = ((i * IN + j) * c_read + c) * wide + p;
                        for l in 0..LANES {
                            panels[at].0[l] = (0..3).map(|s| g[j][s] * half[i][s][l]).sum::<f64>() as f32;
                        }
                    }
                }
            }
        }
    });
    panels
}
