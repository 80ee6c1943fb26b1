//! Subjects: one photograph as the network is shown it.

use backlit_net::files::sha256;
use backlit_net::preprocess::{Input, Preprocessing};
use backlit_net::{EngineError, IMAGE_LEN, Images};

/// One picture on the network's grid, before and after preprocessing.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// `[224, 224, 3]`, 8-bit RGB.
    pub rgb: &'a [u8],
    /// The same as the network's input, `[224, 224, 3]` in its channel order.
    pub tensor: &'a [f32],
    /// What turns the one into the other.
    pub preprocessing: Preprocessing,
}

impl<'a> Subject<'a> {
    /// A photograph that was made ready.
    pub fn new(input: &'a Input, preprocessing: Preprocessing) -> Subject<'a> {
        Subject { rgb: &input.rgb, tensor: &input.tensor, preprocessing }
    }

    /// The tensor, checked.
    ///
    /// # Errors
    /// Those of [`Images::new`], and [`EngineError::OneImage`] unless it is exactly one image.
    pub fn image(&self) -> Result<Images<'a>, EngineError> {
        let images = Images::new(self.tensor)?;
        match (images.len(), self.rgb.len()) {
            (1, IMAGE_LEN) => Ok(images),
            (1, found) => Err(EngineError::ImageLength { found }),
            (found, _) => Err(EngineError::OneImage { found }),
        }
    }

    /// The network's input for other pixels, `[.., 3]` RGB.
    pub fn preprocess(&self, rgb: &[u8]) -> Vec<f32> {
        let mut tensor = vec![0.0; rgb.len()];
        self.preprocessing.apply(rgb, &mut tensor);
        tensor
    }

    /// A number that belongs to the picture, whatever its file is called: the first eight bytes of the SHA-256 of its
    /// pixels on the grid. Random numbers are keyed by it, so that a picture gets the same ones in any company.
    pub fn key(&self) -> u64 {
        key_of(self.rgb)
    }
}

/// [`Subject::key`] of pixels on the grid.
pub(crate) fn key_of(rgb: &[u8]) -> u64 {
    let hex = sha256(rgb);
    hex.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).expect("64 hexadecimal digits")
}
