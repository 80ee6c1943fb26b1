//! Maps: from a gradient to one number a pixel.

use backlit_net::{CHANNELS, SIDE};
use serde::Serialize;

use crate::normalize::{min_max, min_max_normalize};
use crate::smooth::{self, SmoothError};
use crate::{Method, Modifier, Reduction};

/// Numbers on a grid of pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Numbers a pixel: 1, or 3 for maps that kept their channels.
    pub channels: usize,
    /// `[height, width, channels]`.
    pub values: Vec<f32>,
}

impl Map {
    /// Smallest and largest value; `None` for an empty map or one that holds a NaN.
    pub fn min_max(&self) -> Option<(f32, f32)> {
        min_max(&self.values)
    }
}

/// How a gradient becomes a map, in the order in which it happens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MapOptions {
    /// First: elementwise.
    pub modifier: Modifier,
    /// Second: over channels.
    pub reduction: Reduction,
    /// Third: stretch to 0..1 by `(v - min) / (max - min + 1e-7)`.
    pub normalize: bool,
    /// Last: standard deviation of the Gaussian in pixels, 0 for none.
    pub sigma: f64,
    /// Where the Gaussian is cut off, in standard deviations.
    pub truncate: f64,
}

impl Default for MapOptions {
    /// `|g|`, maximum over channels, normalised, smoothed with sigma 5 cut off at 4 sigma.
    fn default() -> Self {
        MapOptions {
            modifier: Modifier::default(),
            reduction: Reduction::default(),
            normalize: true,
            sigma: 5.0,
            truncate: smooth::TRUNCATE,
        }
    }
}

impl MapOptions {
    /// What suits a method: the default for values of pixels; for coarse maps nothing but normalisation, since their
    /// sign has been dealt with and there is nothing to smooth.
    pub fn for_method(method: Method) -> MapOptions {
        let options = MapOptions::default();
        match method.is_coarse() {
            true => MapOptions { modifier: Modifier::None, sigma: 0.0, ..options },
            false => options,
        }
    }
}

/// A map, and what normalisation would otherwise hide.
#[derive(Clone, Debug, PartialEq)]
pub struct SaliencyMap {
    /// The map. Smoothing comes after normalisation, so its own largest value is usually well below 1.
    pub map: Map,
    /// Smallest value before normalisation and smoothing.
    pub raw_min: f32,
    /// Largest value before normalisation and smoothing.
    pub raw_max: f32,
    /// The map is constant and shows nothing: every pixel matters as much as any other, as when the score does not
    /// depend on the picture at all. Normalised, such a map is all zero.
    pub blank: bool,
}

/// A gradient that makes no map.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// Not one gradient.
    #[error("a gradient is {height} x {width} x 3 floats, found {found}: pass the gradient of one seed of one image")]
    Length {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Floats passed.
        found: usize,
    },
    /// A NaN or an infinity in the gradient.
    #[error(
        "the gradient holds {value} at row {row}, column {column}, channel {channel}: every element must be finite"
    )]
    NonFinite {
        /// Row.
        row: usize,
        /// Column.
        column: usize,
        /// Channel in the network's order.
        channel: usize,
        /// The value found.
        value: f32,
    },
    /// Finite going in, not finite coming out.
    #[error(
        "modifier {modifier} with reduction {reduction} leaves the range of float32 (values {min} to {max}): \
         choose another modifier, for example absolute"
    )]
    Overflow {
        /// The modifier.
        modifier: Modifier,
        /// The reduction.
        reduction: Reduction,
        /// Smallest value made.
        min: f32,
        /// Largest value made.
        max: f32,
    },
    /// A sigma or a cut-off that cannot be used.
    #[error(transparent)]
    Smooth(#[from] SmoothError),
}

/// Turns the gradient of one score, `[224, 224, 3]`, into a map: modifier, channel reduction, normalisation, smoothing.
///
/// Before smoothing, the default is keras-vis' `visualize_saliency` (`|g|`, maximum over channels, min-max), bit for
/// bit with the NumPy of its time. keras-vis does not smooth.
///
/// # Errors
/// [`MapError`]: wrong length, a NaN or infinity, an overflow on the way, or an unusable sigma.
pub fn saliency_map(gradient: &[f32], options: &MapOptions) -> Result<SaliencyMap, MapError> {
    saliency_map_of(gradient, SIDE, SIDE, options)
}

/// [`saliency_map`] for a gradient of another shape, `[height, width, 3]`.
///
/// # Errors
/// [`MapError`].
pub fn saliency_map_of(
    gradient: &[f32],
    height: usize,
    width: usize,
    options: &MapOptions,
) -> Result<SaliencyMap, MapError> {
    if gradient.is_empty() || height.checked_mul(width).and_then(|n| n.checked_mul(CHANNELS)) != Some(gradient.len()) {
        return Err(MapError::Length { height, width, found: gradient.len() });
    }
    let values = Map { height, width, channels: CHANNELS, values: gradient.to_vec() };
    saliency_map_from(&values, options)
}

/// [`saliency_map`] for what any method found, with one number a place or three; a single one is not reduced.
///
/// # Errors
/// [`MapError`].
pub fn saliency_map_from(found: &Map, options: &MapOptions) -> Result<SaliencyMap, MapError> {
    let MapOptions { modifier, reduction, normalize, sigma, truncate } = *options;
    let Map { height, width, channels, ref values } = *found;
    if let Some(at) = values.iter().position(|g| !g.is_finite()) {
        let (pixel, channel) = (at / channels, at % channels);
        return Err(MapError::NonFinite { row: pixel / width, column: pixel % width, channel, value: values[at] });
    }
    let modified: Vec<f32> = values.iter().map(|&g| modifier.apply(g)).collect();
    let mut values = if channels == 1 { modified } else { reduction.apply(&modified, channels) };
    let (min, max) = match min_max(&values) {
        // The width must be finite too, or normalisation would divide infinity by infinity.
        Some((min, max)) if (max - min).is_finite() => (min, max),
        range => {
            let (min, max) = range.unwrap_or((f32::NAN, f32::NAN));
            return Err(MapError::Overflow { modifier, reduction, min, max });
        }
    };
    if normalize {
        min_max_normalize(&mut values, min, max);
    }
    let channels = if channels == 1 { 1 } else { reduction.channels(channels) };
    let map = Map { height, width, channels, values };
    Ok(SaliencyMap { map: smooth::gaussian(&map, sigma, truncate)?, raw_min: min, raw_max: max, blank: min == max })
}

#[cfg(test)]
mod tests {
    use backlit_net::IMAGE_LEN;

    use super::*;

    /// A gradient with both signs, no two pixels alike.
    fn gradient() -> Vec<f32> {
        (0..IMAGE_LEN).map(|i| (i as f32 * 0.37).sin() * (1.0 + i as f32 / IMAGE_LEN as f32)).collect()
    }

    fn raw() -> MapOptions {
        MapOptions { normalize: false, sigma: 0.0, ..MapOptions::default() }
    }

    #[test]
    fn the_default_before_smoothing_is_keras_vis() {
        let g = gradient();
        let out = saliency_map(&g, &MapOptions { sigma: 0.0, ..MapOptions::default() }).unwrap();
        let pixels: Vec<f32> = g.chunks(3).map(|p| p[0].abs().max(p[1].abs()).max(p[2].abs())).collect();
        let min = pixels.iter().copied().fold(f32::MAX, f32::min);
        let max = pixels.iter().copied().fold(0.0, f32::max);
        assert_eq!((out.raw_min, out.raw_max, out.blank), (min, max, false));
        assert_eq!((out.map.height, out.map.width, out.map.channels), (224, 224, 1));
        let divisor = (f64::from(max - min) + 1e-7) as f32;
        assert_eq!(out.map.values, pixels.iter().map(|v| (v - min) / divisor).collect::<Vec<_>>());
        assert_eq!(out.map.min_max().unwrap().0, 0.0);
    }

    #[test]
    fn smoothing_comes_after_normalisation() {
        let g = gradient();
        let sharp = saliency_map(&g, &MapOptions { sigma: 0.0, ..MapOptions::default() }).unwrap();
        let smoothed = saliency_map(&g, &MapOptions::default()).unwrap();
        assert_eq!(smoothed.map, smooth::gaussian(&sharp.map, 5.0, 4.0).unwrap());
        assert_eq!((smoothed.raw_min, smoothed.raw_max), (sharp.raw_min, sharp.raw_max));
    }

    #[test]
    fn three_channels_are_normalised_jointly() {
        let g = gradient();
        let options = MapOptions { reduction: Reduction::None, modifier: Modifier::None, sigma: 0.0, ..raw() };
        let out = saliency_map(&g, &MapOptions { normalize: true, ..options }).unwrap();
        assert_eq!(out.map.channels, 3);
        assert_eq!(out.map.values.len(), IMAGE_LEN);
        let (min, max) = min_max(&g).unwrap();
        assert_eq!((out.raw_min, out.raw_max), (min, max));
        assert!((out.map.values[1000] - (g[1000] - min) / (max - min)).abs() <= 1e-6);
        assert_eq!(saliency_map(&g, &options).unwrap().map.values, g, "neither changed nor normalised");
    }

    #[test]
    fn constant_gradients_are_blank_and_never_nan() {
        for &modifier in Modifier::ALL {
            for &reduction in Reduction::ALL {
                for g in [0.0f32, -0.25, 3.0, 1e-38] {
                    let options = MapOptions { modifier, reduction, ..MapOptions::default() };
                    let out = saliency_map(&[g; IMAGE_LEN], &options).unwrap();
                    assert!(out.blank, "{modifier} {reduction} {g}");
                    assert_eq!(out.raw_min, out.raw_max);
                    assert!(out.map.values.iter().all(|&v| v == 0.0), "{modifier} {reduction} {g}");
                }
            }
        }
        let out = saliency_map(&[-0.25; IMAGE_LEN], &raw()).unwrap();
        assert_eq!((out.blank, out.map.values[0]), (true, 0.25), "unnormalised values are left alone");
    }

    #[test]
    fn one_pixel_above_zero_is_not_blank() {
        let mut g = vec![0.0; IMAGE_LEN];
        g[70_000] = 1e-30;
        let out = saliency_map(&g, &MapOptions::default()).unwrap();
        assert!(!out.blank && out.map.values.iter().all(|v| v.is_finite() && *v < 1e-20), "faint stays faint");
    }

    #[test]
    fn bad_gradients() {
        for len in [0, 3, IMAGE_LEN - 1, 2 * IMAGE_LEN] {
            let error = saliency_map(&vec![0.0; len], &MapOptions::default()).unwrap_err();
            assert_eq!(error, MapError::Length { height: SIDE, width: SIDE, found: len });
        }
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut g = gradient();
            g[(10 * 224 + 20) * 3 + 2] = value;
            match saliency_map(&g, &MapOptions::default()).unwrap_err() {
                MapError::NonFinite { row: 10, column: 20, channel: 2, value: v } => {
                    assert_eq!(v.to_bits(), value.to_bits())
                }
                other => panic!("{other}"),
            }
        }
        for sigma in [-1.0, f64::NAN, f64::INFINITY, 1e9] {
            let options = MapOptions { sigma, ..MapOptions::default() };
            assert!(matches!(saliency_map(&gradient(), &options), Err(MapError::Smooth(_))), "{sigma}");
        }
    }

    #[test]
    fn overflow_is_an_error_not_a_nan() {
        let mut g = vec![0.0; IMAGE_LEN];
        (g[0], g[1], g[2], g[3]) = (f32::MAX, f32::MAX, f32::MAX, f32::MIN);
        for (modifier, reduction) in [(Modifier::None, Reduction::Sum), (Modifier::None, Reduction::None)] {
            let error = saliency_map(&g, &MapOptions { modifier, reduction, ..raw() }).unwrap_err();
            assert!(matches!(error, MapError::Overflow { .. }) && !error.to_string().contains('\n'), "{error}");
        }
        let mut g = gradient();
        g[5] = -1e-7;
        for modifier in [Modifier::Invert, Modifier::SmallValues] {
            let error = saliency_map(&g, &MapOptions { modifier, ..MapOptions::default() }).unwrap_err();
            assert!(matches!(error, MapError::Overflow { .. }), "1 / 0");
        }
    }

    #[test]
    fn small_grids() {
        let out = saliency_map_of(&[1.0, -4.0, 2.0], 1, 1, &MapOptions::default()).unwrap();
        assert_eq!((out.raw_max, out.blank, out.map.values), (4.0, true, vec![0.0]));
    }

    #[test]
    fn options_as_json() {
        let json = serde_json::to_string(&MapOptions::default()).unwrap();
        let expected = r#"{"modifier":"absolute","reduction":"max","normalize":true,"sigma":5.0,"truncate":4.0}"#;
        assert_eq!(json, expected);
    }
}
