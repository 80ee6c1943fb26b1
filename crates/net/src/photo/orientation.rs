//! Orientation: which way up the camera was held, and whether to care.

use std::io::Cursor;

use exif::{In, Reader, Tag};
use image::metadata::Orientation as Turn;
use image::{DynamicImage, RgbImage};

use super::Photo;

/// Whether the orientation recorded in a file is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Orientation {
    /// The photograph is turned upright, as viewers show it.
    #[default]
    Exif,
    /// The pixels stay as they are stored, as Keras' `load_img` and Pillow's `Image.open` leave them.
    Stored,
}

crate::named!(Orientation, "orientation", { Exif = "exif", Stored = "stored" });

/// The photograph turned as its file says; unchanged where the file says nothing or its EXIF data are damaged.
pub(super) fn upright(photo: Photo, bytes: &[u8]) -> Photo {
    let turn = recorded(bytes).unwrap_or(Turn::NoTransforms);
    if turn == Turn::NoTransforms {
        return photo;
    }
    let Photo { width, height, rgb } = photo;
    let image = RgbImage::from_raw(width as u32, height as u32, rgb).expect("a photo holds height * width * 3 bytes");
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(turn);
    let (width, height) = (image.width() as usize, image.height() as usize);
    Photo { width, height, rgb: image.into_rgb8().into_raw() }
}

/// The EXIF orientation, 1 to 8, of a JPEG, PNG or WebP file.
fn recorded(bytes: &[u8]) -> Option<Turn> {
    let exif = Reader::new()
        .continue_on_error(true)
        .read_from_container(&mut Cursor::new(bytes))
        .or_else(|error| error.distill_partial_result(|_| {}))
        .ok()?;
    let value = exif.get_field(Tag::Orientation, In::PRIMARY)?.value.get_uint(0)?;
    Turn::from_exif(value.try_into().ok()?)
}
