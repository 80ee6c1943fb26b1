//! Every convolution but the stem's, forward and input gradient, by one driver.
//!
//! Both passes read some pixels of one map, weigh them, and write pixels of another. A *phase* is a lattice of
//! written pixels that all read by the same offsets (taps):
//!
//! ```text
//! write[origin + step_write * (i,j), :] = sum over taps t, channels c of  read[step_read * (i,j) + tap[t], c] * panel[t][c]
//! ```
//!
//! - Forward, stride s: one phase; step_read = s, step_write = 1, taps (r - pad, s - pad).
//! - Input gradient, stride s: written pixel h meets tap r only where h + pad - r is a multiple of s, so there are
//!   s * s phases, one for each parity of (h, w), with step_read = 1, step_write = s and taps
//!   (origin + pad - r) / s. No multiplication by an inserted zero is done.
//!
//! The epilogue adds bias and residual, applies ReLU or a gradient rule, and writes or reads gate bits, all while
//! the sums are still in registers.

use backlit_net::Rule;
use backlit_net::arch::Conv;
use backlit_net::weights::FoldedConv;
use rayon::prelude::*;

use super::strip::{ByStrips, Strips, accumulate};
use crate::gates;
use crate::isa::{Isa, Token};
use crate::lanes::{GateWord, LANES, Lanes};

/// A convolution, or the gradient of one, with its weights packed for the pass.
pub struct PackedConv {
    c_read: usize,
    c_write: usize,
    side_read: usize,
    side_write: usize,
    bias: Option<Vec<f32>>,
    phases: Vec<Phase>,
}

struct Phase {
    /// First written pixel, row and column.
    origin: (usize, usize),
    step_write: usize,
    step_read: usize,
    /// Offsets of the pixels read, row and column.
    taps: Vec<(isize, isize)>,
    /// `[c_write / 16][taps][c_read]`, sixteen written channels side by side.
    panels: Vec<Lanes>,
}

/// What happens to the sums before they are written.
pub struct Epilogue<'a> {
    /// Added to the sums; laid out like the output.
    pub residual: Option<&'a [f32]>,
    /// Applied last.
    pub gate: Gate<'a>,
}

/// The last step of an [`Epilogue`].
pub enum Gate<'a> {
    /// Nothing.
    None,
    /// Forward: ReLU; the bits of those who passed go here, `[n, side, side, c / 16]`.
    Relu(&'a mut [u16]),
    /// Backward: the rule of the ReLU whose input gradient this is, with the bits that its forward pass left.
    Rule(Rule, &'a [u16]),
}

impl PackedConv {
    /// Packs the forward pass.
    pub fn forward(conv: &Conv, folded: &FoldedConv) -> PackedConv {
        let (kernel, pad) = (conv.kernel as isize, conv.pad as isize);
        let taps = (0..kernel).flat_map(|r| (0..kernel).map(move |s| (r - pad, s - pad))).collect();
        let all: Vec<usize> = (0..conv.kernel * conv.kernel).collect();
        let panels =
            pack(&all, conv.c_in, conv.c_out, |tap, c, k| folded.weight[(tap * conv.c_in + c) * conv.c_out + k]);
        let phase = Phase { origin: (0, 0), step_write: 1, step_read: conv.stride, taps, panels };
        PackedConv {
            c_read: conv.c_in,
            c_write: conv.c_out,
            side_read: conv.side_in,
            side_write: conv.side_out(),
            bias: Some(folded.bias.iter().map(|&b| b as f32).collect()),
            phases: vec![phase],
        }
    }

    /// Packs the gradient with respect to the input.
    pub fn dgrad(conv: &Conv, folded: &FoldedConv) -> PackedConv {
        let stride = conv.stride;
        let phases = (0..stride * stride).map(|parity| {
            let origin = (parity / stride, parity % stride);
            // (offset read, filter row or column) that meet pixels of this parity.
            let meeting = |origin: usize| -> Vec<(isize, usize)> {
                let meets = |&r: &usize| (origin + conv.pad + stride * conv.kernel - r).is_multiple_of(stride);
                let offset = |r: usize| (origin + conv.pad) as isize - r as isize;
                (0..conv.kernel).filter(meets).map(|r| (offset(r) / stride as isize, r)).collect()
            };
            let columns = meeting(origin.1);
            let pairs: Vec<_> =
                meeting(origin.0).iter().flat_map(|&row| columns.iter().map(move |&column| (row, column))).collect();
            let taps = pairs.iter().map(|&((dh, _), (dw, _))| (dh, dw)).collect();
            let filter: Vec<usize> = pairs.iter().map(|&((_, r), (_, s))| r * conv.kernel + s).collect();
            let panels =
                pack(&filter, conv.c_out, conv.c_in, |tap, k, c| folded.weight[(tap * conv.c_in + c) * conv.c_out + k]);
            Phase { origin, step_write: stride, step_read: 1, taps, panels }
        });
        PackedConv {
            c_read: conv.c_out,
            c_write: conv.c_in,
            side_read: conv.side_out(),
            side_write: conv.side_in,
            bias: None,
            phases: phases.collect(),
        }
    }

    /// What is added to the sums, `[c_write]`; nothing for a gradient.
    pub(crate) fn bias(&self) -> &[f32] {
        self.bias.as_deref().unwrap_or_default()
    }

    /// Floats of one image's output.
    pub fn output_len(&self) -> usize {
        self.side_write * self.side_write * self.c_write
    }

    /// Runs all images in `x`, `[n, side_read, side_read, c_read]`; `y`, `[n, side_write, side_write, c_write]`, is
    /// overwritten.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub fn run(&self, token: Token, x: &[f32], y: &mut [f32], epilogue: Epilogue<'_>) {
        let n = x.len() / (self.side_read * self.side_read * self.c_read);
        let pixels = n * self.side_write * self.side_write;
        assert_eq!(x.len(), n * self.side_read * self.side_read * self.c_read);
        assert_eq!(y.len(), pixels * self.c_write);
        let Epilogue { residual, gate } = epilogue;
        assert!(residual.is_none_or(|r| r.len() == y.len()));

        let (written, applied) = match gate {
            Gate::None => (None, None),
            Gate::Relu(words) => (Some(words), None),
            Gate::Rule(rule, words) => (None, Some((rule, words))),
        };
        let words = self.c_write / LANES;
        let chunk = pixels_per_task(pixels);
        let finish = Finish { bias: self.bias.as_deref(), residual, applied };
        let tasks = y.par_chunks_mut(chunk * self.c_write).enumerate();
        match written {
            None => tasks.for_each(|(i, y)| {
                token.run(ByStrips(Task { conv: self, finish, x, first: i * chunk, y, words: None }))
            }),
            Some(gates) => {
                assert_eq!(gates.len(), pixels * words);
                tasks.zip(gates.par_chunks_mut(chunk * words)).for_each(|((i, y), words)| {
                    token.run(ByStrips(Task { conv: self, finish, x, first: i * chunk, y, words: Some(words) }));
                });
            }
        }
    }
}

/// `[c_write / 16][taps][c_read]` from any order of weights.
fn pack(taps: &[usize], c_read: usize, c_write: usize, weight: impl Fn(usize, usize, usize) -> f64) -> Vec<Lanes> {
    assert!(c_write.is_multiple_of(LANES));
    let mut panels = Vec::with_capacity(c_write / LANES * taps.len() * c_read);
    for panel in 0..c_write / LANES {
        for &tap in taps {
            for c in 0..c_read {
                panels.push(Lanes(std::array::from_fn(|l| weight(tap, c, panel * LANES + l) as f32)));
            }
        }
    }
    panels
}

/// Enough pixels to use a panel often while it is in the cache, few enough to keep all threads busy.
fn pixels_per_task(pixels: usize) -> usize {
    // A multiple of every strip length, so that only the last task has a strip that is not full.
    const UNIT: usize = 6;
    const MOST: usize = 96;
    let threads = rayon::current_num_threads();
    let tasks = if pixels >= MOST * threads { pixels.div_ceil(MOST).next_multiple_of(threads) } else { threads };
    pixels.div_ceil(UNIT).div_ceil(tasks) * UNIT
}

/// The epilogue's inputs, shared by all tasks.
#[derive(Clone, Copy)]
struct Finish<'a> {
    bias: Option<&'a [f32]>,
    residual: Option<&'a [f32]>,
    applied: Option<(Rule, &'a [GateWord])>,
}

/// A run of written pixels.
struct Task<'a> {
    conv: &'a PackedConv,
    finish: Finish<'a>,
    x: &'a [f32],
    /// The first pixel, counted over the whole batch.
    first: usize,
    y: &'a mut [f32],
    words: Option<&'a mut [GateWord]>,
}

/// Stands for a pixel outside the map read.
const OUTSIDE: usize = usize::MAX;
/// What such a pixel holds, for up to 2048 channels.
static ZEROS: [f32; 2048] = [0.0; 2048];

impl Strips for Task<'_> {
    #[inline(always)]
    fn strips<I: Isa, const M: usize>(mut self, isa: I) {
        for phase in &self.conv.phases {
            let pixels = self.pixels_of(phase);
            let sources = self.sources::<M>(phase, &pixels);
            let depth = phase.taps.len() * self.conv.c_read;
            for block in 0..self.conv.c_write / LANES {
                let panel = &phase.panels[block * depth..][..depth];
                let strips = pixels.chunks(M).zip(sources.chunks(phase.taps.len().max(1)));
                for (strip, sources) in strips {
                    let mut sums = [[0f32; LANES]; M];
                    for (source, panel) in sources.iter().zip(panel.chunks_exact(self.conv.c_read)) {
                        let rows = source.map(|at| match at {
                            OUTSIDE => &ZEROS[..self.conv.c_read],
                            at => &self.x[at..at + self.conv.c_read],
                        });
                        accumulate(isa, rows, panel, &mut sums);
                    }
                    for (sums, &pixel) in sums.iter_mut().zip(strip) {
                        self.finish(sums, pixel, block);
                    }
                }
            }
        }
    }
}

impl Task<'_> {
    /// Which of this task's pixels belong to a phase, counted from its first.
    fn pixels_of(&self, phase: &Phase) -> Vec<usize> {
        let side = self.conv.side_write;
        let count = self.y.len() / self.conv.c_write;
        let belongs = |&pixel: &usize| {
            let at = self.first + pixel;
            let (h, w) = (at / side % side, at % side);
            h % phase.step_write == phase.origin.0 && w % phase.step_write == phase.origin.1
        };
        (0..count).filter(belongs).collect()
    }

    /// For every strip and tap, where in `x` the M pixels begin that are read.
    fn sources<const M: usize>(&self, phase: &Phase, pixels: &[usize]) -> Vec<[usize; M]> {
        let PackedConv { side_read, side_write, c_read, .. } = *self.conv;
        let inside = |at: isize| usize::try_from(at).ok().filter(|&at| at < side_read);
        let source = |pixel: usize, (dh, dw): (isize, isize)| {
            let at = self.first + pixel;
            let (image, h, w) = (at / (side_write * side_write), at / side_write % side_write, at % side_write);
            let (i, j) = (h / phase.step_write * phase.step_read, w / phase.step_write * phase.step_read);
            match (inside(i as isize + dh), inside(j as isize + dw)) {
                (Some(h), Some(w)) => ((image * side_read + h) * side_read + w) * c_read,
                _ => OUTSIDE,
            }
        };
        let mut sources = Vec::with_capacity(pixels.len().div_ceil(M) * phase.taps.len());
        for strip in pixels.chunks(M) {
            for &tap in &phase.taps {
                sources.push(std::array::from_fn(|m| strip.get(m).map_or(OUTSIDE, |&pixel| source(pixel, tap))));
            }
        }
        if phase.taps.is_empty() {
            // Pixels that read nothing are still written: one empty entry a strip.
            sources.resize(pixels.len().div_ceil(M), [OUTSIDE; M]);
        }
        sources
    }

    /// Epilogue for sixteen channels of one pixel, counted from the task's first.
    #[inline(always)]
    fn finish(&mut self, sums: &mut [f32; LANES], pixel: usize, block: usize) {
        let channel = block * LANES;
        let c_write = self.conv.c_write;
        let at = (self.first + pixel) * c_write + channel;
        if let Some(bias) = self.finish.bias {
            let bias = &bias[channel..channel + LANES];
            for l in 0..LANES {
                sums[l] += bias[l];
            }
        }
        if let Some(residual) = self.finish.residual {
            let residual = &residual[at..at + LANES];
            for l in 0..LANES {
                sums[l] += residual[l];
            }
        }
        if let Some(words) = &mut self.words {
            words[pixel * (c_write / LANES) + block] = gates::relu_fwd(sums);
        }
        if let Some((rule, words)) = self.finish.applied {
            gates::relu_dgrad(rule, words[at / LANES], sums);
        }
        self.y[pixel * c_write + channel..][..LANES].copy_from_slice(sums);
    }
}
