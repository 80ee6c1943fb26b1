//! Preprocessing: from a photograph to the numbers that the network expects.
//!
//! Two steps, each named by an option: a [`Grid`] says which part of the photograph becomes the 224 x 224 pixels and
//! how it is resampled, a [`Preprocessing`] turns those pixels into floats.
//!
//! ```
//! use backlit_net::photo::Photo;
//! use backlit_net::preprocess::{Grid, Preprocess, Preprocessing};
//! use backlit_net::{IMAGE_LEN, Variant};
//!
//! let photo = Photo::new(2, 1, vec![255, 0, 0, 0, 0, 255])?;
//! let preprocess = Preprocess { preprocessing: Preprocessing::Caffe, grid: Grid::default_for(Variant::V1) };
//! let input = preprocess.prepare(&photo);
//! assert_eq!(input.tensor.len(), IMAGE_LEN);
//! # Ok::<(), backlit_net::photo::PhotoError>(())
//! ```

mod frame;
mod grid;
mod normalise;
mod resize;
#[cfg(test)]
mod tests;

pub use frame::Frame;
pub use grid::{CROP_FROM, Grid, Resize};
pub use normalise::Preprocessing;
pub use resize::Filter;

use crate::IMAGE_LEN;
use crate::photo::Photo;

/// Everything between a photograph and the network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preprocess {
    /// From 8-bit RGB to floats.
    pub preprocessing: Preprocessing,
    /// From the photograph to 224 x 224 pixels.
    pub grid: Grid,
}

/// A photograph made ready for the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// What the network is shown, `[224, 224, 3]`, 8-bit RGB.
    pub rgb: Vec<u8>,
    /// The same as the network's input, `[224, 224, 3]`, in its channel order.
    pub tensor: Vec<f32>,
    /// The part of the photograph that the grid shows.
    pub frame: Frame,
}

impl Preprocess {
    /// Resamples and normalises one photograph.
    pub fn prepare(&self, photo: &Photo) -> Input {
        let rgb = self.grid.sample(photo);
        let mut tensor = vec![0.0; IMAGE_LEN];
        self.preprocessing.apply(&rgb, &mut tensor);
        Input { rgb, tensor, frame: self.grid.frame(photo.width, photo.height) }
    }
}
