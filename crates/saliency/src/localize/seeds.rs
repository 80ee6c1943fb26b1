//! Simonyan's seeds: pixels that are surely object, and pixels that are surely background.

use super::{LocalizeError, check};
use crate::Map;

/// Above this quantile a pixel is object (Simonyan et al. 2013, section 3.2).
pub const FOREGROUND_QUANTILE: f64 = 0.95;
/// Below this quantile a pixel is background.
pub const BACKGROUND_QUANTILE: f64 = 0.30;

/// Two sets of pixels, `[height, width]` each, that share none.
#[derive(Clone, Debug, PartialEq)]
pub struct Seeds {
    /// Surely object.
    pub foreground: Vec<bool>,
    /// Surely background.
    pub background: Vec<bool>,
    /// A value above it is object.
    pub high: f32,
    /// A value below it is background.
    pub low: f32,
}

/// The pixels strictly above the `foreground` quantile of the map's values, and those strictly below the
/// `background` quantile. Quantiles lie between values as in NumPy (linear interpolation). Of a map of one value
/// nothing is either.
///
/// # Errors
/// [`LocalizeError`]; the background's quantile must not lie above the foreground's.
pub fn seeds(map: &Map, foreground: f64, background: f64) -> Result<Seeds, LocalizeError> {
    check(map, &[foreground, background, foreground - background])?;
    let mut sorted = map.values.clone();
    sorted.sort_by(f32::total_cmp);
    let (high, low) = (quantile(&sorted, foreground), quantile(&sorted, background));
    Ok(Seeds {
        foreground: map.values.iter().map(|&v| v > high).collect(),
        background: map.values.iter().map(|&v| v < low).collect(),
        high,
        low,
    })
}

/// NumPy's default: the value at place `q (n - 1)`, linear between neighbours.
fn quantile(sorted: &[f32], q: f64) -> f32 {
    let place = q * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    (f64::from(below) + place.fract() * (f64::from(above) - f64::from(below))) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: Vec<f32>) -> Map {
        Map { height: 1, width: values.len(), channels: 1, values }
    }

    #[test]
    fn a_ramp_is_cut_at_its_quantiles() {
        let ramp = line((0..101).map(|v| v as f32).collect());
        let found = seeds(&ramp, FOREGROUND_QUANTILE, BACKGROUND_QUANTILE).unwrap();
        assert_eq!((found.high, found.low), (95.0, 30.0));
        assert_eq!(found.foreground.iter().filter(|&&v| v).count(), 5);
        assert_eq!(found.background.iter().filter(|&&v| v).count(), 30);
        let four = seeds(&line(vec![4.0, 1.0, 3.0, 2.0]), 0.9, 0.5).unwrap();
        assert!((four.high - 3.7).abs() <= 1e-6 && four.low == 2.5);
    }

    #[test]
    fn one_value_is_neither() {
        let found = seeds(&line(vec![0.0; 50]), 0.95, 0.3).unwrap();
        assert!(!found.foreground.contains(&true) && !found.background.contains(&true));
        assert!(seeds(&line(vec![1.0, 2.0]), 0.3, 0.95).is_err());
        assert!(seeds(&line(vec![1.0, f32::INFINITY]), 0.95, 0.3).is_err());
    }
}
