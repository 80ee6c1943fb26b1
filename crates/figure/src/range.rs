//! Which values of a map get the lowest and the highest colour.

use backlit_saliency::Map;

use crate::{Colormap, FigureError};

/// How the ends of the colour scale are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Range {
    /// The map's own minimum and maximum; for a diverging colormap the same as [`Range::Symmetric`].
    #[default]
    Auto,
    /// Minus to plus the largest magnitude, so that zero is the neutral middle.
    Symmetric,
    /// These two values, for instance to compare several pictures on one scale.
    Fixed {
        /// Drawn in the lowest colour, as is everything below.
        low: f32,
        /// Drawn in the highest colour, as is everything above.
        high: f32,
    },
}

/// A [`Range`] settled for one map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Value drawn in the lowest colour.
    pub low: f32,
    /// Value drawn in the highest colour. Equal to `low` when the map is flat.
    pub high: f32,
    /// The place of every value when the map is flat: the lowest colour, or the middle of a diverging colormap.
    flat_at: f32,
}

impl Range {
    /// Settles the ends for `map`; values that are not finite are left out of account.
    ///
    /// # Errors
    /// [`FigureError::MapShape`] for a map that cannot be drawn, [`FigureError::Range`] for unusable fixed ends.
    pub fn settle(self, map: &Map, colormap: Colormap) -> Result<Scale, FigureError> {
        check(map)?;
        let finite = || map.values.iter().copied().filter(|value| value.is_finite());
        let flat_at = if colormap.is_diverging() { 0.5 } else { 0.0 };
        let (low, high) = match self {
            Range::Fixed { low, high } if low.is_finite() && high.is_finite() && low < high => (low, high),
            Range::Fixed { low, high } => return Err(FigureError::Range { low, high }),
            Range::Auto if !colormap.is_diverging() => {
                (finite().reduce(f32::min).unwrap_or(0.0), finite().reduce(f32::max).unwrap_or(0.0))
            }
            Range::Auto | Range::Symmetric => {
                let most = finite().fold(0.0f32, |most, value| most.max(value.abs()));
                (-most, most)
            }
        };
        Ok(Scale { low, high, flat_at })
    }
}

impl Scale {
    /// Whether the map has one value only, so that its picture says nothing.
    pub fn is_flat(&self) -> bool {
        self.low == self.high
    }

    /// The place of `value` on the scale: 0 at the low end, 1 at the high end, not clipped. NaN stays NaN.
    pub fn place(&self, value: f32) -> f32 {
        if self.is_flat() && !value.is_nan() {
            return self.flat_at;
        }
        // In f64, because the difference of two large f32 can be infinite.
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        ((f64::from(value) - low) / (high - low)) as f32
    }
}

/// One or three channels, at least one pixel, as many values as the sides call for.
pub(crate) fn check(map: &Map) -> Result<(), FigureError> {
    let &Map { height, width, channels, ref values } = map;
    let expected = height.saturating_mul(width).saturating_mul(channels);
    if expected == 0 || !matches!(channels, 1 | 3) || values.len() != expected {
        return Err(FigureError::MapShape { height, width, channels, found: values.len() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::map;

    #[test]
    fn auto_takes_the_ends_of_the_map() {
        let scale = Range::Auto.settle(&map(1, 4, &[2.0, -1.0, f32::NAN, f32::INFINITY]), Colormap::Viridis).unwrap();
        assert_eq!((scale.low, scale.high), (-1.0, 2.0));
        assert_eq!((scale.place(-1.0), scale.place(0.5), scale.place(2.0)), (0.0, 0.5, 1.0));
        assert!(scale.place(f32::NAN).is_nan());
    }

    #[test]
    fn zero_is_the_middle_of_a_diverging_scale() {
        for range in [Range::Auto, Range::Symmetric] {
            let scale = range.settle(&map(1, 2, &[-1.0, 4.0]), Colormap::Bwr).unwrap();
            assert_eq!((scale.low, scale.high, scale.place(0.0)), (-4.0, 4.0, 0.5));
        }
        let color =
            |value| Colormap::Bwr.color(Range::Auto.settle(&map(1, 1, &[-3.0]), Colormap::Bwr).unwrap().place(value));
        assert_eq!((color(-3.0), color(3.0)), ([0, 0, 255], [255, 0, 0]));
        assert_eq!(color(0.0), [255, 254, 254]);
    }

    #[test]
    fn a_flat_map_has_the_lowest_or_the_neutral_colour() {
        let flat = map(1, 2, &[0.0, 0.0]);
        let place = |colormap| Range::Auto.settle(&flat, colormap).unwrap().place(0.0);
        assert_eq!((place(Colormap::Viridis), place(Colormap::Seismic)), (0.0, 0.5));
        let nothing = Range::Auto.settle(&map(1, 1, &[f32::NAN]), Colormap::Jet).unwrap();
        assert!(nothing.is_flat() && nothing.place(f32::NAN).is_nan());
    }

    #[test]
    fn huge_values_do_not_overflow() {
        let scale = Range::Auto.settle(&map(1, 2, &[f32::MIN, f32::MAX]), Colormap::Jet).unwrap();
        assert_eq!((scale.place(f32::MIN), scale.place(0.0), scale.place(f32::MAX)), (0.0, 0.5, 1.0));
    }

    #[test]
    fn bad_ends_and_bad_shapes_are_refused() {
        let ok = map(1, 2, &[0.0, 1.0]);
        for (low, high) in [(1.0, 1.0), (2.0, 1.0), (f32::NAN, 1.0), (0.0, f32::INFINITY)] {
            let error = Range::Fixed { low, high }.settle(&ok, Colormap::Jet).unwrap_err();
            assert!(matches!(error, FigureError::Range { .. }), "{error}");
        }
        for (height, width, channels, len) in [(0, 2, 1, 0), (1, 2, 2, 4), (1, 2, 1, 3), (1, 2, 0, 0)] {
            let map = Map { height, width, channels, values: vec![0.0; len] };
            assert!(matches!(Range::Auto.settle(&map, Colormap::Jet), Err(FigureError::MapShape { .. })));
        }
    }
}
