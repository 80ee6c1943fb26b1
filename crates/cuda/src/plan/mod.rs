//! The network as a row of steps for a number of images, with the memory it runs in.

mod arena;
mod geometry;
