//! 3x3 convolutions of stride 1 with a border of 1 by fewer multiplications, forward and input gradient.
//!
//! Computes  `y = conv(x, filter) + bias (+ residual)`, then the gate: the same as [`conv2d`](super::conv2d) up to
//! rounding. The gradient is the convolution with the filter turned by 180 degrees and its channels exchanged.
//!
//! ```text
//! tile of OUT x OUT outputs = A' [ sum over c of (G filter[c] G') * (B' patch[c] B) ] A      * element by element
//! ```
//!
//! Shapes    x `[n, side, side, c_read]`, y `[n, side, side, c_write]`; c_read a multiple of 16, c_write of a
//!           group of panels.
//! Work      (OUT + 2)^2 products an input channel and tile: F(4x4) 2.25 a pixel, F(2x2) 4, a direct sum 9.
//! Bytes     The transformed filter, 4 times (F(4x4)) or 16/9 times (F(2x2)) the filter, once a task; it is what
//!           bounds a 14x14 map of one image.
//! Bound by  Multiply-adds of the GEMMs; expect 90 % of the roof there, and a tenth (256 channels) to a quarter (64
//!           channels) of the time in the transforms.
//!
//! A task is a block of tiles and a range of output channels. It transforms its input once, into `V`, and then goes
//! by passes of 64 channels: a small GEMM for each point and group of panels, into `M`, and the output transform of the
//! pass with the epilogue. V stays in the second cache from the first pass to the last, and panels stream through.
//! Each tile is summed by itself, in an order that the layer alone decides.

mod gemm;
mod input;
mod output;
mod pack;
mod task;
mod tile;

use backlit_net::arch::Conv;
use backlit_net::weights::FoldedConv;
use rayon::prelude::*;

use super::conv2d::{Epilogue, Finish, Gate};
use crate::isa::Token;
use crate::lanes::{LANES, Lanes};
use crate::shared::{Cut, tiles};
use task::Job;
use tile::{Four, Two};

/// Outputs of a tile along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// F(2x2, 3x3).
    Two,
    /// F(4x4, 3x3).
    Four,
}

impl Outputs {
    /// Along an axis.
    fn step(self) -> usize {
        match self {
            Outputs::Two => 2,
            Outputs::Four => 4,
        }
    }

    /// Products for a tile, an input and an output channel; also the transformed weights for the nine of a filter.
    pub(crate) fn points(self) -> usize {
        (self.step() + 2).pow(2)
    }
}

/// A convolution, or the gradient of one, with its filter transformed for the pass.
pub struct PackedWinograd {
    token: Token,
    outputs: Outputs,
    c_read: usize,
    c_write: usize,
    side: usize,
    bias: Option<Vec<f32>>,
    /// `[c_write / (16 P)][IN * IN points][c_read][P]`, where P is [`Isa::PANELS`](crate::isa::Isa::PANELS).
    panels: Vec<Lanes>,
}

impl PackedWinograd {
    /// Transforms the filter for the forward pass.
    ///
    /// # Panics
    /// If the convolution is not 3x3 with stride 1 and a border of 1, or its channels are no whole number of panels.
    pub fn forward(token: Token, conv: &Conv, folded: &FoldedConv, outputs: Outputs) -> PackedWinograd {
        let weight = |r: usize, s: usize, c: usize, k: usize| folded.weight[at(conv, r, s, c, k)];
        let bias = folded.bias.iter().map(|&b| b as f32).collect();
        PackedWinograd::new(token, conv, (conv.c_in, conv.c_out), outputs, Some(bias), weight)
    }

    /// Transforms the filter for the gradient with respect to the input.
    ///
    /// # Panics
    /// As [`PackedWinograd::forward`].
    pub fn dgrad(token: Token, conv: &Conv, folded: &FoldedConv, outputs: Outputs) -> PackedWinograd {
        let weight = |r: usize, s: usize, k: usize, c: usize| folded.weight[at(conv, 2 - r, 2 - s, c, k)];
        PackedWinograd::new(token, conv, (conv.c_out, conv.c_in), outputs, None, weight)
    }

    /// `weight` takes row, column, channel read and channel written.
    fn new(
        token: Token,
        conv: &Conv,
        (c_read, c_write): (usize, usize),
        outputs: Outputs,
        bias: Option<Vec<f32>>,
        weight: impl Fn(usize, usize, usize, usize) -> f64 + Sync,
    ) -> PackedWinograd {
        assert_eq!((conv.kernel, conv.stride, conv.pad), (3, 1, 1), "{}: not a 3x3 of stride 1", conv.name);
        let group = LANES * token.panels();
        assert!(c_read.is_multiple_of(LANES) && c_write.is_multiple_of(group), "{}: channels", conv.name);
        let panels = match outputs {
            Outputs::Two => pack::pack::<Two, 4, 2>(token, c_read, c_write, weight),
            Outputs::Four => pack::pack::<Four, 6, 4>(token, c_read, c_write, weight),
        };
        PackedWinograd { token, outputs, c_read, c_write, side: conv.side_in, bias, panels }
    }

    /// What is added to the sums, `[c_write]`; nothing for a gradient.
    pub fn bias(&self) -> &[f32] {
        self.bias.as_deref().unwrap_or_default()
    }

    /// Floats of one image's output.
    pub fn output_len(&self) -> usize {
        self.side * self.side * self.c_write
    }

    /// Multiply-adds that one image takes, without the transforms; tiles at the edge are computed whole.
    pub fn macs(&self) -> u64 {
        (self.tiles_across().pow(2) * self.outputs.points() * self.c_read * self.c_write) as u64
    }

    /// Tiles along an axis of the map.
    fn tiles_across(&self) -> usize {
        self.side.div_ceil(self.outputs.step())
    }

    /// The smallest block that a regular cut of the batch can have, in pixels and tiles: a row of tiles, or all tiles
    /// of an image if the last row is lower than the others.
    fn unit(&self) -> (usize, usize) {
        let across = self.tiles_across();
        let step = self.outputs.step();
        match self.side.is_multiple_of(step) {
            true => (step * self.side, across),
            false => (self.side * self.side, across * across),
        }
    }

    /// Runs all images in `x`, `[n, side, side, c_read]`; `y`, `[n, side, side, c_write]`, is overwritten.
    ///
    /// # Panics
    /// If a slice has the wrong length.
    pub fn run(&self, x: &[f32], y: &mut [f32], epilogue: Epilogue<'_>) {
        let pixels = y.len() / self.c_write;
        assert!(y.len().is_multiple_of(self.output_len()), "no whole number of maps is written");
        assert_eq!(x.len(), pixels * self.c_read, "what is read does not fit what is written");
        let (written, applied) = match epilogue.gate {
            Gate::None => (None, None),
            Gate::Relu(words) => (Some(words), None),
            Gate::Rule(rule, words) => (None, Some((rule, words))),
        };
        let words = self.c_write / LANES;
        for gates in [written.as_deref(), applied.map(|(_, words)| words)].into_iter().flatten() {
            assert_eq!(gates.len(), pixels * words, "gate bits do not fit what is written");
        }
        let residual = epilogue.residual.inspect(|r| r.check(y.len(), self.side, self.c_write));
        let finish = Finish { bias: self.bias.as_deref(), residual, applied };
        let cut = self.cut(pixels);
        let job = |y, words| Job { conv: self, finish, x, y, words };
        let y = tiles(y, self.c_write, Cut { rows: cut.rows, columns: cut.columns * LANES });
        match written {
            None => y.for_each(|y| job(y, None).run()),
            Some(gates) => y.zip(tiles(gates, words, cut)).for_each(|(y, gates)| job(y, Some(gates)).run()),
        }
    }

    /// How written pixels and panels are shared out: columns are panels.
    ///
    /// Tries every number of units and every number of panels a task, and takes what should be fastest. Large blocks
    /// of tiles use a panel often, but V has to stay in the second cache, and the last tasks must not leave threads
    /// idle; tasks that share tiles and differ in panels transform the same input each.
    fn cut(&self, pixels: usize) -> Cut {
        /// Bytes of V: half of the smallest second cache in use, beside M and panels.
        const SMALL: usize = 512 << 10;
        /// All of it, and what that costs.
        const LARGE: usize = 1 << 20;
        const SPILL: f64 = 1.2;

        let (unit, tiles) = self.unit();
        let units = pixels / unit;
        let v_bytes = tiles * self.outputs.points() * self.c_read * size_of::<f32>();
        let (threads, group) = (rayon::current_num_threads(), self.token.panels());
        let groups = self.c_write / LANES / group;
        // Times in units of one tile and one panel.
        let mut best = (f64::INFINITY, Cut { rows: 1, columns: 1 });
        for rows in 1..=(LARGE / v_bytes).clamp(1, units.max(1)) {
            let spill = if rows * v_bytes <= SMALL { 1.0 } else { SPILL };
            for across in 1..=groups {
                let columns = groups.div_ceil(across);
                let tasks = units.div_ceil(rows) * groups.div_ceil(columns);
                let time = self.task_time(rows * tiles, columns * group) * spill;
                let time = tasks.div_ceil(threads) as f64 * time;
                if time < best.0 {
                    best = (time, Cut { rows: rows * unit, columns: columns * group });
                }
            }
        }
        best.1
    }

    /// Time of a task, in units of one tile and one panel.
    fn task_time(&self, tiles: usize, panels: usize) -> f64 {
        /// What a panel costs whatever the number of tiles: it comes from another cache or from memory. (Measured by
        /// AVX2 on a processor of 1 MB a second cache, maps of 56x56 and 28x28 in tasks of 1 to 14 units; SPILL too.)
        const FETCH: f64 = 8.0;
        /// An input transform takes as long as half a panel's products.
        const TRANSFORM: f64 = 0.5;
        /// A strip of fewer rows takes as long as one of so many.
        const SHORTEST: usize = 4;
        let strips = tiles.div_ceil(self.token.rows());
        tiles.max(strips * SHORTEST) as f64 * panels as f64 + FETCH * panels as f64 + TRANSFORM * tiles as f64
    }
}

/// Where a weight is in `[row, column, c_in, c_out]`.
fn at(conv: &Conv, r: usize, s: usize, c: usize, k: usize) -> usize {
    ((r * 3 + s) * conv.c_in + c) * conv.c_out + k
}

#[cfg(test)]
mod tests {
    use super::*;
    use backlit_net::arch::Role;

    /// Whatever the map and the threads, tasks are whole units and groups, and none is larger than its thread's cache.
    #[test]
    fn every_cut_is_of_whole_units() {
        for (side, channels, outputs) in
            [(56, 64, Outputs::Four), (28, 128, Outputs::Four), (14, 256, Outputs::Four), (7, 512, Outputs::Two)]
        {
            let (name, role) = ("test".into(), Role::Spatial);
            let conv = Conv {
                index: 0,
                name,
                role,
                c_in: channels,
                c_out: channels,
                kernel: 3,
                stride: 1,
                pad: 1,
                side_in: side,
            };
            let folded = FoldedConv { weight: vec![0.0; conv.weight_len()], bias: vec![0.0; channels] };
            for token in crate::isa::Level::ALL.into_iter().filter_map(crate::isa::Level::token) {
                let packed = PackedWinograd::forward(token, &conv, &folded, outputs);
                let (unit, _) = packed.unit();
                for threads in [1, 2, 16] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
                    for n in [1, 8] {
                        let pixels = n * side * side;
                        let cut = pool.install(|| packed.cut(pixels));
                        assert!(cut.rows.is_multiple_of(unit) && (1..=pixels).contains(&cut.rows), "{side}: {cut:?}");
                        assert!(cut.columns.is_multiple_of(token.panels()) && cut.columns > 0, "{side}: {cut:?}");
                        let tasks = pixels.div_ceil(cut.rows) * (channels / LANES).div_ceil(cut.columns);
                        assert!(tasks >= threads.min(channels / LANES / token.panels()), "{side}, {n}: {cut:?}");
                    }
                }
            }
        }
    }
}
