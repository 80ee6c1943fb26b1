//! From a photograph to the 224 x 224 pixels that the network sees.

use super::Frame;
use super::resize::{Filter, Window, resize};
use crate::photo::Photo;
use crate::{SIDE, Variant};

/// What the shorter side becomes before [`Resize::Crop`] cuts out the centre.
pub const CROP_FROM: usize = 256;

/// How a photograph of any shape becomes a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resize {
    /// The whole photograph, stretched to 224 x 224, as Keras' `load_img(target_size=(224, 224))` does.
    Stretch,
    /// The shorter side to 256, then the central 224 x 224, as torchvision's `Resize(256)` and `CenterCrop(224)` do.
    Crop,
}

crate::named!(Resize, "way to resize", { Stretch = "stretch", Crop = "crop" });

/// Which part of a photograph the network sees, and how it is resampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grid {
    /// Stretch or crop.
    pub resize: Resize,
    /// The resampling filter.
    pub filter: Filter,
}

impl Grid {
    /// What a variant was published with: v1 stretches, v1.5 crops, both bilinear.
    pub fn default_for(variant: Variant) -> Grid {
        let resize = match variant {
            Variant::V1 => Resize::Stretch,
            Variant::V1_5 => Resize::Crop,
        };
        Grid { resize, filter: Filter::Bilinear }
    }

    /// The pixels that the network sees: `[224, 224, 3]`, 8-bit RGB, bit for bit as Pillow resamples.
    pub fn sample(&self, photo: &Photo) -> Vec<u8> {
        let (columns, rows) = self.windows(photo.width, photo.height);
        resize(&photo.rgb, photo.width, photo.height, columns, rows, self.filter)
    }

    /// The part of a photograph of this size that the grid shows.
    pub fn frame(&self, width: usize, height: usize) -> Frame {
        let (columns, rows) = self.windows(width, height);
        let part = |window: Window, length: usize| {
            let step = length as f64 / window.total as f64;
            (window.start as f64 * step, window.len as f64 * step)
        };
        let ((x, width), (y, height)) = (part(columns, width), part(rows, height));
        Frame { x, y, width, height }
    }

    /// Columns and rows of the resized photograph that are kept.
    fn windows(&self, width: usize, height: usize) -> (Window, Window) {
        match self.resize {
            Resize::Stretch => (Window::whole(SIDE), Window::whole(SIDE)),
            Resize::Crop => {
                let shorter = width.min(height);
                (centre(crop_length(width, shorter)), centre(crop_length(height, shorter)))
            }
        }
    }
}

/// torchvision's `int(256 * side / shorter)`: exactly 256 for the shorter side.
fn crop_length(side: usize, shorter: usize) -> usize {
    ((CROP_FROM * side) as f64 / shorter as f64) as usize
}

/// torchvision's `CenterCrop`: the offset is rounded as Python rounds, halves to the even neighbour.
fn centre(total: usize) -> Window {
    let start = ((total - SIDE) as f64 / 2.0).round_ties_even() as usize;
    Window { total, start, len: SIDE }
}
