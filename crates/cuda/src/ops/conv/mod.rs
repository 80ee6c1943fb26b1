//! conv: a convolution or its input gradient, with everything that follows it in the network: scale, bias, residual,
//! ReLU and gate bits forward; residual gradient and gates backward. One family of kernels serves both directions from
//! one copy of the weights; `kernels/conv/params.cuh` tells how.

mod args;
pub mod gates;
mod launch;
mod rows;
mod shape;
mod variants;

pub use args::{ConvArgs, Gates, TermArgs};
pub use backlit_net::Rule;
pub use launch::Conv;
pub use rows::RowOrder;
pub use shape::{Arithmetic, ConvShape, Direction, ResidualShape, Term};
pub use variants::{VARIANTS, Variant};
