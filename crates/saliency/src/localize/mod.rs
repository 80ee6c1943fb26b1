//! Localisation: where a map says that the object is.
//!
//! - [`locate`]: the box around the largest connected part above a share of the map's maximum. Grad-CAM (Selvaraju et
//!   al. 2016, arXiv:1610.02391) takes 15 %, the CAM paper (Zhou et al. 2015, arXiv:1512.04150) 20 %;
//! - [`seeds`]: the pixels that are surely object and surely background by quantiles, with which Simonyan et al. 2013
//!   (arXiv:1312.6034) start their segmentation: above the 95 % quantile, below the 30 % quantile.

mod components;
mod seeds;

pub use components::{Component, Connectivity, components, largest_component};
pub use seeds::{BACKGROUND_QUANTILE, FOREGROUND_QUANTILE, Seeds, seeds};

use crate::Map;

/// Grad-CAM's share of the maximum.
pub const GRADCAM_THRESHOLD: f64 = 0.15;
/// The CAM paper's share of the maximum.
pub const CAM_THRESHOLD: f64 = 0.20;

/// A question that a map cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LocalizeError {
    /// A share or a quantile that is none.
    #[error("{found} is no share: it must lie between 0 and 1")]
    Share {
        /// As it was passed.
        found: f64,
    },
    /// A map that is not one finite number a pixel.
    #[error(
        "a map to look for objects in has one finite number a pixel, found {channels} channels and {found} numbers"
    )]
    Map {
        /// Channels.
        channels: usize,
        /// Numbers, those that are not finite left out.
        found: usize,
    },
}

/// The largest connected part of `map` that is at least `share` of its maximum; `None` if nothing in it is positive.
///
/// Negative values count as nothing, whatever the share.
///
/// # Errors
/// [`LocalizeError`].
pub fn locate(map: &Map, share: f64, connectivity: Connectivity) -> Result<Option<Component>, LocalizeError> {
    check(map, &[share])?;
    let most = map.values.iter().copied().fold(0f32, f32::max);
    if most <= 0.0 {
        return Ok(None);
    }
    let least = share * f64::from(most);
    let inside: Vec<bool> = map.values.iter().map(|&v| v > 0.0 && f64::from(v) >= least).collect();
    Ok(largest_component(&inside, map.height, map.width, connectivity))
}

/// One finite number a pixel, and shares that are some.
fn check(map: &Map, shares: &[f64]) -> Result<(), LocalizeError> {
    let found = map.values.iter().filter(|v| v.is_finite()).count();
    if map.channels != 1 || found == 0 || found != map.height * map.width || found != map.values.len() {
        return Err(LocalizeError::Map { channels: map.channels, found });
    }
    match shares.iter().find(|share| !(0.0..=1.0).contains(*share)) {
        Some(&found) => Err(LocalizeError::Share { found }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Bounds;

    fn map(height: usize, width: usize, values: impl Fn(usize, usize) -> f32) -> Map {
        let values = (0..height * width).map(|p| values(p / width, p % width)).collect();
        Map { height, width, channels: 1, values }
    }

    #[test]
    fn the_larger_part_wins_over_the_brighter() {
        let planted = map(20, 30, |r, c| match (r, c) {
            (3..6, 4..10) => 0.2, // 18 pixels
            (12..14, 20..22) => 1.0,
            _ => 0.1,
        });
        let found = locate(&planted, GRADCAM_THRESHOLD, Connectivity::Eight).unwrap().unwrap();
        assert_eq!(found.bounds, Bounds { top: 3, bottom: 6, left: 4, right: 10 });
        assert_eq!(found.pixels.len(), 18);
        let strict = locate(&planted, 0.5, Connectivity::Eight).unwrap().unwrap();
        assert_eq!(strict.bounds, Bounds { top: 12, bottom: 14, left: 20, right: 22 });
        assert_eq!(locate(&planted, 0.05, Connectivity::Four).unwrap().unwrap().pixels.len(), 600);
        let at_the_threshold = map(1, 3, |_, c| [1.0, 0.5, 0.49][c]);
        assert_eq!(locate(&at_the_threshold, 0.5, Connectivity::Four).unwrap().unwrap().pixels, [0, 1]);
    }

    #[test]
    fn maps_with_nothing_in_them() {
        for value in [0.0, -0.0, -1.0] {
            for share in [0.0, 0.15, 1.0] {
                assert_eq!(locate(&map(4, 4, |_, _| value), share, Connectivity::Eight), Ok(None), "{value} {share}");
            }
        }
        let signed = map(2, 2, |r, c| [[-5.0, 1.0], [0.0, -0.5]][r][c]);
        assert_eq!(locate(&signed, 0.0, Connectivity::Eight).unwrap().unwrap().pixels, [1]);
    }

    #[test]
    fn bad_questions() {
        let good = map(2, 2, |_, _| 1.0);
        for share in [-0.1, 1.1, f64::NAN] {
            assert!(matches!(locate(&good, share, Connectivity::Four), Err(LocalizeError::Share { .. })));
        }
        for bad in [
            Map { channels: 3, ..good.clone() },
            Map { height: 3, ..good.clone() },
            Map { height: 0, width: 0, channels: 1, values: vec![] },
            map(2, 2, |r, _| if r == 0 { f32::NAN } else { 1.0 }),
        ] {
            assert!(matches!(locate(&bad, 0.15, Connectivity::Four), Err(LocalizeError::Map { .. })));
        }
    }
}
