//! XRAI: regions ranked by integrated gradients.

mod dilate;
mod felzenszwalb;
mod rank;
mod segments;

use backlit_net::{CHANNELS, SIDE};
use serde::Serialize;

pub use self::rank::{Ranked, Ranking};
pub use self::segments::Segments;
use super::{Baseline, IntegratedGradients, Quadrature};
use crate::explain::{Attribute, Context};
use crate::{Attribution, Map, Method, MethodError, Progress};

/// Felzenszwalb segments of several scales, taken greedily by the density of integrated gradients in what they add
/// (Kapishnikov et al. 2019, arXiv:1906.02825), as PAIR's saliency computes it.
///
/// The attribution of a pixel is the largest of its channels, after the mean over the baselines. The map gives each
/// pixel the mean attribution of the pixels that were taken together with it; it adds up to the attribution.
///
/// PAIR's own baselines, unless it is given others, are the smallest and the largest value of the preprocessed picture,
/// in all channels alike ([`Baseline::Lowest`], [`Baseline::Highest`]). Here they are black and white, as in the paper.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Xrai {
    /// Steps of the integrated gradients from each baseline.
    pub steps: usize,
    /// Where the steps lie and what they weigh.
    pub quadrature: Quadrature,
    /// The baselines, whose attributions are averaged; at least one.
    pub baselines: Vec<Baseline>,
    /// Scales of the segmentations; the colours of the picture range from -1 to 1. At least one.
    pub scales: Vec<f64>,
    /// Standard deviation of the smoothing before segmentation, in pixels.
    pub sigma: f64,
    /// Smallest segment, in pixels.
    pub min_size: usize,
    /// Radius by which segments are dilated, in pixels.
    pub dilation: usize,
    /// Segments that add fewer pixels are passed over; at least 1.
    pub min_added: usize,
    /// How segments are ranked.
    pub ranking: Ranking,
}

impl Default for Xrai {
    /// PAIR's defaults but for the baselines: 100 steps, both ends included; scales 50 to 1200; at least 50 pixels
    /// added.
    fn default() -> Self {
        Xrai {
            steps: 100,
            quadrature: Quadrature::Inclusive,
            baselines: vec![Baseline::Black, Baseline::White],
            scales: vec![50.0, 100.0, 150.0, 250.0, 500.0, 1200.0],
            sigma: 0.8,
            min_size: 150,
            dilation: 5,
            min_added: 50,
            ranking: Ranking::Full,
        }
    }
}

impl Xrai {
    fn check(&self) -> Result<(), MethodError> {
        let bad = |what, found: String, expected: &str| {
            Err(MethodError::Parameter { method: Method::Xrai, what, found, expected: expected.into() })
        };
        if self.baselines.is_empty() {
            return bad("baselines", "none".into(), "give at least one, for example black");
        }
        if self.scales.is_empty() {
            return bad("scales", "none".into(), "give at least one, for example 100");
        }
        if let Some(scale) = self.scales.iter().find(|s| !(**s >= 0.0 && s.is_finite())) {
            return bad("scales", scale.to_string(), "give scales of 0 or more");
        }
        if !(0.0..=SIDE as f64).contains(&self.sigma) {
            return bad("sigma", self.sigma.to_string(), "give 0 to 224 pixels");
        }
        if self.dilation > SIDE {
            return bad("dilation", self.dilation.to_string(), "give 0 to 224 pixels");
        }
        if self.min_added == 0 {
            return bad("min_added", "0".into(), "give at least 1 pixel");
        }
        Ok(())
    }

    /// Segments a picture as the network sees it, `[224, 224, 3]`; its values are stretched to -1 ... 1 first.
    ///
    /// # Errors
    /// [`MethodError::Parameter`].
    pub fn segments(&self, tensor: &[f32]) -> Result<Segments, MethodError> {
        self.check()?;
        Ok(Segments::new(tensor, self))
    }
}

impl Attribute for Xrai {
    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        let segments = self.segments(context.subject.tensor)?;
        let mut sums = vec![vec![0f64; SIDE * SIDE * CHANNELS]; context.objectives.len()];
        for (index, baseline) in self.baselines.iter().enumerate() {
            // One bar for all baselines; a stop is noticed by the run within.
            let tell = |p: Progress| {
                let _ = context.run.step(index * p.total + p.done, self.baselines.len() * p.total);
            };
            let run = context.run.with_progress(&tell);
            let (steps, quadrature, baseline) = (self.steps, self.quadrature, baseline.clone());
            let found = IntegratedGradients { steps, quadrature, baseline }.attribute(&context.with_run(&run))?;
            for (sum, found) in sums.iter_mut().zip(found) {
                sum.iter_mut().zip(&found.values.values).for_each(|(sum, &v)| *sum += f64::from(v));
            }
        }
        let attribution = |sum: Vec<f64>| {
            let largest = |pixel: &[f64]| pixel.iter().fold(f64::NEG_INFINITY, |m, &v| m.max(v));
            let pixels: Vec<f64> =
                sum.chunks_exact(CHANNELS).map(|p| largest(p) / self.baselines.len() as f64).collect();
            let values = segments.rank(&pixels).values.iter().map(|&v| v as f32).collect();
            let values = Map { height: SIDE, width: SIDE, channels: 1, values };
            Attribution { samples: self.steps * self.baselines.len(), ..Attribution::of(values) }
        };
        Ok(sums.into_iter().map(attribution).collect())
    }
}

#[cfg(test)]
mod tests;
