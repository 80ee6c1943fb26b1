//! Which part of the photograph the grid shows.

use crate::SIDE;
use crate::photo::Photo;
use crate::preprocess::{Filter, Frame, Grid, Resize};

fn crop(width: usize, height: usize) -> Frame {
    Grid { resize: Resize::Crop, filter: Filter::Bilinear }.frame(width, height)
}

#[test]
fn stretch_shows_everything() {
    let frame = Grid { resize: Resize::Stretch, filter: Filter::Nearest }.frame(451, 300);
    assert_eq!(frame, Frame { x: 0.0, y: 0.0, width: 451.0, height: 300.0 });
    assert_eq!(frame.to_grid(451.0, 150.0), (224.0, 112.0));
    assert_eq!(frame.from_grid(112.0, 0.0), (225.5, 0.0));
}

#[test]
fn crop_shows_the_centre() {
    // 512 x 256 stays as it is; the centre begins at column 144 and row 16.
    assert_eq!(crop(512, 256), Frame { x: 144.0, y: 16.0, width: 224.0, height: 224.0 });
    // 1024 x 2048 is halved twice: rows (512 - 224) / 2 = 144 on.
    assert_eq!(crop(1024, 2048), Frame { x: 64.0, y: 576.0, width: 896.0, height: 896.0 });
    // 453 x 300 becomes 386 x 256 (386.56 cut off); the offset 81 is exact.
    let frame = crop(453, 300);
    assert!((frame.x - 81.0 * 453.0 / 386.0).abs() < 1e-9, "{frame:?}");
    assert!((frame.y - 16.0 * 300.0 / 256.0).abs() < 1e-9, "{frame:?}");
    // 387 x 256: the offset 81.5 goes to the even 82; 385 x 256: 80.5 to 80.
    assert_eq!((crop(387, 256).x, crop(385, 256).x), (82.0, 80.0));
}

#[test]
fn points_go_there_and_back() {
    for frame in [crop(453, 300), crop(1, 1), crop(3, 4000), Grid::default_for(crate::Variant::V1).frame(7, 9)] {
        for (x, y) in [(0.0, 0.0), (1.0, 2.5), (224.0, 224.0), (-3.0, 300.0)] {
            let (px, py) = frame.from_grid(x, y);
            let (gx, gy) = frame.to_grid(px, py);
            assert!((gx - x).abs() < 1e-6 && (gy - y).abs() < 1e-6, "{frame:?} {x} {y}");
        }
    }
}

/// The frame against the pixels: a photograph that is its own map of x and y.
#[test]
fn the_frame_agrees_with_the_sampled_pixels() {
    let (width, height) = (250, 180);
    let rgb = (0..width * height).flat_map(|i| [(i % width) as u8, (i / width) as u8, 0]).collect();
    let photo = Photo::new(width, height, rgb).unwrap();
    for resize in [Resize::Stretch, Resize::Crop] {
        let grid = Grid { resize, filter: Filter::Bilinear };
        let (pixels, frame) = (grid.sample(&photo), grid.frame(width, height));
        for (row, column) in [(20, 20), (100, 60), (112, 200), (200, 112)] {
            let (x, y) = frame.from_grid(column as f64 + 0.5, row as f64 + 0.5);
            let pixel = &pixels[(row * SIDE + column) * 3..];
            // The pixel with index i has its centre at i + 0.5; half a unit of rounding in each of two passes.
            assert!((f64::from(pixel[0]) + 0.5 - x).abs() <= 1.0, "{resize} {row} {column}: {x} {}", pixel[0]);
            assert!((f64::from(pixel[1]) + 0.5 - y).abs() <= 1.0, "{resize} {row} {column}: {y} {}", pixel[1]);
        }
    }
}
