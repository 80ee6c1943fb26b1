//! sample: copies of one picture (noise, a path, masks), written out or made where the stem reads them.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};

use crate::ops::stored::{Lengths, source};
use crate::planes::Span;
use crate::{CudaError, Device, Grid, Kernel, Stream};

source!(SAMPLE, "sample/00_sample.cu");

/// What changes from one batch of copies to the next. It lives in device memory, so that a captured graph can be
/// replayed for other copies, other noise and another picture's key.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct SampleState {
    /// Seed of the noise.
    pub seed: u64,
    /// A number that belongs to the picture.
    pub key: u64,
    /// Standard deviation of the noise.
    pub sigma: f64,
    /// Number of the first copy of the batch.
    pub first: u32,
    /// Zero.
    pub pad: u32,
}

/// Where the pictures of a batch come from. Pictures are `[side, side, 3]`.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// `[n, side, side, 3]`, each its own.
    Pictures(Span<f32>),
    /// `picture + sigma z`, z as [`backlit_net::random`] tells: [`backlit_net::engine::Sampler::Noise`]'s copies, bit for bit.
    Noise {
        /// The picture.
        picture: Span<f32>,
        /// One: seed, key, sigma, first copy.
        state: Span<SampleState>,
    },
    /// `baseline + alpha (picture - baseline)`: [`backlit_net::engine::Sampler::Path`]'s copies, bit for bit.
    Path {
        /// The picture.
        picture: Span<f32>,
        /// The other end.
        baseline: Span<f32>,
        /// One for every copy there will ever be, by number.
        alphas: Span<f64>,
        /// One: first copy.
        state: Span<SampleState>,
    },
    /// The picture's pixel where the mask has a 1, the fill's where it has a 0.
    Bits {
        /// The picture.
        picture: Span<f32>,
        /// What hides.
        fill: Span<f32>,
        /// By number of the copy: `ceil(side^2 / 32)` words, pixel i in bit `i % 32` of word `i / 32`.
        masks: Span<u32>,
        /// One: first copy.
        state: Span<SampleState>,
    },
    /// `fill + mask (picture - fill)`, computed in double precision and rounded once.
    Blend {
        /// The picture.
        picture: Span<f32>,
        /// What shines through where the mask is 0.
        fill: Span<f32>,
        /// By number of the copy: `[side, side]`.
        masks: Span<f32>,
        /// One: first copy.
        state: Span<SampleState>,
    },
}

/// `Sampler` of `kernels/sample/sampler.cuh`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(crate) struct SourceParams {
    picture: u64,
    other: u64,
    of_sample: u64,
    state: u64,
    kind: u32,
    pad: u32,
}

impl Source {
    pub(crate) fn params(&self) -> SourceParams {
        let (kind, picture, other, of_sample, state) = match *self {
            Source::Pictures(all) => (0, all.address(), 0, 0, 0),
            Source::Noise { picture, state } => (1, picture.address(), 0, 0, state.address()),
            Source::Path { picture, baseline, alphas, state } => {
                (2, picture.address(), baseline.address(), alphas.address(), state.address())
            }
            Source::Bits { picture, fill, masks, state } => {
                (3, picture.address(), fill.address(), masks.address(), state.address())
            }
            Source::Blend { picture, fill, masks, state } => {
                (4, picture.address(), fill.address(), masks.address(), state.address())
            }
        };
        SourceParams { picture, other, of_sample, state, kind, pad: 0 }
    }

    /// Lengths, as far as the host can know them: which copies are meant is written in device memory.
    pub(crate) fn check(&self, op: &Lengths, n: usize, side: usize) -> Result<(), CudaError> {
        let len = side * side * 3;
        let one = |picture: Span<f32>, other: Option<Span<f32>>, state: Span<SampleState>| {
            op.span("the picture", picture, len)?;
            op.span("the baseline or fill", other.unwrap_or(picture), len)?;
            op.span("the state of the sampler", state, 1)
        };
        match *self {
            Source::Pictures(all) => op.span("the pictures", all, n * len),
            Source::Noise { picture, state } => one(picture, None, state),
            Source::Path { picture, baseline, alphas, state } => {
                op.span("the points of the path", alphas, n)?;
                one(picture, Some(baseline), state)
            }
            Source::Bits { picture, fill, masks, state } => {
                op.span("the masks", masks, n * (side * side).div_ceil(32))?;
                one(picture, Some(fill), state)
            }
            Source::Blend { picture, fill, masks, state } => {
                op.span("the masks", masks, n * side * side)?;
                one(picture, Some(fill), state)
            }
        }
    }
}

/// `SampleParams` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    from: SourceParams,
    y: u64,
    n: u32,
    elements: u32,
}

/// Writes copies out.
pub struct Sample {
    kernel: Kernel,
    side: usize,
}

impl Sample {
    /// For pictures `[side, side, 3]`, side even.
    ///
    /// # Errors
    /// [`CudaError::Shape`] for another side; those of [`Device::kernel`].
    pub fn prepare(device: &Arc<Device>, side: usize) -> Result<Sample, CudaError> {
        if side == 0 || !side.is_multiple_of(2) || side > 4096 {
            return Lengths("sample").refuse(format!("the side must be even and at most 4096, found {side}"));
        }
        Ok(Sample { kernel: device.kernel(&SAMPLE, "sample")?, side })
    }

    /// Queues `n` copies to `y`, `[n, side, side, 3]`.
    ///
    /// # Errors
    /// [`CudaError::Shape`] if something is too short; [`CudaError::Driver`].
    pub fn launch(&self, stream: &Stream, n: usize, from: Source, y: Span<f32>) -> Result<(), CudaError> {
        let (op, elements) = (Lengths("sample"), self.side * self.side * 3);
        from.check(&op, n, self.side)?;
        op.span("the copies", y, n * elements)?;
        op.index("the number of elements", n * elements)?;
        if n == 0 {
            return Ok(());
        }
        let params = Params { from: from.params(), y: y.address(), n: n as u32, elements: elements as u32 };
        // SAFETY: `Params` mirrors `SampleParams`; the arrays were found long enough above. How many copies there are
        // masks or points for beyond the first batch is the caller's promise, given with the state.
        unsafe { self.kernel.launch(stream, Grid::over(n * elements / 4), &params) }
    }
}
