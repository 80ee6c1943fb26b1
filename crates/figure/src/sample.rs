//! Reading a map between its cells, and colouring what was read.

use backlit_saliency::Map;

use crate::range::{Scale, check};
use crate::{Colormap, FigureError, Range};

/// In which colours a map is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Coloring {
    /// The colour table; a map of three channels is drawn as red, green and blue instead.
    pub colormap: Colormap,
    /// Which values get its ends.
    pub range: Range,
}

impl From<Colormap> for Coloring {
    /// This table, from the map's own minimum to its maximum.
    fn from(colormap: Colormap) -> Coloring {
        Coloring { colormap, range: Range::Auto }
    }
}

/// Where, along one axis, an output pixel reads the map: between cells `first` and `second`, `weight` of the second.
#[derive(Clone, Copy)]
pub(crate) struct Tap {
    first: usize,
    second: usize,
    weight: f32,
}

impl Tap {
    /// The tap at `position` on an axis of `len` cells, where cell k covers k to k + 1 and its value sits at k + 0.5;
    /// beyond the outermost centres the outermost value holds.
    pub(crate) fn at(position: f64, len: usize) -> Tap {
        let centre = (position - 0.5).clamp(0.0, (len - 1) as f64);
        let first = centre as usize;
        Tap { first, second: (first + 1).min(len - 1), weight: (centre - first as f64) as f32 }
    }
}

/// Reads a map by bilinear interpolation and colours what it reads; values are interpolated, not colours.
pub(crate) struct Painter<'a> {
    map: &'a Map,
    colormap: Colormap,
    scale: Scale,
    row: Vec<f32>,
}

impl<'a> Painter<'a> {
    pub(crate) fn new(map: &'a Map, coloring: Coloring) -> Result<Painter<'a>, FigureError> {
        check(map)?;
        let scale = coloring.range.settle(map, coloring.colormap)?;
        Ok(Painter { map, colormap: coloring.colormap, scale, row: vec![0.0; map.width * map.channels] })
    }

    pub(crate) fn scale(&self) -> Scale {
        self.scale
    }

    /// Interpolates between two rows of the map, for the [`color`](Painter::color)s that follow.
    pub(crate) fn seek_row(&mut self, tap: Tap) {
        let row = |y: usize| &self.map.values[y * self.row.len()..][..self.row.len()];
        let between: Vec<f32> =
            row(tap.first).iter().zip(row(tap.second)).map(|(&a, &b)| between(a, b, tap.weight)).collect();
        self.row = between;
    }

    /// The colour at `tap` of the row sought last; `None` where the map is not a number.
    pub(crate) fn color(&self, tap: Tap) -> Option<[u8; 3]> {
        let channels = self.map.channels;
        let place = |channel: usize| {
            let (a, b) = (self.row[tap.first * channels + channel], self.row[tap.second * channels + channel]);
            self.scale.place(between(a, b, tap.weight))
        };
        if channels == 1 {
            let place = place(0);
            return (!place.is_nan()).then(|| self.colormap.color(place));
        }
        let places = [place(0), place(1), place(2)];
        let byte = |place: f32| (place.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        (!places.iter().any(|place| place.is_nan())).then(|| places.map(byte))
    }
}

/// `a` to `b` in a straight line; exact at a weight of zero even beside infinity.
fn between(a: f32, b: f32, weight: f32) -> f32 {
    if weight == 0.0 || a == b { a } else { a * (1.0 - weight) + b * weight }
}
