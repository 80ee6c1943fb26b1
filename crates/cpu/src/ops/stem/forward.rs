//! The stem forward: rows of the convolution go straight into the pool.
//!
//! Shapes    images `[n, 224, 224, 3]` to pooled `[n, 56, 56, 64]` and its codes, half a byte an element
//! Work      118 M multiply-adds an image; 0.6 MB read, 0.9 MB written
//! Bound by  multiply-adds; expect 80 % of the roof, the pool takes most of the rest
//!
//! A task makes some rows of the pooled map. It holds three rows of the convolution (87 KB), as many as a pooled row
//! needs; the next needs the last of them again. Only the row that two tasks share is computed twice.

use backlit_net::IMAGE_LEN;
use rayon::prelude::*;

use super::super::max_pool::{self, CODES_LEN};
use super::rows::{MapRow, MapRows, Window};
use super::{C_OUT, SIDE_OUT, Stem, rows_per_task};
use crate::isa::{Isa, Job, Token};
use crate::lanes::LANES;

impl Stem {
    /// `images` `[n, 224, 224, 3]` to `pooled` `[n, 56, 56, 64]` and `codes` `[n, 56, 56, 32]`, both overwritten; see
    /// [`max_pool`] for the codes.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub fn forward_pooled(&self, token: Token, images: &[f32], pooled: &mut [f32], codes: &mut [u8]) {
        pool_images(images, pooled, codes, |image, task| token.run(Pooled { stem: self, image, task }));
    }

    /// `images` `[n, 224, 224, 3]` to the map `y` `[n, 112, 112, 64]`, after ReLU; overwritten.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub fn forward(&self, token: Token, images: &[f32], y: &mut [f32]) {
        let n = images.len() / IMAGE_LEN;
        assert_eq!(images.len(), n * IMAGE_LEN);
        assert_eq!(y.len(), n * super::OUTPUT_LEN);
        let rows = rows_per_task(n, SIDE_OUT, &[1, 2, 4, 7, 8, 14, 28]);
        let per_image = SIDE_OUT / rows;
        y.par_chunks_mut(rows * SIDE_OUT * C_OUT).enumerate().for_each(|(task, y)| {
            let image = &images[task / per_image * IMAGE_LEN..][..IMAGE_LEN];
            token.run(Map { stem: self, image, first: task % per_image * rows, y });
        });
    }
}

/// Cuts the pooled maps of all images into tasks, and has them done: each with its image.
///
/// # Panics
/// If a slice has the wrong length.
pub(crate) fn pool_images(
    images: &[f32],
    pooled: &mut [f32],
    codes: &mut [u8],
    run: impl Fn(&[f32], PoolTask<'_>) + Sync,
) {
    let n = images.len() / IMAGE_LEN;
    assert_eq!(images.len(), n * IMAGE_LEN);
    assert_eq!((pooled.len(), codes.len()), (n * max_pool::OUTPUT_LEN, n * CODES_LEN));
    let rows = rows_per_task(n, max_pool::SIDE_OUT, &[1, 2, 4, 7, 8, 14]);
    let per_image = max_pool::SIDE_OUT / rows;
    let pooled = pooled.par_chunks_mut(rows * max_pool::ROW);
    let codes = codes.par_chunks_mut(rows * max_pool::CODES_ROW);
    pooled.zip(codes).enumerate().for_each(|(task, (pooled, codes))| {
        let image = &images[task / per_image * IMAGE_LEN..][..IMAGE_LEN];
        run(image, PoolTask { first: task % per_image * rows, pooled, codes });
    });
}

/// Some rows of the pooled map of an image.
pub(crate) struct PoolTask<'a> {
    /// The first of the rows.
    first: usize,
    pooled: &'a mut [f32],
    codes: &'a mut [u8],
}

impl PoolTask<'_> {
    /// The first row of the map under them.
    pub(crate) fn start(&self) -> usize {
        (2 * self.first).saturating_sub(1)
    }

    /// Does the task, with `rows` of the map from [`start`](PoolTask::start) on.
    #[inline(always)]
    pub(crate) fn run<I: Isa>(self, isa: I, rows: &mut impl MapRows) {
        // Row h of the map is at h mod 3. Before the first row comes one of zeros.
        let mut ring = [const { MapRow::ZEROS }; 3];
        let mut made = self.start();
        rows.next(isa, &mut ring[made % 3]);
        let to = self.pooled.chunks_exact_mut(max_pool::ROW).zip(self.codes.chunks_exact_mut(max_pool::CODES_ROW));
        for (p, (pooled, codes)) in (self.first..).zip(to) {
            while made < 2 * p + 1 {
                made += 1;
                rows.next(isa, &mut ring[made % 3]);
            }
            max_pool::forward_row([2, 0, 1].map(|ahead| &ring[(2 * p + ahead) % 3]), pooled, codes);
        }
    }
}

/// A task in float32.
struct Pooled<'a> {
    stem: &'a Stem,
    image: &'a [f32],
    task: PoolTask<'a>,
}

impl Job for Pooled<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let mut rows = FloatRows { stem: self.stem, window: Window::before(self.image, self.task.start()) };
        self.task.run(isa, &mut rows);
    }
}

/// Rows in float32.
struct FloatRows<'a> {
    stem: &'a Stem,
    window: Window<'a>,
}

impl MapRows for FloatRows<'_> {
    #[inline(always)]
    fn next<I: Isa>(&mut self, isa: I, row: &mut MapRow) {
        self.window.advance();
        row.compute(isa, self.stem, &self.window);
    }
}

/// Some rows of the map itself.
struct Map<'a> {
    stem: &'a Stem,
    image: &'a [f32],
    /// The first of the rows.
    first: usize,
    y: &'a mut [f32],
}

impl Job for Map<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let mut row = MapRow::ZEROS;
        let mut rows = FloatRows { stem: self.stem, window: Window::before(self.image, self.first) };
        for y in self.y.chunks_exact_mut(SIDE_OUT * C_OUT) {
            rows.next(isa, &mut row);
            let columns = (1..).map(|column| row.column(column).as_chunks::<LANES>().0);
            for (y, map) in y.chunks_exact_mut(C_OUT).zip(columns) {
                for (y, &map) in y.as_chunks_mut::<LANES>().0.iter_mut().zip(map) {
                    *y = map;
                    isa.relu(y);
                }
            }
        }
    }
}
