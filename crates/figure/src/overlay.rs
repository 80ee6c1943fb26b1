//! A map laid over the photograph that it explains.

use backlit_net::preprocess::Frame;
use backlit_saliency::Map;

use crate::canvas::mix;
use crate::sample::{Painter, Tap};
use crate::{Coloring, FigureError, Picture, Range, View};

/// What becomes of the photograph outside the frame, where the network saw nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outside {
    /// Pale and almost grey, so that the frame stands out.
    #[default]
    Dimmed,
    /// As it is.
    Untouched,
}

/// How a map is laid over a photograph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OverlayOptions {
    /// The colours of the map.
    pub coloring: Coloring,
    /// Opacity of the map: 0 shows the photograph only, 1 the map only.
    pub opacity: f32,
    /// The photograph outside the frame.
    pub outside: Outside,
}

impl Default for OverlayOptions {
    /// Viridis from the map's minimum to its maximum, at opacity 0.7.
    fn default() -> OverlayOptions {
        OverlayOptions { coloring: Coloring::default(), opacity: 0.7, outside: Outside::Dimmed }
    }
}

/// Lays `map` over the part of `photo` that `frame` names, at the resolution of the photograph:
/// out = opacity x colour + (1 - opacity) x photograph.
///
/// `frame` is in pixels of `photo`. The map is read bilinearly; where it is not a number the photograph shows.
///
/// # Errors
/// [`FigureError::PictureLength`], [`FigureError::MapShape`], [`FigureError::Frame`], [`FigureError::Opacity`] and
/// [`FigureError::Range`], each for the input that it names.
pub fn overlay<'a>(
    photo: impl Into<View<'a>>,
    map: &Map,
    frame: Frame,
    options: &OverlayOptions,
) -> Result<Picture, FigureError> {
    let photo = photo.into();
    photo.check()?;
    check_frame(frame)?;
    if !(0.0..=1.0).contains(&options.opacity) {
        return Err(FigureError::Opacity { found: options.opacity });
    }
    let mut painter = Painter::new(map, options.coloring)?;
    let mut picture = photo.to_picture();
    let columns = taps(photo.width, frame.x, frame.width, map.width);
    let rows = taps(photo.height, frame.y, frame.height, map.height);
    for (row, line) in rows.into_iter().zip(picture.rgb.chunks_exact_mut(photo.width * 3)) {
        if let Some(row) = row {
            painter.seek_row(row);
        }
        for (&column, pixel) in columns.iter().zip(line.chunks_exact_mut(3)) {
            match (row, column) {
                (Some(_), Some(column)) => {
                    if let Some(color) = painter.color(column) {
                        pixel.iter_mut().zip(color).for_each(|(p, c)| *p = mix(*p, c, options.opacity));
                    }
                }
                _ if options.outside == Outside::Dimmed => dim(pixel),
                _ => {}
            }
        }
    }
    Ok(picture)
}

/// Whether `map` has one value only (one magnitude, zero, for a diverging colormap), whatever the range asked for.
///
/// # Errors
/// [`FigureError::MapShape`] and [`FigureError::Range`].
pub(crate) fn is_flat(map: &Map, coloring: Coloring) -> Result<bool, FigureError> {
    let range = if matches!(coloring.range, Range::Fixed { .. }) { Range::Auto } else { coloring.range };
    Painter::new(map, Coloring { range, ..coloring }).map(|painter| painter.scale().is_flat())
}

pub(crate) fn check_frame(frame: Frame) -> Result<(), FigureError> {
    let Frame { x, y, width, height } = frame;
    if ![x, y, width, height].iter().all(|side| side.is_finite()) || width <= 0.0 || height <= 0.0 {
        return Err(FigureError::Frame { x, y, width, height });
    }
    Ok(())
}

/// Where each of `len` pixels reads the map; `None` for a pixel whose centre lies outside the frame.
fn taps(len: usize, from: f64, side: f64, cells: usize) -> Vec<Option<Tap>> {
    (0..len)
        .map(|at| (at as f64 + 0.5 - from) / side)
        .map(|place| (0.0..1.0).contains(&place).then(|| Tap::at(place * cells as f64, cells)))
        .collect()
}

/// Takes most of the colour out of a pixel and moves it half way to white.
fn dim(pixel: &mut [u8]) {
    let grey = (u32::from(pixel[0]) * 299 + u32::from(pixel[1]) * 587 + u32::from(pixel[2]) * 114) / 1000;
    for channel in pixel {
        *channel = mix(mix(*channel, grey as u8, 0.75), 255, 0.5);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Colormap;
    use crate::testing::map;

    const WHOLE: Frame = Frame { x: 0.0, y: 0.0, width: 4.0, height: 2.0 };

    fn grey(opacity: f32, outside: Outside) -> OverlayOptions {
        OverlayOptions { coloring: Colormap::Grey.into(), opacity, outside }
    }

    #[test]
    fn mixes_by_opacity() {
        let photo = Picture::filled(4, 2, [100, 150, 200]).unwrap();
        let map = map(1, 2, &[0.0, 1.0]);
        let at = |opacity| overlay(&photo, &map, WHOLE, &grey(opacity, Outside::Untouched)).unwrap();
        assert_eq!(at(0.0), photo);
        assert_eq!(at(1.0).pixel(0, 0), [0, 0, 0]);
        assert_eq!(at(0.7).pixel(0, 1), [30, 45, 60]);
        assert_eq!(at(0.7).pixel(3, 0), [209, 224, 239]);
    }

    #[test]
    fn lies_exactly_in_its_frame() {
        let photo = Picture::filled(8, 6, [40, 80, 120]).unwrap();
        let frame = Frame { x: 2.0, y: 1.0, width: 4.0, height: 4.0 };
        let flat = map(1, 1, &[1.0]);
        for outside in [Outside::Untouched, Outside::Dimmed] {
            let picture = overlay(&photo, &flat, frame, &grey(1.0, outside)).unwrap();
            for y in 0..6 {
                for x in 0..8 {
                    let inside = (2..6).contains(&x) && (1..5).contains(&y);
                    let expected = match outside {
                        _ if inside => [0, 0, 0],
                        Outside::Untouched => [40, 80, 120],
                        Outside::Dimmed => [160, 165, 170],
                    };
                    let found = picture.pixel(x, y);
                    assert!((0..3).all(|c| found[c].abs_diff(expected[c]) <= 1), "({x}, {y}): {found:?}");
                }
            }
        }
    }

    #[test]
    fn a_bright_cell_lands_where_it_belongs() {
        // The bright cell is row 1, column 2 of 3 x 4; the photograph is 10 times as large and stretched.
        let mut values = [0.0; 12];
        values[4 + 2] = 1.0;
        let photo = Picture::filled(40, 60, [0; 3]).unwrap();
        let frame = Frame { x: 0.0, y: 0.0, width: 40.0, height: 60.0 };
        let picture = overlay(&photo, &map(3, 4, &values), frame, &grey(1.0, Outside::Dimmed)).unwrap();
        let brightest = (0..40 * 60).max_by_key(|&at| picture.rgb[at * 3]).unwrap();
        assert!((24..=25).contains(&(brightest % 40)) && (29..=30).contains(&(brightest / 40)), "{brightest}");
        assert_eq!(picture.pixel(5, 5), [0; 3]);
    }

    #[test]
    fn not_a_number_shows_the_photograph() {
        let photo = Picture::filled(2, 1, [9, 8, 7]).unwrap();
        let frame = Frame { x: 0.0, y: 0.0, width: 2.0, height: 1.0 };
        let picture = overlay(&photo, &map(1, 2, &[f32::NAN, 1.0]), frame, &grey(1.0, Outside::Dimmed)).unwrap();
        assert_eq!(picture.rgb, [9, 8, 7, 0, 0, 0]);
    }

    #[test]
    fn bad_input_is_refused() {
        let photo = Picture::filled(4, 2, [0; 3]).unwrap();
        let ok = map(1, 1, &[1.0]);
        for opacity in [-0.1, 1.1, f32::NAN] {
            let result = overlay(&photo, &ok, WHOLE, &grey(opacity, Outside::Dimmed));
            assert!(matches!(result, Err(FigureError::Opacity { .. })));
        }
        for frame in [Frame { width: 0.0, ..WHOLE }, Frame { height: -1.0, ..WHOLE }, Frame { x: f64::NAN, ..WHOLE }] {
            let result = overlay(&photo, &ok, frame, &OverlayOptions::default());
            assert!(matches!(result, Err(FigureError::Frame { .. })));
        }
        let short = View { width: 4, height: 2, rgb: &[0; 23] };
        assert!(overlay(short, &ok, WHOLE, &OverlayOptions::default()).is_err());
        let empty = Map { height: 0, width: 0, channels: 1, values: vec![] };
        assert!(overlay(&photo, &empty, WHOLE, &OverlayOptions::default()).is_err());
    }
}
