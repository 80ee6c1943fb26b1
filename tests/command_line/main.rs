//! The command line from end to end, with the published weights, as a user runs it.
//!
//! The weights are fetched once, into the cache of this checkout, by the command itself.

mod support;

mod animation;
mod audit;
mod bad_arguments;
mod bad_images;
mod bad_output;
mod bad_weights;
mod bench;
mod compare;
mod cuda;
mod display;
mod downloads;
mod evaluate;
mod explain;
mod information;
mod inputs;
mod invariance;
mod locate;
mod mask;
mod parameters;
mod photographs;
mod predict;
mod saliency;
mod sampling;
mod scores;
mod weights;
