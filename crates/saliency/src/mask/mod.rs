//! Mask experiments: hide an object or keep nothing else, and ask the network again.
//!
//! A [`Region`] is a set of pixels of the 224 x 224 grid that the network sees. It comes from [`Slices`] (rows and
//! columns as in NumPy), from a [`PixelBox`] in pixels of the photograph, or from a [mask picture](from_picture).
//! [`apply`] then hides or keeps it, filling the rest with [`Fill`]. What is masked is the RGB picture *before*
//! preprocessing, so that black is black.
//!
//! The experiment is that of the post "Where the Machines are Looking" (bradsliz.com, 2017): hide
//! the ball, keep the ball.

mod apply;
mod error;
mod impute;
mod picture;
mod pixel_box;
mod region;
mod slices;

pub use apply::{BLUR_SIGMA, Experiment, Fill, Filler, apply};
pub use error::MaskError;
pub use impute::{Noise, ROAD_NOISE, impute};
pub use picture::from_picture;
pub use pixel_box::PixelBox;
pub use region::{Bounds, Region};
pub use slices::Slices;
