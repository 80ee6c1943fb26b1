//! Occlusion: a patch slides over the picture.

use serde::Serialize;

use crate::explain::{Attribute, Context};
use crate::mask::Fill;
use crate::{Attribution, MethodError};

/// `S(x) - S(x with the patch filled)`, averaged over the patches that cover a pixel
/// (Zeiler and Fergus 2013, arXiv:1311.2901).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Occlusion {
    /// Rows and columns of the patch.
    pub patch: usize,
    /// Step from patch to patch.
    pub stride: usize,
    /// What is put in its place.
    pub fill: Fill,
}

impl Default for Occlusion {
    /// A patch of 32 every 16 pixels, filled with the mean colour.
    fn default() -> Self {
        Occlusion { patch: 32, stride: 16, fill: Fill::Mean }
    }
}

impl Attribute for Occlusion {
    fn attribute(&self, _context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        todo!()
    }
}
