//! From a shape to a launch.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};

use super::{Arithmetic, ConvArgs, ConvShape, Direction, Gates, RowOrder, VARIANTS, Variant, gates};
use crate::ops::stored::rule_number;
use crate::planes::{Planes, Storage};
use crate::{CudaError, Device, Grid, Kernel, Stream};

/// `ConvTerm` of the kernels.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct TermParams {
    a: u64,
    a_lo: u64,
    w: u64,
    w_lo: u64,
    side: u32,
    channels: u32,
    kernel: u32,
    stride: u32,
    pad: u32,
    unused: u32,
}

/// `ConvParams` of the kernels.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    term: [TermParams; 2],
    residual: u64,
    residual_lo: u64,
    out: u64,
    out_lo: u64,
    bias: u64,
    gates: u64,
    terms: u32,
    images: u32,
    side: u32,
    channels: u32,
    class_pixels: u32,
    class_rows: u32,
    parity: u32,
    residual_side: u32,
    stride_read: u32,
    stride_write: u32,
    relu: u32,
    rule: u32,
    out_scale: f32,
    unused: u32,
    by_area: [u32; 2],
    by_side: [u32; 2],
}

/// `Divisor` of the kernels.
fn divisor(d: usize) -> [u32; 2] {
    let shift = 31 + d.next_power_of_two().trailing_zeros();
    [(1u64 << shift).div_ceil(d as u64) as u32, shift]
}

/// A convolution ready to run.
pub struct Conv {
    shape: ConvShape,
    arithmetic: Arithmetic,
    max_batch: usize,
    /// From the largest tile to the smallest.
    kernels: Vec<(&'static Variant, Kernel)>,
}

impl Conv {
    /// Checks the shape and loads the kernels that may serve it.
    ///
    /// # Errors
    /// [`CudaError::Shape`] for a shape that no kernel takes; those of [`Device::kernel`].
    pub fn prepare(
        device: &Arc<Device>,
        shape: ConvShape,
        arithmetic: Arithmetic,
        max_batch: usize,
    ) -> Result<Conv, CudaError> {
        let naive = |v: &Variant| v.source.name.ends_with("00_naive.cu");
        let fits = |v: &&Variant| v.serves(shape.direction, arithmetic) && !naive(v);
        let variants: Vec<_> = VARIANTS.iter().filter(fits).collect();
        Conv::with_variants(device, shape, arithmetic, max_batch, &variants)
    }

    /// The same with one kernel of the table, whatever the batch: for tests and benches.
    ///
    /// # Errors
    /// Those of [`Conv::prepare`]; [`CudaError::Shape`] if the kernel does not serve the shape.
    pub fn prepare_variant(
        device: &Arc<Device>,
        shape: ConvShape,
        variant: &'static Variant,
        max_batch: usize,
    ) -> Result<Conv, CudaError> {
        Conv::with_variants(device, shape, variant.arithmetic, max_batch, &[variant])
    }

    fn with_variants(
        device: &Arc<Device>,
        shape: ConvShape,
        arithmetic: Arithmetic,
        max_batch: usize,
        variants: &[&'static Variant],
    ) -> Result<Conv, CudaError> {
        shape.check(arithmetic, max_batch)?;
        let mut kernels = vec![];
        for &variant in variants.iter().rev() {
            if variant.direction == shape.direction && shape.channels.is_multiple_of(variant.tile.1) {
                let kernel = device.kernel(variant.source, variant.kernel)?;
                if variant.shared > 48 << 10 {
                    kernel.allow_shared(variant.shared)?;
                }
                kernels.push((variant, kernel));
            }
        }
        if kernels.is_empty() {
            let problem = format!("no kernel of {arithmetic:?} for {} channels", shape.channels);
            return Err(CudaError::Shape { op: "conv", problem });
        }
        Ok(Conv { shape, arithmetic, max_batch, kernels })
    }

    /// What it computes.
    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// The kernel that a batch of `n` is given: the largest tile that still makes blocks enough for a large GPU.
    pub fn variant(&self, n: usize) -> &'static Variant {
        self.pick(n).0
    }

    fn pick(&self, n: usize) -> &(&'static Variant, Kernel) {
        const BLOCKS: usize = 132;
        let enough = |v: &Variant| self.blocks(v, n).iter().product::<u32>() as usize >= BLOCKS;
        let found = self.kernels.iter().find(|(v, _)| enough(v));
        found.unwrap_or(&self.kernels[self.kernels.len() - 1])
    }

    /// Blocks along channels, along the rows of a class, and classes.
    fn blocks(&self, v: &Variant, n: usize) -> [u32; 3] {
        let (order, side) = (self.shape.order, self.shape.side);
        let rows = order.class_pixels(n, side).div_ceil(v.tile.0);
        [(self.shape.channels / v.tile.1) as u32, rows as u32, order.classes() as u32]
    }

    /// Queues the launch.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if a tensor is too short or stored otherwise than the arithmetic wants;
    /// [`CudaError::Driver`].
    pub fn launch(&self, stream: &Stream, args: &ConvArgs<'_>) -> Result<(), CudaError> {
        self.check(args)?;
        let (variant, kernel) = self.pick(args.n);
        let grid =
            Grid { blocks: self.blocks(variant, args.n), threads: [variant.threads, 1, 1], shared: variant.shared };
        let params = self.params(args);
        // SAFETY: `Params` mirrors `ConvParams`; `check` compared the length of every tensor with what the shape makes
        // the kernels touch, and handles are made of live memory.
        unsafe { kernel.launch(stream, grid, &params) }
    }

    fn params(&self, args: &ConvArgs<'_>) -> Params {
        let (shape, mut params) = (&self.shape, Params::zeroed());
        for (to, (term, (tensor, weights))) in params.term.iter_mut().zip(shape.terms.iter().zip(args.terms)) {
            let weights = if self.arithmetic == Arithmetic::Split { *weights } else { weights.high() };
            let ((a, a_lo), (w, w_lo)) = (tensor.addresses(), weights.addresses());
            let [side, channels, kernel, stride, pad] =
                [term.side, term.channels, term.kernel, term.stride, term.pad].map(|v| v as u32);
            *to = TermParams { a, a_lo, w, w_lo, side, channels, kernel, stride, pad, unused: 0 };
        }
        (params.residual, params.residual_lo) = args.residual.map_or((0, 0), |r| r.addresses());
        (params.out, params.out_lo) = args.out.addresses();
        params.bias = args.bias.map_or(0, |b| b.address());
        (params.gates, params.rule) = match args.gates {
            Gates::None => (0, 0),
            Gates::Write(words) => (words.address(), 0),
            Gates::Apply(words, rule) => (words.address(), rule_number(rule)),
        };
        params.terms = shape.terms.len() as u32;
        (params.images, params.side, params.channels) = (args.n as u32, shape.side as u32, shape.channels as u32);
        params.class_pixels = shape.order.class_pixels(args.n, shape.side) as u32;
        params.class_rows = shape.order.class_rows(args.n, shape.side) as u32;
        params.parity = u32::from(shape.order == RowOrder::Parity);
        let class_side = shape.side >> params.parity;
        (params.by_area, params.by_side) = (divisor(class_side * class_side), divisor(class_side));
        if let Some(r) = &shape.residual {
            [params.residual_side, params.stride_read, params.stride_write] =
                [r.side, r.stride_read, r.stride_write].map(|v| v as u32);
        }
        params.stride_write = params.stride_write.max(1);
        (params.relu, params.out_scale) = (u32::from(args.relu), args.out_scale);
        params
    }

    fn check(&self, args: &ConvArgs<'_>) -> Result<(), CudaError> {
        let fail = |problem: String| Err(CudaError::Shape { op: "conv", problem });
        let (shape, n) = (&self.shape, args.n);
        if n == 0 || n > self.max_batch {
            return fail(format!("it was prepared for 1 to {} images, found {n}", self.max_batch));
        }
        if args.terms.len() != shape.terms.len() || args.residual.is_some() != shape.residual.is_some() {
            let expected = (shape.terms.len(), shape.residual.is_some());
            let found = (args.terms.len(), args.residual.is_some());
            return fail(format!("terms and whether there is a residual: expected {expected:?}, found {found:?}"));
        }
        for (term, (tensor, weights)) in shape.terms.iter().zip(args.terms) {
            self.check_planes("tensor read", *tensor, term.tensor_len(n))?;
            let weights = if self.arithmetic == Arithmetic::Split { *weights } else { weights.high() };
            self.check_planes("weights", weights, term.weight_len(shape.channels))?;
        }
        self.check_planes("output", args.out, shape.output_len(n))?;
        if let (Some(planes), Some(r)) = (args.residual, &shape.residual) {
            self.check_planes("residual", planes, n * r.side * r.side * shape.channels)?;
        }
        if args.bias.is_some_and(|b| b.len() < shape.channels) {
            return fail(format!("the bias has fewer than {} values", shape.channels));
        }
        let words = match (shape.direction, args.gates) {
            (_, Gates::None) => usize::MAX,
            (Direction::Forward, Gates::Write(words)) | (Direction::Dgrad, Gates::Apply(words, _)) => words.len(),
            (direction, found) => return fail(format!("{direction:?} cannot do {found:?}")),
        };
        let expected = gates::words(shape.order, n, shape.side, shape.channels);
        if words < expected {
            return fail(format!("gates need {expected} words, found {words}"));
        }
        if shape.direction == Direction::Dgrad && (args.relu || args.bias.is_some()) {
            return fail("a gradient has neither bias nor ReLU".into());
        }
        Ok(())
    }

    fn check_planes(&self, what: &str, planes: Planes, expected: usize) -> Result<(), CudaError> {
        let fits = match (planes.storage(), self.arithmetic) {
            (Storage::F32 { .. }, Arithmetic::F32) | (Storage::Split { .. }, Arithmetic::Split) => true,
            (Storage::Sixteen { kind, .. }, Arithmetic::Half(wanted)) => kind == wanted,
            _ => false,
        };
        if fits && planes.len() >= expected {
            return Ok(());
        }
        let (arithmetic, found, len) = (self.arithmetic, planes.storage(), planes.len());
        let problem = format!("{what}: {arithmetic:?} needs {expected} elements stored so, found {len} of {found:x?}");
        Err(CudaError::Shape { op: "conv", problem })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn multiplication_divides_exactly() {
        for d in (1..1100).chain([3136, 12544, 1 << 20]) {
            let [magic, shift] = super::divisor(d);
            for q in [0, 1, 2, 1000, (1usize << 31) / d - 1] {
                for r in [q * d, q * d + d - 1] {
                    assert_eq!((r as u64 * u64::from(magic)) >> shift, q as u64, "{r} / {d}");
                }
            }
        }
    }
}
