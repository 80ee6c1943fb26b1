//! The pictures of keras-vis 0.4.1 (PyPI, July 2017), byte for byte, from a given gradient.
//!
//! `visualize_saliency` takes |g|, the maximum over channels, `(S - min) / (max - min + 1e-7)`, and returns jet colours
//! as bytes. Users then blurred `grads[:, :, 2]` with SciPy, which is the blue channel of the jet picture: it rises
//! with the gradient up to 0.11, is flat to 0.34 and falls to nothing above 0.65, so the strongest pixels come out
//! darkest. [`heat`](crate::heat) is the honest picture; this one is here to be compared with.
//!
//! Exactness: the arithmetic is NumPy 1.x's of the time. `max - min` is float32; adding the Python number 1e-7
//! promotes it to float64; dividing the array by it rounds it back to float32.

use backlit_saliency::{MapOptions, saliency_map_of, smooth};

use crate::{Colormap, FigureError};

/// Standard deviation of the blur that was put over the blue channel, pixels.
pub const SIGMA: f64 = 5.0;

/// Every stage from the gradient to the blurred picture, all of `height` x `width`.
#[derive(Clone, Debug, PartialEq)]
pub struct KerasVis {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The normalised map, 0 to just below 1, `[height, width]`.
    pub saliency: Vec<f32>,
    /// What `visualize_saliency` returns: jet colours, `[height, width, 3]`, RGB.
    pub heatmap: Vec<u8>,
    /// `heatmap[:, :, 2]`, `[height, width]`.
    pub blue: Vec<u8>,
    /// `scipy.ndimage.gaussian_filter(heatmap[:, :, 2], sigma=5)`, `[height, width]`.
    pub smooth: Vec<u8>,
}

impl KerasVis {
    /// All stages from `gradient`, `[height, width, 3]`; the order of its channels does not matter.
    ///
    /// # Errors
    /// [`FigureError::GradientLength`] when the gradient has another number of values, or none;
    /// [`FigureError::Map`] when one is not finite; [`FigureError::Smooth`] should the blur be refused.
    pub fn from_gradient(gradient: &[f32], height: usize, width: usize) -> Result<KerasVis, FigureError> {
        let expected = height.saturating_mul(width).saturating_mul(3);
        if expected == 0 || gradient.len() != expected {
            return Err(FigureError::GradientLength { height, width, found: gradient.len() });
        }
        // The defaults are keras-vis' own: |g|, maximum over channels, scaled.
        let sharp = MapOptions { sigma: 0.0, ..MapOptions::default() };
        let saliency = saliency_map_of(gradient, height, width, &sharp)?.map.values;
        let heatmap = heatmap(&saliency);
        let blue = blue(&heatmap);
        let smooth = smooth::gaussian_u8(&blue, height, width, SIGMA, smooth::TRUNCATE)?;
        Ok(KerasVis { height, width, saliency, heatmap, blue, smooth })
    }
}

/// Jet colours of a normalised map: `np.uint8(jet(map)[..., :3] * 255)`, three bytes a value.
pub fn heatmap(saliency: &[f32]) -> Vec<u8> {
    saliency.iter().flat_map(|&value| Colormap::Jet.color(value)).collect()
}

/// The third byte of every pixel.
pub fn blue(heatmap: &[u8]) -> Vec<u8> {
    heatmap.iter().skip(2).step_by(3).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_channels_does_not_matter() {
        let gradient = [1.0, -4.0, 2.0, 0.5, 0.0, -0.25, -1.0, 2.0, -2.5];
        let map = |gradient: &[f32]| KerasVis::from_gradient(gradient, 1, 3).unwrap().saliency;
        let swapped: Vec<f32> = gradient.chunks(3).flat_map(|g| [g[2], g[1], g[0]]).collect();
        assert_eq!(map(&swapped), map(&gradient));
        assert_eq!(map(&gradient)[1], 0.0);
        let nan = KerasVis::from_gradient(&[f32::NAN; 3], 1, 1);
        assert!(matches!(nan, Err(FigureError::Map(_))));
    }

    #[test]
    fn blue_follows_the_jet_table() {
        let values = [0.0, 28.0, 29.0, 87.0, 165.0, 166.0, 256.0].map(|index| index / 256.0);
        assert_eq!(blue(&heatmap(&values)), [127, 254, 255, 254, 2, 0, 0]);
        assert_eq!(heatmap(&[0.5, f32::NAN]), [124, 255, 121, 0, 0, 0]);
    }

    #[test]
    fn stages_belong_together_and_lengths_are_checked() {
        let gradient: Vec<f32> = (0..6 * 5 * 3).map(|n| ((n * 37) % 91) as f32 - 45.0).collect();
        let all = KerasVis::from_gradient(&gradient, 6, 5).unwrap();
        assert_eq!(all.heatmap, heatmap(&all.saliency));
        assert_eq!(all.smooth, smooth::gaussian_u8(&blue(&all.heatmap), 6, 5, SIGMA, smooth::TRUNCATE).unwrap());
        for (height, width, len) in [(6, 5, 89), (0, 5, 0), (5, 5, 90), (usize::MAX, 2, 90)] {
            let error = KerasVis::from_gradient(&gradient[..len], height, width).unwrap_err();
            assert!(matches!(error, FigureError::GradientLength { .. }), "{error}");
        }
    }
}
