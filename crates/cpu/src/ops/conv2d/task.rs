//! A tile of a convolution's output: some pixels, some channels, one thread.
//!
//! ```text
//! for every 64 channels
//!     for every group of panels, for every tap and 256 channels of it, for every strip of pixels: accumulate
//!     for every pixel: finish and write
//! ```
//!
//! So 16 KB of weights (32 KB with two panels side by side) stay in the nearest cache while all strips of the tile pass
//! by, and what a strip reads comes from the second. While one such piece of weights is used, the next is fetched: in
//! the late layers, whose weights come from memory, the first strip would have to wait for every line of it. The sums
//! of 64 channels wait in 25 KB, so that what is written, and a residual that is read, are lines side by side.

use super::epilogue::Finish;
use super::{PackedConv, Phase};
use crate::isa::{Isa, Job, MOST_ROWS, Sums};
use crate::lanes::{GateWord, LANES, Lanes};
use crate::ops::DEPTH;
use crate::shared::Tile;

/// The most pixels of a task: a multiple of 14, the longest strip.
pub(super) const CHUNK: usize = 98;
/// The most taps of a phase: a 3x3 and a projection.
const TAPS: usize = 10;
/// Panels that are finished together.
const TOGETHER: usize = 4;

/// Stands for a pixel outside the map read.
const OUTSIDE: u32 = u32::MAX;
/// What such a pixel holds.
static ZEROS: [f32; DEPTH] = [0.0; DEPTH];

pub(super) struct Task<'a> {
    pub(super) conv: &'a PackedConv,
    pub(super) finish: Finish<'a>,
    pub(super) x: &'a [&'a [f32]],
    /// Rows are pixels, counted over the whole batch; columns are channels.
    pub(super) y: Tile<'a, f32>,
    /// Rows are pixels, columns are panels.
    pub(super) words: Option<Tile<'a, GateWord>>,
}

impl Job for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) {
        const { assert!(TOGETHER.is_multiple_of(I::PANELS) && I::ROWS <= MOST_ROWS) };
        let mut table = Table { count: 0, pixels: [0; CHUNK], strips: [0; CHUNK], sources: [[OUTSIDE; CHUNK]; TAPS] };
        let mut sums = [Lanes::default(); CHUNK * TOGETHER];
        let columns = self.y.columns();
        let (first, last) = (columns.start / LANES, columns.end / LANES);
        for phase in &self.conv.phases {
            self.fill(phase, &mut table);
            if table.count == 0 {
                continue;
            }
            table.cut::<I>();
            let sums = &mut sums[..table.count * TOGETHER];
            let depth: usize = phase.taps.iter().map(|tap| self.conv.terms[tap.term].channels).sum();
            for first in (first..last).step_by(TOGETHER) {
                let together = TOGETHER.min(last - first);
                let groups = sums.chunks_exact_mut(table.count * I::PANELS).take(together / I::PANELS);
                for (group, sums) in groups.enumerate() {
                    self.sum(isa, phase, &table, &phase.panels[(first + group * I::PANELS) * depth..], sums);
                }
                self.write::<I>(isa, &table, first, together, sums);
            }
        }
    }
}

/// The pixels of one phase in a task, and what they read.
struct Table {
    count: usize,
    /// Written pixels, counted over the batch.
    pixels: [u32; CHUNK],
    /// Pixels of each strip, then zeros.
    strips: [u8; CHUNK],
    /// For every tap, where in its term's map the channels of each pixel read begin.
    sources: [[u32; CHUNK]; TAPS],
}

impl Table {
    /// Cuts the pixels into as few strips as there can be, as even as they can be: a short strip takes as long as a
    /// full one.
    fn cut<I: Isa>(&mut self) {
        let mut left = self.count;
        for strip in &mut self.strips {
            let pixels = if left > 0 { left.div_ceil(left.div_ceil(I::ROWS)) } else { 0 };
            *strip = pixels as u8;
            left -= pixels;
        }
    }
}

impl Task<'_> {
    /// Finds the pixels of a phase.
    fn fill(&self, phase: &Phase, table: &mut Table) {
        let (rows, side, step) = (self.y.rows(), self.conv.side_write, phase.step);
        let (mut h, mut w) = (rows.start / side % side, rows.start % side);
        let mut image = rows.start / (side * side);
        assert!(step.is_power_of_two(), "a lattice of every {step}th pixel");
        assert!(phase.taps.len() <= TAPS, "{} taps, and room for {TAPS}", phase.taps.len());
        let shift = step.trailing_zeros();
        table.count = 0;
        for pixel in rows {
            if h & (step - 1) == phase.origin.0 && w & (step - 1) == phase.origin.1 {
                let place = (h >> shift, w >> shift);
                table.pixels[table.count] = pixel as u32;
                for (tap, sources) in phase.taps.iter().zip(&mut table.sources) {
                    let term = &self.conv.terms[tap.term];
                    let at = |i: usize, offset: isize| {
                        (i * tap.step).checked_add_signed(offset).filter(|&at| at < term.side)
                    };
                    sources[table.count] = match (at(place.0, tap.offset.0), at(place.1, tap.offset.1)) {
                        (Some(h), Some(w)) => (((image * term.side + h) * term.side + w) * term.channels) as u32,
                        _ => OUTSIDE,
                    };
                }
                table.count += 1;
            }
            w += 1;
            if w == side {
                (h, w) = (h + 1, 0);
            }
            if h == side {
                (image, h) = (image + 1, 0);
            }
        }
    }

    /// The sums of all pixels in a table with the group of panels that `panels` begins with.
    #[inline(always)]
    fn sum<I: Isa>(&self, isa: I, phase: &Phase, table: &Table, mut panels: &[Lanes], sums: &mut [Lanes]) {
        let mut found = Sums::Fresh;
        if phase.taps.is_empty() {
            sums.fill(Lanes::default());
        }
        let strips = table.count.div_ceil(I::ROWS).max(1);
        for (tap, sources) in phase.taps.iter().zip(&table.sources) {
            let x = self.x[tap.term];
            let channels = self.conv.terms[tap.term].channels;
            for first in (0..channels).step_by(DEPTH) {
                let depth = DEPTH.min(channels - first);
                let (these, rest) = panels.split_at(depth * I::PANELS);
                // The next piece, some lines with every strip.
                let mut ahead = rest[..these.len().min(rest.len())].chunks(these.len().div_ceil(strips));
                panels = rest;
                let mut start = 0;
                for strip in table.strips.iter().map(|&strip| usize::from(strip)).take_while(|&strip| strip > 0) {
                    let mut rows: [&[f32]; MOST_ROWS] = [&[]; MOST_ROWS];
                    for (row, &source) in rows.iter_mut().zip(&sources[start..start + strip]) {
                        *row = match source {
                            OUTSIDE => &ZEROS[..depth],
                            at => &x[at as usize + first..][..depth],
                        };
                    }
                    let sums = &mut sums[start * I::PANELS..][..strip * I::PANELS];
                    isa.accumulate(&rows[..strip], these, sums, found, ahead.next().unwrap_or_default());
                    start += strip;
                }
                found = Sums::Running;
            }
        }
    }

    /// Finishes and writes some panels, from `first` on, of all pixels in a table.
    #[inline(always)]
    fn write<I: Isa>(&mut self, isa: I, table: &Table, first: usize, together: usize, sums: &[Lanes]) {
        let (side, panels) = (self.conv.side_write, self.conv.c_write / LANES);
        let stride = table.count * I::PANELS;
        for (i, &pixel) in table.pixels[..table.count].iter().enumerate() {
            let pixel = pixel as usize;
            let y = self.y.slice(pixel, first * LANES, together * LANES);
            let words = self.words.as_mut().map(|words| words.slice(pixel, first, together));
            let sum = |p: usize| sums[p / I::PANELS * stride + i * I::PANELS + p % I::PANELS];
            self.finish.apply(isa, sum, (pixel, side), (panels, first), y, words);
        }
    }
}
