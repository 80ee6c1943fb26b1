//! A map alone, in colour.

use backlit_saliency::Map;

use crate::colormap::NAN_COLOR;
use crate::sample::{Painter, Tap};
use crate::{Coloring, FigureError, Picture};

/// Draws `map` one pixel a value.
///
/// A map of one channel goes through the colormap; what is not a number is black. A map of three channels is drawn
/// as red, green and blue in the order in which it stores them, all three on one scale.
///
/// # Errors
/// [`FigureError::MapShape`] and [`FigureError::Range`].
pub fn heat(map: &Map, coloring: impl Into<Coloring>) -> Result<Picture, FigureError> {
    heat_at(map, coloring, map.width, map.height)
}

/// Draws `map` at `width` x `height`, its values interpolated bilinearly before they are coloured.
///
/// # Errors
/// Those of [`heat`], and [`FigureError::Size`].
pub fn heat_at(map: &Map, coloring: impl Into<Coloring>, width: usize, height: usize) -> Result<Picture, FigureError> {
    let mut painter = Painter::new(map, coloring.into())?;
    let mut picture = Picture::filled(width, height, NAN_COLOR)?;
    let taps = |len: usize, cells: usize| -> Vec<Tap> {
        (0..len).map(|at| Tap::at((at as f64 + 0.5) * cells as f64 / len as f64, cells)).collect()
    };
    let columns = taps(width, map.width);
    for (row, line) in taps(height, map.height).into_iter().zip(picture.rgb.chunks_exact_mut(width * 3)) {
        painter.seek_row(row);
        for (&column, pixel) in columns.iter().zip(line.chunks_exact_mut(3)) {
            if let Some(color) = painter.color(column) {
                pixel.copy_from_slice(&color);
            }
        }
    }
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::map;
    use crate::{Colormap, Range};

    #[test]
    fn at_its_own_size_every_value_keeps_its_colour() {
        let values: Vec<f32> = (0..256).map(|n| n as f32).collect();
        let coloring = Coloring { colormap: Colormap::Turbo, range: Range::Fixed { low: 0.0, high: 256.0 } };
        let picture = heat(&map(16, 16, &values), coloring).unwrap();
        assert_eq!(picture.rgb, Colormap::Turbo.table().concat());
    }

    #[test]
    fn larger_pictures_interpolate_values() {
        let picture = heat_at(&map(1, 2, &[0.0, 1.0]), Colormap::Grey, 8, 2).unwrap();
        let row: Vec<u8> = (0..8).map(|x| picture.pixel(x, 1)[0]).collect();
        // Centres at 0.125, 0.375 ... 1.875 of two cells whose values sit at 0.5 and 1.5.
        assert_eq!(row, [0, 0, 32, 96, 160, 224, 255, 255]);
    }

    #[test]
    fn not_a_number_is_black_and_infinity_is_clipped() {
        let picture = heat(&map(1, 4, &[f32::NAN, f32::INFINITY, 1.0, 0.0]), Colormap::Viridis).unwrap();
        let table = Colormap::Viridis.table();
        assert_eq!(picture.rgb, [[0, 0, 0], table[255], table[255], table[0]].concat());
    }

    #[test]
    fn three_channels_are_colours_on_one_scale() {
        let map = Map { height: 1, width: 2, channels: 3, values: vec![0.0, 0.5, 1.0, 1.0, 0.0, 0.0] };
        assert_eq!(heat(&map, Colormap::Jet).unwrap().rgb, [0, 128, 255, 255, 0, 0]);
    }
}
