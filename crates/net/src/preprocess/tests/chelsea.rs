//! The photograph of the repository, from file to network input.

use std::path::Path;

use super::FILTERS;
use crate::photo::Photo;
use crate::preprocess::{Filter, Grid, Preprocess, Preprocessing, Resize};
use crate::{IMAGE_LEN, Variant};

fn chelsea() -> Photo {
    Photo::open(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/chelsea.png"))).unwrap()
}

/// CRC-32 of the 224 x 224 RGB bytes, by filter in the order of `FILTERS`; made with Pillow 13.0.0.
#[test]
fn grid_equals_pillow() {
    let photo = chelsea();
    assert_eq!((photo.width, photo.height), (451, 300));
    let stretch = [0xfade1225, 0xcaf1515e, 0xc7f8e165];
    let crop = [0xb52d2942, 0x8afbe349, 0xbbea560e];
    for (resize, expected) in [(Resize::Stretch, stretch), (Resize::Crop, crop)] {
        for (filter, expected) in FILTERS.into_iter().zip(expected) {
            let found = crc32fast::hash(&Grid { resize, filter }.sample(&photo));
            assert_eq!(found, expected, "{resize} {filter}");
        }
    }
}

/// CRC-32 of the little-endian floats that NumPy computes from the bytes above, in f64, rounded once.
#[test]
fn input_equals_numpy() {
    let preprocess = Preprocess { preprocessing: Preprocessing::Caffe, grid: Grid::default_for(Variant::V1) };
    let input = preprocess.prepare(&chelsea());
    let bytes: Vec<u8> = input.tensor.iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(input.tensor.len(), IMAGE_LEN);
    assert_eq!(crc32fast::hash(&bytes), 0x19c699db);
    assert_eq!((input.frame.width, input.frame.height), (451.0, 300.0));
    assert_eq!(Preprocessing::Caffe.to_rgb(&input.tensor), input.rgb);
}

#[test]
fn defaults_follow_the_variant() {
    assert_eq!(Grid::default_for(Variant::V1), Grid { resize: Resize::Stretch, filter: Filter::Bilinear });
    assert_eq!(Grid::default_for(Variant::V1_5), Grid { resize: Resize::Crop, filter: Filter::Bilinear });
}
