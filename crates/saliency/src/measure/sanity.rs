//! Sanity check by cascading randomisation: a map that stays the same when the network forgets what it learned explains
//! the picture, not the network.
//!
//! Adebayo et al. 2018, "Sanity Checks for Saliency Maps" (arXiv:1810.03292). Layers lose their weights from the top
//! down, one after the other, and each time the map is compared with the trained network's.

use serde::Serialize;

use super::error::plane;
use super::{MeasureError, Measured, spearman, ssim};
use crate::{Map, Run};

/// How much of a map is left. **Lower is better**: the map depends on what was randomised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// Spearman's rank correlation of the values as they are.
    pub spearman: Measured,
    /// Spearman's rank correlation of their magnitudes.
    pub spearman_abs: Measured,
    /// Structural similarity after dividing each map by its largest magnitude.
    pub ssim: Measured,
}

impl Similarity {
    /// Of two maps `[224, 224, 1]`.
    ///
    /// # Errors
    /// [`MeasureError`] for maps that cannot be compared; what is undefined of a flat map is marked so.
    pub fn of(a: &Map, b: &Map) -> Result<Similarity, MeasureError> {
        let (x, y) = (plane(a)?, plane(b)?);
        let magnitudes = |v: &[f32]| v.iter().map(|v| v.abs()).collect::<Vec<f32>>();
        let (mx, my) = (magnitudes(x), magnitudes(y));
        let unit = |m: &Map, magnitudes: &[f32]| {
            let largest = f64::from(magnitudes.iter().copied().fold(0.0, f32::max));
            let scale = |&v: &f32| if largest > 0.0 { (f64::from(v) / largest) as f32 } else { 0.0 };
            Map { values: m.values.iter().map(scale).collect(), ..*m }
        };
        Ok(Similarity {
            spearman: spearman(x, y),
            spearman_abs: spearman(&mx, &my),
            ssim: ssim(&unit(a, &mx), &unit(b, &my)),
        })
    }
}

/// One step of the cascade.
#[derive(Clone, Debug, PartialEq)]
pub struct CascadeStep {
    /// The last layer that was randomised; all above it are too.
    pub layer: String,
    /// What is left of the map.
    pub similarity: Similarity,
}

/// A cascade as rows for files: `Some` where a measure is defined.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CascadeRow {
    /// The last layer that was randomised.
    pub layer: String,
    /// Rank correlation.
    pub spearman: Option<f64>,
    /// Rank correlation of the magnitudes.
    pub spearman_abs: Option<f64>,
    /// Structural similarity.
    pub ssim: Option<f64>,
}

impl From<&CascadeStep> for CascadeRow {
    fn from(step: &CascadeStep) -> CascadeRow {
        let Similarity { spearman, spearman_abs, ssim } = step.similarity;
        let layer = step.layer.clone();
        CascadeRow { layer, spearman: spearman.ok(), spearman_abs: spearman_abs.ok(), ssim: ssim.ok() }
    }
}

/// Runs the cascade. `layers` names them from the top down; `map_of(k)` is the map, `[224, 224, 1]`, of the network
/// whose layers `0..=k` have random weights, for the class that the *trained* network was asked about. `trained` is the
/// map of the network as it is. One explanation a layer.
///
/// # Errors
/// [`MeasureError`], and whatever `map_of` returns.
pub fn cascade<E: From<MeasureError>>(
    trained: &Map,
    layers: &[String],
    run: &Run<'_>,
    mut map_of: impl FnMut(usize) -> Result<Map, E>,
) -> Result<Vec<CascadeStep>, E> {
    let mut steps = Vec::with_capacity(layers.len());
    for (k, layer) in layers.iter().enumerate() {
        let similarity = Similarity::of(trained, &map_of(k)?)?;
        steps.push(CascadeStep { layer: layer.clone(), similarity });
        run.step(k + 1, layers.len()).map_err(MeasureError::from)?;
    }
    Ok(steps)
}
