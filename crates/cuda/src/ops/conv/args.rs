//! What a convolution launch is given.

use backlit_net::Rule;

use crate::planes::{Planes, Span, Weights};

/// Gate bits of the tensor written, [`super::gates::words`] words in the order told there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gates {
    /// Neither written nor applied. A dgrad then stores the gradient as it is.
    None,
    /// Forward: bit = the value before ReLU was positive, taken from the float32 accumulator.
    Write(Span<u32>),
    /// Dgrad: the rule applied with the bits that the forward pass of the same batch wrote.
    Apply(Span<u32>, Rule),
}

/// A tensor read and the weights it meets.
pub type TermArgs = (Planes, Weights);

/// Everything a launch reads and writes. Tensors longer than `n` images need are fine.
///
/// `out` may be the residual's own memory if both strides of the residual are 1; it must not overlap anything else.
#[derive(Clone, Copy, Debug)]
pub struct ConvArgs<'a> {
    /// Images, at most the `max_batch` of `prepare`.
    pub n: usize,
    /// As many as the shape has terms. Split weights serve 16-bit arithmetic with their upper halves.
    pub terms: &'a [TermArgs],
    /// Multiplies the accumulator: 2^-e of scaled weights.
    pub out_scale: f32,
    /// `[channels]`, added forward; none in dgrad.
    pub bias: Option<Span<f32>>,
    /// Added after scale and bias; there if and only if the shape has one.
    pub residual: Option<Planes>,
    /// Gates.
    pub gates: Gates,
    /// Forward: negative values become 0.
    pub relu: bool,
    /// Written.
    pub out: Planes,
}
