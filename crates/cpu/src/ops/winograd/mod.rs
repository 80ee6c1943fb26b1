//! 3x3 convolutions of stride 1 with a border of 1 by fewer multiplications, forward and input gradient.
//!
//! Computes  `y = conv(x, filter) + bias (+ residual)`, then the gate: the same as [`conv2d`](super::conv2d) up to
//! rounding. The gradient is the convolution with the filter turned by 180 degrees and its channels exchanged.
//!
//! ```text
//! tile of OUT x OUT outputs = A' [ sum over c of (G filter[c] G') * (B' patch[c] B) ] A      * element by element
//! ```
//!
//! Shapes    x `[n, side, side, c_read]`, y `[n, side, side, c_write]`; c_read and c_write multiples of 16.
//! Work      (OUT + 2)^2 products an input channel and tile: F(4x4) 2.25 a pixel, F(2x2) 4, a direct sum 9.
//! Bytes     The transformed filter, 4 (F(4x4)) or 16/9 (F(2x2)) times the filter, once a task; it is what bounds a
//!           14x14 map of one image.
//! Bound by  Multiply-adds of the GEMMs; expect 75 % of the roof there, and a fifth of the time in the transforms.
//!
//! A task is a run of *bands* (rows of tiles, over the whole batch). It transforms its input once, `V`, and then goes
//! panel by panel of sixteen output channels: a small GEMM for each point, `M`, and the output transform of the
//! panel with the epilogue. V stays in the second cache from the first panel to the last, M is 16 channels
//! wide, and panels stream through. Each tile is summed by itself, in an order that its shape alone decides.

mod gemm;
mod input;
mod output;
mod tile;

use std::cell::RefCell;
use std::ops::Range;

use backlit_net::Rule;
use backlit_net::arch::Conv;
use backlit_net::weights::FoldedConv;

use super::conv2d::{Epilogue, Gate};
use crate::isa::{self, Isa, Token};
use crate::lanes::{GateWord, LANES, Lanes};
use tile::{Four, Tile, Two};

/// Outputs of a tile along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// F(2x2, 3x3).
    Two,
    /// F(4x4, 3x3).
    Four,
}

/// A convolution, or the gradient of one, with its filter transformed for the pass.
pub struct PackedWinograd {
    outputs: Outputs,
    c_read: usize,
    c_write: usize,
    side: usize,
    bias: Option<Vec<f32>>,
    /// `[c_write / 16][IN * IN points][c_read]`, sixteen written channels side by side.
    panels: Vec<Lanes>,
}

impl PackedWinograd {
    /// Transforms the filter for the forward pass.
    ///
    /// # Panics
    /// If the convolution is not 3x3 with stride 1 and a border of 1, or its channels are no multiples of 16.
    pub fn forward(conv: &Conv, folded: &FoldedConv, outputs: Outputs) -> PackedWinograd {
        let weight = |r: usize, s: usize, c: usize, k: usize| folded.weight[at(conv, r, s, c, k)];
        let bias = folded.bias.iter().map(|&b| b as f32).collect();
        PackedWinograd::new(conv, (conv.c_in, conv.c_out), outputs, Some(bias), weight)
    }

    /// Transforms the filter for the gradient with respect to the input.
    ///
    /// # Panics
    /// As [`PackedWinograd::forward`].
    pub fn dgrad(conv: &Conv, folded: &FoldedConv, outputs: Outputs) -> PackedWinograd {
        let weight = |r: usize, s: usize, k: usize, c: usize| folded.weight[at(conv, 2 - r, 2 - s, c, k)];
        PackedWinograd::new(conv, (conv.c_out, conv.c_in), outputs, None, weight)
    }

    /// `weight` takes row, column, channel read and channel written.
    fn new(
        conv: &Conv,
        (c_read, c_write): (usize, usize),
        outputs: Outputs,
        bias: Option<Vec<f32>>,
        weight: impl Fn(usize, usize, usize, usize) -> f64,
    ) -> PackedWinograd {
        assert_eq!((conv.kernel, conv.stride, conv.pad), (3, 1, 1), "{}: not a 3x3 of stride 1", conv.name);
        assert!(c_read.is_multiple_of(LANES) && c_write.is_multiple_of(LANES), "{}: channels", conv.name);
        let panels = match outputs {
            Outputs::Two => pack::<Two, 4, 2>(c_read, c_write, weight),
            Outputs::Four => pack::<Four, 6, 4>(c_read, c_write, weight),
        };
        PackedWinograd { outputs, c_read, c_write, side: conv.side_in, bias, panels }
    }

    /// Floats of one image's output.
    pub fn output_len(&self) -> usize {
        self.side * self.side * self.c_write
    }

    /// Outputs of a tile along an axis.
    fn step(&self) -> usize {
        match self.outputs {
            Outputs::Two => 2,
            Outputs::Four => 4,
        }
    }

    /// Tiles along an axis of the map.
    fn tiles_a_side(&self) -> usize {
        self.side.div_ceil(self.step())
    }

    /// The first row of a band, counted over the whole batch.
    fn first_row(&self, band: usize) -> usize {
        let tiles = self.tiles_a_side();
        band / tiles * self.side + band % tiles * self.step()
    }

    /// Runs all images in `x`, `[n, side, side, c_read]`; `y`, `[n, side, side, c_write]`, is overwritten.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub fn run(&self, token: Token, x: &[f32], y: &mut [f32], epilogue: Epilogue<'_>) {
        let n = x.len() / (self.side * self.side * self.c_read);
        assert_eq!(x.len(), n * self.side * self.side * self.c_read);
        assert_eq!(y.len(), n * self.output_len());
        let Epilogue { residual, gate } = epilogue;
        let residual = residual.map(|r| match r {
            super::conv2d::Residual::Same(r) => r,
            _ => panic!("a residual like the output"),
        });
        assert!(residual.is_none_or(|r| r.len() == y.len()));
        let (words, applied) = match gate {
            Gate::None => (None, None),
            Gate::Relu(words) => (Some(words), None),
            Gate::Rule(rule, words) => (None, Some((rule, words))),
        };
        assert!(words.as_ref().is_none_or(|w| w.len() == y.len() / LANES));
        assert!(applied.is_none_or(|(_, w)| w.len() == y.len() / LANES));
        let finish = Finish { bias: self.bias.as_deref(), residual, applied };
        let bands = n * self.tiles_a_side();
        let job = Job { conv: self, finish, x, bands: 0..bands, first_pixel: 0, y, words };
        split(token, job, self.tasks(bands));
    }

    /// Into how many tasks to cut.
    fn tasks(&self, bands: usize) -> usize {
        // V of a task is to stay in the second cache, beside a panel and M.
        const MOST: usize = 448 << 10;
        let points = (self.step() + 2) * (self.step() + 2);
        let band_bytes = self.tiles_a_side() * points * self.c_read * size_of::<f32>();
        let threads = rayon::current_num_threads();
        let most = (MOST / band_bytes).max(1);
        bands.div_ceil(most).next_multiple_of(threads).min(bands)
    }
}

/// Where a weight is in `[row, column, c_in, c_out]`.
fn at(conv: &Conv, r: usize, s: usize, c: usize, k: usize) -> usize {
    ((r * 3 + s) * conv.c_in + c) * conv.c_out + k
}

/// The transformed filter, `[c_write / 16][IN * IN][c_read]`, computed in double precision and rounded once.
fn pack<T: Tile<IN, OUT>, const IN: usize, const OUT: usize>(
    c_read: usize,
    c_write: usize,
    weight: impl Fn(usize, usize, usize, usize) -> f64,
) -> Vec<Lanes> {
    let mut panels = vec![Lanes::default(); c_write / LANES * IN * IN * c_read];
    for (panel, panels) in panels.chunks_exact_mut(IN * IN * c_read).enumerate() {
        for c in 0..c_read {
            // All sixteen lanes before any is stored: the points lie far apart.
            let mut points = [[Lanes::default(); IN]; IN];
            for l in 0..LANES {
                let k = panel * LANES + l;
                let columns: [[f64; IN]; 3] =
                    std::array::from_fn(|s| tile::filter::<T, IN, OUT>(std::array::from_fn(|r| weight(r, s, c, k))));
                for i in 0..IN {
                    let row = tile::filter::<T, IN, OUT>(columns.map(|column| column[i]));
                    for j in 0..IN {
                        points[i][j].0[l] = row[j] as f32;
                    }
                }
            }
            for (point, &value) in points.as_flattened().iter().enumerate() {
                panels[point * c_read + c] = value;
            }
        }
    }
    panels
}

/// The epilogue's inputs, shared by all tasks.
#[derive(Clone, Copy)]
struct Finish<'a> {
    bias: Option<&'a [f32]>,
    residual: Option<&'a [f32]>,
    applied: Option<(Rule, &'a [GateWord])>,
}

/// Some bands, counted over the whole batch.
struct Job<'a> {
    conv: &'a PackedWinograd,
    finish: Finish<'a>,
    x: &'a [f32],
    bands: Range<usize>,
    /// Of `y` and `words`, counted over the whole batch.
    first_pixel: usize,
    y: &'a mut [f32],
    words: Option<&'a mut [GateWord]>,
}

/// Cuts a job in two until there are `tasks`, which run in parallel.
fn split(token: Token, job: Job<'_>, tasks: usize) {
    if tasks <= 1 {
        return SCRATCH.with_borrow_mut(|scratch| token.run(Task { job, scratch }));
    }
    let conv = job.conv;
    let Range { start, end } = job.bands;
    let middle = start + (end - start) * (tasks / 2) / tasks;
    let pixels = (conv.first_row(middle) - conv.first_row(start)) * conv.side;
    let (y, y_rest) = job.y.split_at_mut(pixels * conv.c_write);
    let (words, words_rest) = job.words.map(|w| w.split_at_mut(pixels * (conv.c_write / LANES))).unzip();
    let first_pixel = job.first_pixel + pixels;
    let rest = Job { bands: middle..end, first_pixel, y: y_rest, words: words_rest, ..job };
    let job = Job { bands: start..middle, y, words, ..job };
    rayon::join(|| split(token, job, tasks / 2), || split(token, rest, tasks - tasks / 2));
}

/// What a task needs beside its output; each thread keeps its own from task to task.
#[derive(Default)]
struct Scratch {
    v: Vec<f32>,
    m: Vec<Lanes>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Job<'_> {
    fn tiles(&self) -> usize {
        self.bands.len() * self.conv.tiles_a_side()
    }

    /// Floats from one point of V to the next. The odd cache line keeps the points of one tile apart in the cache.
    fn plane_v(&self) -> usize {
        self.tiles() * self.conv.c_read + LANES
    }

    /// Units from one point of M to the next.
    fn plane_m(&self) -> usize {
        self.tiles() + 1
    }

    /// Image, first row and first column written by a tile.
    fn place(&self, tile: usize, out: usize) -> (usize, usize, usize) {
        let tiles = self.conv.tiles_a_side();
        let (band, column) = (self.bands.start + tile / tiles, tile % tiles);
        (band / tiles, band % tiles * out, column * out)
    }

    #[inline(always)]
    fn with<I: Isa, T: Tile<IN, OUT>, const IN: usize, const OUT: usize, const W: usize>(
        mut self,
        isa: I,
        scratch: &mut Scratch,
    ) {
        let (c_read, tiles) = (self.conv.c_read, self.tiles());
        let (plane_v, plane_m) = (self.plane_v(), self.plane_m());
        let (len_v, len_m) = (IN * IN * plane_v, IN * IN * plane_m);
        scratch.v.resize(scratch.v.len().max(len_v + LANES), 0.0);
        scratch.m.resize(scratch.m.len().max(len_m), Lanes::default());
        // A unit of V then never crosses a cache line.
        let skip = scratch.v.as_ptr().align_offset(align_of::<Lanes>()).min(LANES);
        let (v, m) = (&mut scratch.v[skip..][..len_v], &mut scratch.m[..len_m]);
        if cfg!(debug_assertions) {
            v.fill(f32::NAN);
            m.fill(Lanes([f32::NAN; LANES]));
        }
        input::transform::<I, T, IN, OUT, W>(isa, &self, v);
        let panels = self.conv.panels.chunks_exact(IN * IN * c_read);
        for (block, panels) in panels.enumerate() {
            let points = panels.chunks_exact(c_read).zip(v.chunks_exact(plane_v)).zip(m.chunks_exact_mut(plane_m));
            for ((panel, v), m) in points {
                gemm::multiply(isa, v, panel, &mut m[..tiles]);
            }
            output::transform::<I, T, IN, OUT, W>(isa, &mut self, m, block);
        }
    }
}

/// A job and where to do it.
struct Task<'a> {
    job: Job<'a>,
    scratch: &'a mut Scratch,
}

impl isa::Job for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        match self.job.conv.outputs {
            Outputs::Two => self.job.with::<I, Two, 4, 2, 8>(isa, self.scratch),
            Outputs::Four => self.job.with::<I, Four, 6, 4, 8>(isa, self.scratch),
        }
    }
}
