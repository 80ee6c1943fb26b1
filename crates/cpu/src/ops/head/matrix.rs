//! A matrix that a row of numbers is multiplied with, from either side.

use rayon::prelude::*;

use crate::isa::{Isa, Job, Token};
use crate::lanes::LANES;
use crate::ops::DEPTH;

/// Columns of a panel: their sums fill half of sixteen registers of eight floats.
pub(super) const WIDTH: usize = 64;

/// 64 columns of a matrix for one row.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Columns([f32; WIDTH]);

/// A matrix of `depth` rows by panels of 64 columns, the last filled up with zeros: `[panels][depth][64]`.
pub(super) struct Matrix {
    depth: usize,
    width: usize,
    panels: Vec<Columns>,
}

impl Matrix {
    pub(super) fn new(depth: usize, width: usize, at: impl Fn(usize, usize) -> f32 + Sync) -> Matrix {
        let columns = |index: usize| {
            let (panel, row) = (index / depth, index % depth);
            let value = |column| if column < width { at(row, column) } else { 0.0 };
            Columns(std::array::from_fn(|j| value(panel * WIDTH + j)))
        };
        Matrix { depth, width, panels: (0..width.div_ceil(WIDTH) * depth).into_par_iter().map(columns).collect() }
    }

    pub(super) fn at(&self, row: usize, column: usize) -> f32 {
        self.panels[column / WIDTH * self.depth + row].0[column % WIDTH]
    }

    /// `x` `[n, depth]` times the matrix, `[panels][n][64]`.
    pub(super) fn times(&self, token: Token, x: &[f32]) -> Vec<[f32; WIDTH]> {
        let n = x.len() / self.depth;
        let mut out = vec![[0f32; WIDTH]; self.panels.len() / self.depth * n];
        let tasks = out.par_chunks_mut(n.max(1)).zip(self.panels.par_chunks(self.depth));
        tasks.for_each(|(out, panel)| token.run(Times { x, panel, out }));
        out
    }

    /// `x` `[n, width]` times the transposed matrix, `[depth / 64][n][64]`.
    ///
    /// # Panics
    /// If the matrix has no multiple of 64 rows.
    pub(super) fn transposed_times(&self, token: Token, x: &[f32]) -> Vec<[f32; WIDTH]> {
        assert!(self.depth.is_multiple_of(WIDTH), "{} rows in parts of {WIDTH}", self.depth);
        let n = x.len() / self.width;
        let mut out = vec![[0f32; WIDTH]; self.depth / WIDTH * n];
        let tasks = out.par_chunks_mut(n.max(1)).enumerate();
        tasks.for_each(|(part, out)| token.run(TransposedTimes { x, matrix: self, first: part * WIDTH, out }));
        out
    }
}

/// Rows times one panel.
struct Times<'a> {
    x: &'a [f32],
    panel: &'a [Columns],
    out: &'a mut [[f32; WIDTH]],
}

impl Job for Times<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        // One image after the other reads these rows while they are near.
        for (block, panel) in self.panel.chunks(DEPTH).enumerate() {
            for (out, x) in self.out.iter_mut().zip(self.x.chunks_exact(self.panel.len())) {
                let mut sums = [0f32; WIDTH];
                for (&x, columns) in x[block * DEPTH..].iter().zip(panel) {
                    if x != 0.0 {
                        for j in 0..WIDTH {
                            sums[j] = isa.mul_add(x, columns.0[j], sums[j]);
                        }
                    }
                }
                for j in 0..WIDTH {
                    out[j] += sums[j];
                }
            }
        }
    }
}

/// Rows times the transposed rows `first` to `first + 64` of the matrix.
struct TransposedTimes<'a> {
    x: &'a [f32],
    matrix: &'a Matrix,
    first: usize,
    out: &'a mut [[f32; WIDTH]],
}

impl Job for TransposedTimes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        /// Lines of 16 floats in a row of a panel.
        const LINES: usize = WIDTH / LANES;
        for (out, x) in self.out.iter_mut().zip(self.x.chunks_exact(self.matrix.width)) {
            let mut sums = [[0f32; LANES]; WIDTH];
            for (line, found) in x.chunks(LANES).enumerate() {
                let mut x = [0f32; LANES];
                x[..found.len()].copy_from_slice(found);
                if x == [0.0; LANES] {
                    continue;
                }
                let rows = &self.matrix.panels[line / LINES * self.matrix.depth + self.first..][..WIDTH];
                for (sums, columns) in sums.iter_mut().zip(rows) {
                    let columns = &columns.0.as_chunks::<LANES>().0[line % LINES];
                    // Said register by register: the compiler would take 16 rows at once, one float of each line.
                    for part in 0..LANES / I::WIDTH {
                        let sum = isa.fused(isa.load(&x, part), isa.load(columns, part), isa.load(sums, part));
                        isa.store(sum, sums, part);
                    }
                }
            }
            *out = sums.map(|lanes| lanes.iter().sum());
        }
    }
}
