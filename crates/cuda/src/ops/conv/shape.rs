//! What a convolution launch computes, as data.

use super::RowOrder;
use crate::CudaError;
use crate::planes::Sixteen;

/// Which way a convolution runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `y` from `x`.
    Forward,
    /// The gradient of `x` from the gradient of `y`, with the same weights.
    Dgrad,
}

/// The numbers it computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// float32 throughout, on CUDA cores.
    F32,
    /// Tensors and weights split in two fp16 halves, three products, float32 sums. Forward only.
    Split,
    /// 16-bit tensors and weights, float32 sums.
    Half(Sixteen),
}

/// One term of the sum: a convolution that reads a tensor. Two terms are two convolutions added in the accumulator,
/// as a block's last 1x1 and its projection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Rows, and columns, of the tensor that is read.
    pub side: usize,
    /// Channels of the tensor that is read: `c_in` of the layer forward, `c_out` in dgrad.
    pub channels: usize,
    /// Rows, and columns, of the filter: 1 or 3.
    pub kernel: usize,
    /// Step of the layer in rows and columns: 1 or 2.
    pub stride: usize,
    /// Zero border of the layer's input: `kernel / 2`.
    pub pad: usize,
}

/// A tensor added to the result; it has as many channels. Pixel (y, x) of the result takes its pixel
/// `(y / stride_write * stride_read, x / stride_write * stride_read)` if `stride_write` divides y and x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResidualShape {
    /// Rows, and columns, of the tensor that is added.
    pub side: usize,
    /// Step between the pixels read: 2 where a half-size block adds a full-size input.
    pub stride_read: usize,
    /// Step between the pixels of the result that get one: 2 in the gradient of such a block.
    pub stride_write: usize,
}

impl ResidualShape {
    /// Pixel by pixel.
    pub fn plain(side: usize) -> ResidualShape {
        ResidualShape { side, stride_read: 1, stride_write: 1 }
    }
}

/// A whole launch: `[n, side, side, channels]` from one or two terms and perhaps a residual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Which way.
    pub direction: Direction,
    /// One or two.
    pub terms: Vec<Term>,
    /// Rows, and columns, of the tensor that is written.
    pub side: usize,
    /// Channels of the tensor that is written: `c_out` forward, `c_in` in dgrad.
    pub channels: usize,
    /// What is added.
    pub residual: Option<ResidualShape>,
    /// Order of the rows of the gate words of the tensor that is written. A dgrad with stride 2 must be in
    /// [`RowOrder::Parity`].
    pub order: RowOrder,
}

impl Term {
    /// Elements of the weights, `[kernel * kernel, c_in, c_out]`, that it meets in a launch that writes `channels`.
    pub fn weight_len(&self, channels: usize) -> usize {
        self.kernel * self.kernel * self.channels * channels
    }

    /// Elements of the tensor it reads.
    pub fn tensor_len(&self, n: usize) -> usize {
        n * self.side * self.side * self.channels
    }
}

impl ConvShape {
    /// Elements of the tensor that is written.
    pub fn output_len(&self, n: usize) -> usize {
        n * self.side * self.side * self.channels
    }

    /// Multiply-adds of one image: those that a dense reading of every tap at every pixel written takes, zero border
    /// included; a dgrad with stride 2 has a quarter of them.
    pub fn macs(&self) -> u64 {
        let one = |t: &Term| {
            let pixels = match self.direction {
                Direction::Forward => self.side * self.side,
                Direction::Dgrad => t.side * t.side,
            };
            (pixels * t.weight_len(self.channels)) as u64
        };
        self.terms.iter().map(one).sum()
    }

    /// Whether the kernels take it for batches up to `max_batch`.
    pub(super) fn check(&self, arithmetic: Arithmetic, max_batch: usize) -> Result<(), CudaError> {
        let fail = |problem: String| Err(CudaError::Shape { op: "conv", problem });
        if !(1..=2).contains(&self.terms.len()) {
            return fail(format!("it takes 1 or 2 terms, found {}", self.terms.len()));
        }
        if arithmetic == Arithmetic::Split && self.direction == Direction::Dgrad {
            return fail("split arithmetic is for the forward pass: take Half(F16) for the gradient".into());
        }
        for channels in self.terms.iter().map(|t| t.channels).chain([self.channels]) {
            if channels == 0 || !channels.is_multiple_of(64) {
                return fail(format!("channels must be multiples of 64, found {channels}"));
            }
        }
        if max_batch == 0 || self.side == 0 || self.side > 1024 {
            return fail(format!("needs images and a side from 1 to 1024, found {max_batch} of side {}", self.side));
        }
        for (i, t) in self.terms.iter().enumerate() {
            self.check_term(t).map_err(|p| CudaError::Shape { op: "conv", problem: format!("term {i}: {p}") })?;
        }
        if self.order == RowOrder::Parity && !self.side.is_multiple_of(2) {
            return fail(format!("parity order needs an even side, found {}", self.side));
        }
        if let Some(r) = &self.residual {
            let last = |side: usize| (side - 1) / r.stride_write.max(1) * r.stride_read;
            if !matches!((r.stride_read, r.stride_write), (1, 1) | (2, 1) | (1, 2)) || last(self.side) >= r.side {
                return fail(format!("a result of side {} cannot add a residual of {r:?}", self.side));
            }
        }
        let residual = self.residual.map_or(0, |r| r.side * r.side * self.channels);
        let tensors = self.terms.iter().map(|t| t.tensor_len(1)).chain([self.output_len(1), residual]);
        let most = tensors.max().unwrap_or(0).saturating_mul(max_batch);
        let weights = self.terms.iter().map(|t| t.weight_len(self.channels)).max().unwrap_or(0);
        if most.max(weights) >= 1 << 31 {
            return fail(format!("a tensor of {} elements is beyond 32-bit indices: take a smaller batch", most));
        }
        // Tiles of 64 rows are blocks in y.
        let pixels = self.order.class_pixels(max_batch, self.side);
        if pixels > 64 * 65535 {
            return fail(format!("{pixels} pixels are more than a grid holds: take a smaller batch"));
        }
        Ok(())
    }

    fn check_term(&self, t: &Term) -> Result<(), String> {
        if !matches!((t.kernel, t.pad), (1, 0) | (3, 1)) || !matches!(t.stride, 1 | 2) {
            let found = format!("a {0}x{0} with stride {1} and border {2}", t.kernel, t.stride, t.pad);
            return Err(format!("it takes 1x1 without and 3x3 with a border of 1, stride 1 or 2, found {found}"));
        }
        let (input, output) = match self.direction {
            Direction::Forward => (t.side, self.side),
            Direction::Dgrad => (self.side, t.side),
        };
        let expected = (input + 2 * t.pad - t.kernel) / t.stride + 1;
        if t.side == 0 || expected != output {
            return Err(format!("an input of side {input} gives an output of side {expected}, not {output}"));
        }
        if self.direction == Direction::Dgrad && t.stride == 2 && self.order != RowOrder::Parity {
            return Err("a gradient with stride 2 is computed class by class: it needs parity order".into());
        }
        Ok(())
    }
}
