//! The gradient at every convolution, as FullGrad needs it.
//!
//! FullGrad (Srinivas and Fleuret 2019, arXiv:1905.00780) splits a score between the input and the biases. With
//! BatchNorm folded, the biases of this network are those of its 53 convolutions and of the head, and for a seed v
//!
//! ```text
//! v . logits = <x, d/dx> + sum over convolutions of <bias, sum over positions of d/d(conv + bias)> + <v, head bias>
//! ```
//!
//! holds exactly under [`Rule::Plain`](super::Rule::Plain), for every piece of the network between two biases is
//! linear once the gates are known.

/// The gradient at the output of one convolution, for one seed of one image.
#[derive(Clone, Copy, Debug)]
pub struct ConvGradient<'a> {
    /// [`Conv::index`](crate::arch::Conv::index).
    pub conv: usize,
    /// Seed of the image.
    pub seed: usize,
    /// The bias, BatchNorm folded in, `[c_out]`.
    pub bias: &'a [f32],
    /// With respect to convolution plus bias, before shortcut and ReLU: `[side_out, side_out, c_out]`.
    pub gradient: &'a [f32],
}
