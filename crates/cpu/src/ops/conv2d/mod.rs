//! Every convolution but the stem's and Winograd's, forward and input gradient, by one driver.
//!
//! Both passes read some pixels of one map, weigh them, and write pixels of another. A *phase* is a lattice of
//! written pixels that all read by the same *taps*:
//!
//! ```text
//! write[origin + step * (i,j), :] = sum over taps t, channels c of
//!                                      read[t][step[t] * (i,j) + offset[t], c] * panel[t][c]
//! ```
//!
//! - Forward, stride s: one phase; `step[t] = s`, offsets (r - pad, s - pad).
//! - Input gradient, stride s: written pixel h meets filter row r only where h + pad - r is a multiple of s, so there
//!   are s * s phases, one for each parity of (h, w), with offsets (origin + pad - r) / s. No multiplication by an
//!   inserted zero is done.
//!
//! A tap belongs to a *term*, and terms may read different maps: the expansion of a block and its projection are one
//! sum over the channels of both, and so are the gradients of its reduction and its projection. Neither intermediate
//! map exists.
//!
//! The epilogue adds bias and residual, applies ReLU or a gradient rule, and writes or reads gate bits.

mod epilogue;
mod pack;
mod task;

use std::sync::Arc;

use backlit_net::arch::Conv;
use backlit_net::weights::FoldedConv;
use rayon::prelude::*;

pub use epilogue::{Epilogue, Gate, Residual};

use crate::isa::Token;
use crate::lanes::{LANES, Lanes};
use crate::shared::{Cut, tiles};
pub(in crate::ops) use epilogue::Finish;
use task::{CHUNK, Task};

/// A convolution and its weights, in double precision.
pub type Weighted<'a> = (&'a Conv, &'a FoldedConv);

/// A convolution, or the gradient of one, or a sum of either, with its weights packed for the pass.
#[derive(Clone)]
pub struct PackedConv {
    token: Token,
    c_write: usize,
    side_write: usize,
    bias: Option<Vec<f32>>,
    terms: Vec<Term>,
    phases: Vec<Phase>,
}

/// A map that is read.
#[derive(Clone)]
struct Term {
    side: usize,
    channels: usize,
}

/// A lattice of written pixels.
#[derive(Clone)]
struct Phase {
    /// First written pixel, row and column.
    origin: (usize, usize),
    /// Distance of written pixels, in rows and columns.
    step: usize,
    taps: Vec<Tap>,
    /// `[c_write / (16 P)][taps, one after the other][channels of the tap's term][P]`, where P is
    /// [`Isa::PANELS`](crate::isa::Isa::PANELS).
    panels: Arc<Vec<Lanes>>,
}

/// One pixel read for every pixel written.
#[derive(Clone)]
struct Tap {
    /// Index into [`PackedConv::terms`].
    term: usize,
    /// Distance of the pixels read for neighbours on the lattice.
    step: usize,
    /// From `step` times the position on the lattice, row and column.
    offset: (isize, isize),
}

impl PackedConv {
    /// Packs the forward pass of one convolution.
    pub fn forward(token: Token, conv: &Conv, folded: &FoldedConv) -> PackedConv {
        PackedConv::forward_sum(token, &[(conv, folded)])
    }

    /// Packs the sum of the outputs of convolutions that write maps of one shape.
    ///
    /// # Panics
    /// If there is none, their outputs differ in shape, or have no whole number of channel panels.
    pub fn forward_sum(token: Token, convs: &[Weighted<'_>]) -> PackedConv {
        let (first, _) = convs[0];
        let (side_write, c_write) = (first.side_out(), first.c_out);
        let mut bias = vec![0f64; c_write];
        let mut taps = Vec::new();
        let mut panels = pack::Panels::new(token, c_write);
        for (term, (conv, folded)) in convs.iter().enumerate() {
            assert_eq!((conv.side_out(), conv.c_out), (side_write, c_write), "terms of one sum");
            bias.iter_mut().zip(&folded.bias).for_each(|(sum, b)| *sum += b);
            for filter in 0..conv.kernel * conv.kernel {
                let offset = |at: usize| at as isize - conv.pad as isize;
                let offset = (offset(filter / conv.kernel), offset(filter % conv.kernel));
                taps.push(Tap { term, step: conv.stride, offset });
                panels.push_forward(conv, folded, filter);
            }
        }
        PackedConv {
            token,
            c_write,
            side_write,
            bias: Some(bias.iter().map(|&b| b as f32).collect()),
            terms: convs.iter().map(|(conv, _)| Term { side: conv.side_in, channels: conv.c_in }).collect(),
            phases: vec![Phase { origin: (0, 0), step: 1, taps, panels: Arc::new(panels.finish()) }],
        }
    }

    /// Packs the gradient of one convolution with respect to its input.
    pub fn dgrad(token: Token, conv: &Conv, folded: &FoldedConv) -> PackedConv {
        PackedConv::dgrad_sum(token, &[(conv, folded)])
    }

    /// Packs the sum of the gradients of convolutions that read one map, with respect to it.
    ///
    /// # Panics
    /// If there is none, their inputs differ in shape, or have no whole number of channel panels.
    pub fn dgrad_sum(token: Token, convs: &[Weighted<'_>]) -> PackedConv {
        let (first, _) = convs[0];
        let (side_write, c_write) = (first.side_in, first.c_in);
        let step = convs.iter().map(|(conv, _)| conv.stride).max().unwrap_or(1);
        let phases = (0..step * step).map(|parity| {
            let origin = (parity / step, parity % step);
            let mut taps = Vec::new();
            let mut panels = pack::Panels::new(token, c_write);
            for (term, (conv, folded)) in convs.iter().enumerate() {
                assert_eq!((conv.side_in, conv.c_in), (side_write, c_write), "terms of one sum");
                assert!(step.is_multiple_of(conv.stride), "strides {step} and {}", conv.stride);
                // (offset read, filter row or column) that meet written pixels of this parity.
                let meeting = |origin: usize| -> Vec<(isize, usize)> {
                    let meets = |&r: &usize| (origin + conv.pad + step * conv.kernel - r).is_multiple_of(conv.stride);
                    let offset = |r: usize| (origin + conv.pad) as isize - r as isize;
                    (0..conv.kernel).filter(meets).map(|r| (offset(r) / conv.stride as isize, r)).collect()
                };
                let columns = meeting(origin.1);
                for (row, r) in meeting(origin.0) {
                    for &(column, s) in &columns {
                        taps.push(Tap { term, step: step / conv.stride, offset: (row, column) });
                        panels.push_dgrad(conv, folded, r * conv.kernel + s);
                    }
                }
            }
            Phase { origin, step, taps, panels: Arc::new(panels.finish()) }
        });
        PackedConv {
            token,
            c_write,
            side_write,
            bias: None,
            terms: convs.iter().map(|(conv, _)| Term { side: conv.side_out(), channels: conv.c_out }).collect(),
            phases: phases.collect(),
        }
    }

    /// The same sums, with the same weights, where some maps are *compact*: of all their pixels, only those in even
    /// rows and columns exist, and lie side by side. `reads` says so of every term's map, `writes` of the map written.
    ///
    /// # Panics
    /// If this would need a pixel that does not exist.
    pub fn compact(&self, reads: &[bool], writes: bool) -> PackedConv {
        assert_eq!(reads.len(), self.terms.len(), "one answer for every term");
        let half = |side: usize, compact: bool| if compact { side.div_ceil(2) } else { side };
        let terms =
            self.terms.iter().zip(reads).map(|(term, &compact)| Term { side: half(term.side, compact), ..*term });
        let phase = |phase: &Phase| {
            // On a lattice of even pixels, all that is written is in its first phase, and side by side.
            let thinned = writes && phase.step == 2;
            let tap = |tap: &Tap| {
                let step = if writes && !thinned { 2 * tap.step } else { tap.step };
                let compact = reads[tap.term];
                assert!(!compact || step % 2 == 0 && tap.offset == (0, 0), "a tap between the pixels of a compact map");
                Tap { step: if compact { step / 2 } else { step }, ..*tap }
            };
            let taps = phase.taps.iter().map(tap).collect();
            Phase { step: if thinned { 1 } else { phase.step }, taps, panels: phase.panels.clone(), ..*phase }
        };
        let written = |phase: &&Phase| !writes || phase.origin == (0, 0);
        PackedConv {
            side_write: half(self.side_write, writes),
            bias: self.bias.clone(),
            terms: terms.collect(),
            phases: self.phases.iter().filter(written).map(phase).collect(),
            ..*self
        }
    }

    /// Floats of one image's output.
    pub fn output_len(&self) -> usize {
        self.side_write * self.side_write * self.c_write
    }

    /// Runs all images in `x`, `[n, side_read, side_read, c_read]`; `y`, `[n, side_write, side_write, c_write]`, is
    /// overwritten.
    ///
    /// # Panics
    /// If a slice has the wrong length, or there is more than one term.
    pub fn run(&self, x: &[f32], y: &mut [f32], epilogue: Epilogue<'_>) {
        self.run_sum(&[x], y, epilogue);
    }

    /// As [`run`](PackedConv::run), with one map for every term.
    ///
    /// # Panics
    /// If a slice has the wrong length or more than 2^32 elements, or there are not as many as terms.
    pub fn run_sum(&self, x: &[&[f32]], y: &mut [f32], epilogue: Epilogue<'_>) {
        let pixels = y.len() / self.c_write;
        let n = pixels / (self.side_write * self.side_write);
        assert_eq!(y.len(), n * self.output_len(), "no whole number of maps is written");
        assert_eq!(x.len(), self.terms.len(), "one map for every term");
        for (x, term) in x.iter().zip(&self.terms) {
            assert_eq!(x.len(), n * term.side * term.side * term.channels, "what is read does not fit what is written");
        }
        let counted = |len: usize| u32::try_from(len).is_ok_and(|len| len < u32::MAX);
        assert!(x.iter().all(|x| counted(x.len())) && counted(pixels), "more elements than 32 bits count");
        let (written, applied) = match epilogue.gate {
            Gate::None => (None, None),
            Gate::Relu(words) => (Some(words), None),
            Gate::Rule(rule, words) => (None, Some((rule, words))),
        };
        let words = self.c_write / LANES;
        for gates in [written.as_deref(), applied.map(|(_, words)| words)].into_iter().flatten() {
            assert_eq!(gates.len(), pixels * words, "gate bits do not fit what is written");
        }
        let residual = epilogue.residual.inspect(|r| r.check(y.len(), self.side_write, self.c_write));
        let finish = Finish { bias: self.bias.as_deref(), residual, applied };
        let (token, cut) = (self.token, self.cut(pixels));
        let task = |y, words| Task { conv: self, finish, x, y, words };
        let y = tiles(y, self.c_write, Cut { rows: cut.rows, columns: cut.columns * LANES });
        match written {
            None => y.for_each(|y| token.run(task(y, None))),
            Some(gates) => {
                let gates = tiles(gates, words, cut);
                y.zip(gates).for_each(|(y, gates)| token.run(task(y, Some(gates))));
            }
        }
    }

    /// How written pixels and panels are shared out: columns are panels.
    ///
    /// A task has many pixels, so that a panel is used often while it is in the nearest cache; where that leaves too
    /// few tasks, each has fewer panels.
    fn cut(&self, pixels: usize) -> Cut {
        /// Tasks a thread, so that one that is late holds the others up by little.
        const TASKS: usize = 4;
        let wanted = TASKS * rayon::current_num_threads();
        let rows = pixels.div_ceil(pixels.div_ceil(CHUNK).max(1)).max(1);
        let down = pixels.div_ceil(rows).max(1);
        let group = self.token.panels();
        let groups = self.c_write / LANES / group;
        let across = wanted.div_ceil(down).min(groups);
        Cut { rows, columns: groups.div_ceil(across) * group }
    }
}
