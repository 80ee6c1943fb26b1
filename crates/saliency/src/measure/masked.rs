//! Average drop and increase in confidence: is what the map shows enough for the class?
//!
//! Chattopadhyay et al. 2018, "Grad-CAM++" (arXiv:1710.11063): the image is multiplied by the map and shown again.

use backlit_net::{CHANNELS, Engine};
use serde::Serialize;

use super::error::plane;
use super::forward::{Confidence, confidences};
use super::{MeasureError, Measured, Undefined};
use crate::{Map, Run, Subject};

/// What is left of the class where only the map's bright parts are shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MaskedConfidence {
    /// Probability of the class in the untouched picture.
    pub clean: f64,
    /// Probability of the class in the picture multiplied by the map.
    pub masked: f64,
}

impl MaskedConfidence {
    /// `100 max(0, clean - masked) / clean`, percent of the probability lost. **Lower is better.**
    ///
    /// # Errors
    /// [`Undefined::NoProbability`] if there was none.
    pub fn drop(&self) -> Measured {
        match self.clean > 0.0 {
            true => Ok(100.0 * (self.clean - self.masked).max(0.0) / self.clean),
            false => Err(Undefined::NoProbability),
        }
    }

    /// 1 if the class gains by it, else 0; the mean over pictures is the increase in confidence. **Higher is better.**
    pub fn increase(&self) -> f64 {
        f64::from(u8::from(self.masked > self.clean))
    }
}

/// Multiplies the preprocessed image by the map, scaled to 0..1 by its minimum and maximum, so that what the map leaves
/// out becomes the mean colour. `clean` is what the network says of the untouched picture. One forward pass.
///
/// # Errors
/// [`MeasureError`]. A flat map cannot be scaled: [`Undefined::FlatMap`].
pub fn masked_confidence(
    engine: &dyn Engine,
    subject: &Subject<'_>,
    map: &Map,
    clean: &Confidence,
    run: &Run<'_>,
) -> Result<Measured<MaskedConfidence>, MeasureError> {
    let image = subject.image()?.data();
    let values = plane(map)?;
    let (min, max) =
        values.iter().fold((f64::MAX, f64::MIN), |(low, high), &v| (low.min(v.into()), high.max(v.into())));
    if min == max {
        return Ok(Err(Undefined::FlatMap));
    }
    let found = confidences(engine, clean.class, 1, run, |_, copy| {
        for ((pixel, out), &v) in image.chunks_exact(CHANNELS).zip(copy.chunks_exact_mut(CHANNELS)).zip(values) {
            let share = (f64::from(v) - min) / (max - min);
            for (out, &x) in out.iter_mut().zip(pixel) {
                *out = (f64::from(x) * share) as f32;
            }
        }
        Ok(())
    })?;
    Ok(Ok(MaskedConfidence { clean: clean.probability, masked: found[0].probability }))
}
