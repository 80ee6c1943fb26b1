//! The oracle: ResNet-50 and its input gradient as plain loops.
//!
//! One op per file in [`ops`], forward and backward side by side, each with its formula. [`Model`] strings them
//! together and keeps every activation, so that anything can be looked at; [`Reference`] offers it as an
//! [`Engine`](backlit_net::Engine), and for layer-wise relevance propagation as
//! [`Propagate`](backlit_net::relevance::Propagate). Everything is generic over `f32` and `f64`.
//!
//! Nothing here is fast, and everything else is measured against it.
#![forbid(unsafe_code)]

mod answer;
mod engine;
mod model;
pub mod ops;
mod real;
mod relevance;

pub use engine::Reference;
pub use model::{Backward, BlockTrace, Model, Trace};
pub use real::Real;
pub use relevance::Relevance;
