//! A tile of the output matrix: some bands of pixels, some channels, one thread.

use std::cell::RefCell;

use super::tile::{Four, Transform, Two};
use super::{Outputs, PackedWinograd, gemm, input, output};
use crate::isa::{self, Isa};
use crate::lanes::{GateWord, LANES, Lanes};
use crate::ops::conv2d::Finish;
use crate::shared::Tile;

/// Panels whose products are kept before they are transformed.
pub(super) const PASS: usize = 4;

/// What a thread computes.
pub(super) struct Job<'a> {
    pub(super) conv: &'a PackedWinograd,
    pub(super) finish: Finish<'a>,
    pub(super) x: &'a [f32],
    /// Rows are pixels, counted over the whole batch, whole [units](PackedWinograd::unit) of them; columns are
    /// channels.
    pub(super) y: Tile<'a, f32>,
    /// Rows are pixels, columns are panels.
    pub(super) words: Option<Tile<'a, GateWord>>,
}

/// What a job needs beside its output.
#[derive(Default)]
struct Scratch {
    /// The transformed input, `[points][tile][c_read]`.
    v: Vec<f32>,
    /// The products of one pass, for every group of panels `[points][tile][P]`.
    m: Vec<Lanes>,
}

thread_local! {
    /// Each thread keeps its own from job to job.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// A job and where to do it.
struct Prepared<'a> {
    job: Job<'a>,
    scratch: &'a mut Scratch,
}

impl Job<'_> {
    /// Does it.
    pub(super) fn run(self) {
        let token = self.conv.token;
        SCRATCH.with_borrow_mut(|scratch| token.run(Prepared { job: self, scratch }));
    }

    pub(super) fn tiles(&self) -> usize {
        let (pixels, tiles) = self.conv.unit();
        self.y.rows().len() / pixels * tiles
    }

    /// Image, first row and first column written by a tile.
    pub(super) fn place(&self, tile: usize, out: usize) -> (usize, usize, usize) {
        let (pixels, tiles) = self.conv.unit();
        let tile = self.y.rows().start / pixels * tiles + tile;
        let across = self.conv.tiles_across();
        (tile / (across * across), tile / across % across * out, tile % across * out)
    }

    #[inline(always)]
    fn with<I: Isa, T: Transform<IN, OUT>, const IN: usize, const OUT: usize>(mut self, isa: I, scratch: &mut Scratch) {
        let (c_read, tiles) = (self.conv.c_read, self.tiles());
        // The odd cache line keeps the points of one tile from meeting in one set of the cache.
        let (plane_v, plane_m) = (tiles * c_read + LANES, tiles * I::PANELS + 1);
        let (len_v, len_m) = (IN * IN * plane_v, PASS / I::PANELS * IN * IN * plane_m);
        scratch.v.resize(scratch.v.len().max(len_v + LANES), 0.0);
        scratch.m.resize(scratch.m.len().max(len_m), Lanes::default());
        // A unit of V then never crosses a cache line.
        let skip = scratch.v.as_ptr().align_offset(align_of::<Lanes>()).min(LANES);
        let (v, m) = (&mut scratch.v[skip..][..len_v], &mut scratch.m[..len_m]);
        if cfg!(debug_assertions) {
            v.fill(f32::NAN);
            m.fill(Lanes([f32::NAN; LANES]));
        }
        input::transform::<I, T, IN, OUT>(isa, &self, v, plane_v);
        let (columns, depth) = (self.y.columns(), c_read * I::PANELS);
        let (mut panel, end) = (columns.start / LANES, columns.end / LANES);
        while panel < end {
            let pass = panel..end.min(panel + PASS);
            for (group, m) in m.chunks_exact_mut(IN * IN * plane_m).enumerate().take(pass.len() / I::PANELS) {
                let first = (panel / I::PANELS + group) * IN * IN * depth;
                // Behind the last point lies the next group; behind the last group, what another task may read.
                let mut rest = &self.conv.panels[first..];
                for (v, m) in v.chunks_exact(plane_v).zip(m.chunks_exact_mut(plane_m)) {
                    let (panels, behind) = rest.split_at(depth);
                    let next = &behind[..depth.min(behind.len())];
                    gemm::multiply(isa, v, c_read, panels, next, &mut m[..tiles * I::PANELS]);
                    rest = behind;
                }
            }
            output::transform::<I, T, IN, OUT>(isa, &mut self, m, plane_m, pass.clone());
            panel = pass.end;
        }
    }
}

impl isa::Job for Prepared<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        match self.job.conv.outputs {
            Outputs::Two => self.job.with::<I, Two, 4, 2>(isa, self.scratch),
            Outputs::Four => self.job.with::<I, Four, 6, 4>(isa, self.scratch),
        }
    }
}
