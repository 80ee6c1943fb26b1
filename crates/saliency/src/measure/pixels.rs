//! Insertion and deletion: does the class come and go with the pixels that the map names first?
//!
//! Petsiuk, Das and Saenko 2018, "RISE" (arXiv:1806.07421), with the settings of its published code: pixels in falling
//! order of the map, a row of 224 at a time, the softmax of the class after each step, both end points included.
//! Deletion ends at the mean colour, insertion begins with the blurred picture.

use backlit_net::{CHANNELS, Engine, SIDE};

use super::error::{flat, plane};
use super::forward::confidences;
use super::{Curve, MeasureError, Measured, Undefined, blur, order};
use crate::{Map, Run, Subject};

/// Pixels that change at a time in RISE's code: one row's worth.
pub const STEP: usize = SIDE;

/// Takes the pixels away in falling order of `map`, `step` at a time, leaving the mean colour (a zero tensor).
/// **Lower is better**: where the map is right the class is soon gone.
///
/// `1 + ceil(50,176 / step)` forward passes.
///
/// # Errors
/// [`MeasureError`]. A flat map has no order: [`Undefined::FlatMap`].
pub fn deletion(
    engine: &dyn Engine,
    subject: &Subject<'_>,
    map: &Map,
    class: usize,
    step: usize,
    run: &Run<'_>,
) -> Result<Measured<Curve>, MeasureError> {
    let image = subject.image()?.data();
    curve(engine, image, &vec![0.0; image.len()], map, class, step, run)
}

/// Brings the pixels back in falling order of `map`, `step` at a time, beginning with the picture under an 11 x 11
/// Gaussian of sigma 5. **Higher is better**: where the map is right the class is soon there.
///
/// `1 + ceil(50,176 / step)` forward passes.
///
/// # Errors
/// [`MeasureError`]. A flat map has no order: [`Undefined::FlatMap`].
pub fn insertion(
    engine: &dyn Engine,
    subject: &Subject<'_>,
    map: &Map,
    class: usize,
    step: usize,
    run: &Run<'_>,
) -> Result<Measured<Curve>, MeasureError> {
    let image = subject.image()?.data();
    curve(engine, &blur::blurred(image), image, map, class, step, run)
}

/// From one picture to the other, the map's highest pixels first.
fn curve(
    engine: &dyn Engine,
    from: &[f32],
    to: &[f32],
    map: &Map,
    class: usize,
    step: usize,
    run: &Run<'_>,
) -> Result<Measured<Curve>, MeasureError> {
    let values = plane(map)?;
    if step == 0 {
        return Err(MeasureError::Setting { name: "the step", found: "0".into(), expected: "at least one pixel" });
    }
    if flat(values) {
        return Ok(Err(Undefined::FlatMap));
    }
    let places = order::places(values);
    let steps = values.len().div_ceil(step);
    let changed = |i: usize| i.saturating_mul(step).min(values.len());
    let found = confidences(engine, class, steps + 1, run, |i, copy| {
        copy.copy_from_slice(from);
        let changed = changed(i);
        for (pixel, _) in places.iter().enumerate().filter(|&(_, &place)| place < changed) {
            let at = pixel * CHANNELS;
            copy[at..at + CHANNELS].copy_from_slice(&to[at..at + CHANNELS]);
        }
        Ok(())
    })?;
    Ok(Ok(Curve {
        shares: (0..=steps).map(|i| changed(i) as f64 / values.len() as f64).collect(),
        probabilities: found.iter().map(|c| c.probability).collect(),
    }))
}
