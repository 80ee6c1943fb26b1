//! Resampling against checksums made with Pillow 13.0.0.

use super::FILTERS;
use crate::SIDE;
use crate::photo::Photo;
use crate::preprocess::resize::{Window, resize};
use crate::preprocess::{Grid, Resize};

/// Noise, the hardest picture for a resampler: the high bytes of a linear congruential generator (Numerical Recipes'
/// constants) that starts from `65537 * width + height`, `[height, width, 3]`.
fn noise(width: usize, height: usize) -> Photo {
    let mut state = (width * 65_537 + height) as u32;
    let byte = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    Photo::new(width, height, (0..width * height * 3).map(byte).collect()).unwrap()
}

/// (width, height, CRC-32 stretched to 224 x 224, CRC-32 of torchvision's crop), by filter in the order of `FILTERS`.
const GRIDS: [(usize, usize, [u32; 3], [u32; 3]); 15] = [
    (1, 1, [0x2ba66697, 0x2ba66697, 0x2ba66697], [0x2ba66697, 0x2ba66697, 0x2ba66697]),
    (2, 1, [0x150f5601, 0x5e8a7fc2, 0x7c6b0ecb], [0x150f5601, 0xf6c408b4, 0xad19976b]),
    (1, 2, [0xa515ad23, 0x996440ee, 0x0175c73f], [0xa515ad23, 0x58ca99b9, 0x77771409]),
    (3, 5, [0x12f239c9, 0x78d934bb, 0x15ace1bc], [0x2b07e5cb, 0x7338678c, 0xf595d25a]),
    (223, 225, [0x690066af, 0x7298852c, 0x5609a689], [0x09aace32, 0xc981f78a, 0x179ba600]),
    (224, 224, [0xab95aef1, 0xab95aef1, 0xab95aef1], [0x1f82616a, 0x8b0ef489, 0x77b665b7]),
    (224, 100, [0x364a7a35, 0x8f8883e8, 0x7b865668], [0x8683f9cf, 0x45d68a3f, 0xd78ec2a4]),
    (100, 224, [0xc0bef69e, 0x721d9b36, 0x7e2af499], [0xf97cb58c, 0x0a09c261, 0xaac9f70d]),
    (451, 300, [0xff63b3c3, 0x7ce559a1, 0xe867144a], [0x66c4a9d7, 0x7e42f049, 0x0c6786df]),
    (300, 451, [0x28e16126, 0xb06f823c, 0xd0d107a0], [0xb209599a, 0x1d7ee11a, 0xefa37c88]),
    (335, 500, [0xa88ec85c, 0x9a367b03, 0x431f7b68], [0x3f6507c6, 0x44cd27f4, 0x6c326e8c]),
    (3, 700, [0x6b41689b, 0x34c221ab, 0xceddd36c], [0xaba444b2, 0xaff29d9b, 0x2619eeb2]),
    (700, 3, [0x356799c8, 0xd736ebdc, 0x43acde5e], [0x2ea6d8d7, 0x735ea05d, 0xdd826654]),
    (640, 480, [0x723d2cf4, 0xea5aa217, 0x25b93916], [0x8a11925c, 0x50c5b9be, 0x31c0e25f]),
    (897, 448, [0x002599c0, 0x211588f2, 0x7263aa31], [0x4665e510, 0x6ff1e533, 0x1e0df1e4]),
];

#[test]
fn grids_equal_pillow() {
    for (width, height, stretch, crop) in GRIDS {
        let photo = noise(width, height);
        for (resize, expected) in [(Resize::Stretch, stretch), (Resize::Crop, crop)] {
            for (filter, expected) in FILTERS.into_iter().zip(expected) {
                let found = Grid { resize, filter }.sample(&photo);
                assert_eq!(crc32fast::hash(&found), expected, "{width} x {height} {resize} {filter}");
            }
        }
    }
}

/// (width, height, new width, new height, CRC-32 by filter): sizes other than the network's, down to one pixel.
const OTHERS: [(usize, usize, usize, usize, [u32; 3]); 7] = [
    (7, 5, 1, 1, [0x252d93dd, 0x6feddcaa, 0x44c08f69]),
    (5, 7, 11, 2, [0x7d77ebc5, 0x6b3209f8, 0x0875a155]),
    (29, 13, 5, 7, [0x51106507, 0xe0f5007a, 0x7234025b]),
    (64, 64, 200, 1, [0x9e4fbaea, 0x63113f52, 0x086c9742]),
    (13, 29, 97, 103, [0x02bcd3c3, 0x880bad8a, 0x555d8c31]),
    (101, 57, 100, 58, [0xc03ba1f5, 0x12ec40b1, 0x29579f7c]),
    (1, 40, 3, 9, [0xd0fec859, 0xd485d014, 0x1250f523]),
];

#[test]
fn other_sizes_equal_pillow() {
    for (width, height, new_width, new_height, expected) in OTHERS {
        let photo = noise(width, height);
        for (filter, expected) in FILTERS.into_iter().zip(expected) {
            let found = resize(&photo.rgb, width, height, Window::whole(new_width), Window::whole(new_height), filter);
            assert_eq!(crc32fast::hash(&found), expected, "{width} x {height} to {new_width} x {new_height} {filter}");
        }
    }
}

#[test]
fn a_window_is_a_piece_of_the_whole() {
    let photo = noise(90, 130);
    let (columns, rows) = (Window { total: 71, start: 9, len: 40 }, Window { total: 60, start: 33, len: 27 });
    for filter in FILTERS {
        let whole = resize(&photo.rgb, 90, 130, Window::whole(71), Window::whole(60), filter);
        let piece = resize(&photo.rgb, 90, 130, columns, rows, filter);
        assert_eq!(piece.len(), 27 * 40 * 3);
        for row in 0..27 {
            let expected = &whole[((33 + row) * 71 + 9) * 3..][..40 * 3];
            assert_eq!(&piece[row * 40 * 3..][..40 * 3], expected, "{filter}, row {row}");
        }
    }
}

#[test]
fn extreme_shapes_stay_cheap_and_flat_colours_stay_flat() {
    for (width, height) in [(65_535, 1), (1, 65_535), (1, 1), (20_000, 3)] {
        let photo = Photo::new(width, height, [200, 100, 50].repeat(width * height)).unwrap();
        for resize in [Resize::Stretch, Resize::Crop] {
            for filter in FILTERS {
                let rgb = Grid { resize, filter }.sample(&photo);
                assert_eq!(rgb.len(), SIDE * SIDE * 3);
                // Weights rounded to 22 bits need not add up to one quite.
                let worst =
                    rgb.chunks_exact(3).map(|p| p[0].abs_diff(200).max(p[1].abs_diff(100)).max(p[2].abs_diff(50)));
                assert!(worst.max().unwrap() <= 1, "{width} x {height} {resize} {filter}");
            }
        }
    }
}

#[test]
fn names_parse_back() {
    for filter in FILTERS {
        assert_eq!(filter.to_string().parse(), Ok(filter));
    }
    for resize in [Resize::Stretch, Resize::Crop] {
        assert_eq!(resize.to_string().parse(), Ok(resize));
    }
    assert!("lanczos".parse::<crate::preprocess::Filter>().unwrap_err().to_string().contains("bicubic"));
    assert!("pad".parse::<Resize>().unwrap_err().to_string().contains("crop"));
}
