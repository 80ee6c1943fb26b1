//! Weights of the stem, as its kernels want them.

use half::{bf16, f16};

use crate::ops::conv::Arithmetic;
use crate::ops::stored::Lengths;
use crate::planes::{Sixteen, Span};
use crate::{Buffer, CudaError, Device};

use super::CHANNELS;

/// Floats under one row of the filter.
const ROW: usize = 21;
/// The same with the padding that tensor cores are given: one before, two after.
const PADDED_ROW: usize = 24;
/// Steps of 16 in which tensor cores walk over 7 padded rows.
const STEPS: usize = 11;

/// Weights and bias of the stem on the device, for both passes and every arithmetic.
pub struct StemWeights {
    weight: Buffer<f32>,
    bias: Buffer<f32>,
    /// Forward: fp16 of the scaled weights, and of what that leaves; bfloat16.
    forward: [Buffer<u16>; 2],
    /// Gradient: fp16 of the scaled weights; bfloat16.
    dgrad: [Buffer<u16>; 2],
    /// Undoes the scale of fp16.
    out_scale: f32,
}

impl StemWeights {
    /// Uploads `weight` `[7, 7, 3, 64]` and `bias` `[64]`, BatchNorm folded in.
    ///
    /// # Errors
    /// [`CudaError::Shape`] for other lengths; [`CudaError::Driver`].
    pub fn new(device: &Device, weight: &[f64], bias: &[f64]) -> Result<StemWeights, CudaError> {
        let op = Lengths("stem weights");
        if weight.len() != 7 * 7 * 3 * CHANNELS || bias.len() != CHANNELS {
            return op.refuse(format!(
                "expected 7 x 7 x 3 x 64 weights and 64 biases, found {} and {}",
                weight.len(),
                bias.len()
            ));
        }
        let round = |v: &[f64]| v.iter().map(|&v| v as f32).collect::<Vec<f32>>();
        let weight = round(weight);
        let scale = scale(&weight);
        let high = |w: f32| f16::from_f32(w * scale);
        let (half, brain) = (|w| high(w).to_bits(), |w| bf16::from_f32(w).to_bits());
        let mut split = forward_fragments(&weight, half);
        split.extend(forward_fragments(&weight, |w| f16::from_f32(w * scale - high(w).to_f32()).to_bits()));
        let upload = |bits: Vec<u16>| Buffer::from_slice(device, &bits);
        Ok(StemWeights {
            forward: [upload(split)?, upload(forward_fragments(&weight, brain))?],
            dgrad: [upload(dgrad_fragments(&weight, half))?, upload(dgrad_fragments(&weight, brain))?],
            weight: Buffer::from_slice(device, &weight)?,
            bias: Buffer::from_slice(device, &round(bias))?,
            out_scale: 1.0 / scale,
        })
    }

    /// `[7, 21, 64]` float32.
    pub fn weight(&self) -> Span<f32> {
        (&self.weight).into()
    }

    /// `[64]`.
    pub fn bias(&self) -> Span<f32> {
        (&self.bias).into()
    }

    /// Fragments of the forward pass and what undoes their scale; float32 has none.
    pub(super) fn forward(&self, arithmetic: Arithmetic) -> (u64, f32) {
        self.packed(&self.forward, arithmetic)
    }

    /// The same of the gradient.
    pub(super) fn dgrad(&self, arithmetic: Arithmetic) -> (u64, f32) {
        self.packed(&self.dgrad, arithmetic)
    }

    fn packed(&self, [half, brain]: &[Buffer<u16>; 2], arithmetic: Arithmetic) -> (u64, f32) {
        match arithmetic {
            Arithmetic::F32 => (0, 1.0),
            Arithmetic::Split | Arithmetic::Half(Sixteen::F16) => (half.address(), self.out_scale),
            Arithmetic::Half(Sixteen::Bf16) => (brain.address(), 1.0),
        }
    }
}

/// The power of two that brings the largest weight to 2^11 up to 2^12, where fp16 and what it leaves are both normal.
fn scale(weight: &[f32]) -> f32 {
    let largest = weight.iter().fold(0.0f32, |m, w| m.max(w.abs()));
    if largest.is_normal() { 2f32.powi((11 - largest.log2().floor() as i32).clamp(-60, 60)) } else { 1.0 }
}

/// Weights `[7, 21, 64]` as operand B of mma.m16n8k16, `[step][16 columns][lane][8]`: lane `4 g + c` has
/// k = 2 c, 2 c + 1, 2 c + 8, 2 c + 9 of columns g and g + 8; k = 24 r + 1 + j.
fn forward_fragments(weight: &[f32], bits: impl Fn(f32) -> u16) -> Vec<u16> {
    let at = |k: usize, column: usize| {
        let (r, j) = (k / PADDED_ROW, (k % PADDED_ROW).wrapping_sub(1));
        if r < 7 && j < ROW { weight[(r * ROW + j) * CHANNELS + column] } else { 0.0 }
    };
    let mut packed = Vec::with_capacity(STEPS * 16 * CHANNELS);
    for (step, columns) in (0..STEPS).flat_map(|s| (0..CHANNELS).step_by(16).map(move |c| (s, c))) {
        for lane in 0..32 {
            for (column, k) in [0, 8].into_iter().flat_map(|n| [0, 1, 8, 9].map(|k| (n, k))) {
                packed.push(bits(at(16 * step + 2 * (lane % 4) + k, columns + lane / 4 + column)));
            }
        }
    }
    packed
}

/// Weights `[7, 21, 64]` as operand B of mma.m16n8k16, `[filter row][16 channels][8 of 24 columns][lane][4]`: lane
/// `4 g + c` has channels 2 c, 2 c + 1, 2 c + 8, 2 c + 9 of column g; the last three columns are zeros.
fn dgrad_fragments(weight: &[f32], bits: impl Fn(f32) -> u16) -> Vec<u16> {
    let mut packed = Vec::with_capacity(7 * CHANNELS * PADDED_ROW);
    for (r, step) in (0..7).flat_map(|r| (0..CHANNELS).step_by(16).map(move |s| (r, s))) {
        for (tile, lane) in (0..PADDED_ROW).step_by(8).flat_map(|t| (0..32).map(move |l| (t, l))) {
            for k in [0, 1, 8, 9] {
                let (j, channel) = (tile + lane / 4, step + 2 * (lane % 4) + k);
                packed.push(bits(if j < ROW { weight[(r * ROW + j) * CHANNELS + channel] } else { 0.0 }));
            }
        }
    }
    packed
}
