//! Forward passes of changed copies, a batch at a time.

use backlit_net::{CLASSES, Engine, IMAGE_LEN, Images};
use rayon::prelude::*;

use super::MeasureError;
use crate::predictions::softmax;
use crate::{Run, Score, Subject, Target};

/// What the network says about one class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence {
    /// The class.
    pub class: usize,
    /// Its score before the softmax.
    pub logit: f64,
    /// Its softmax.
    pub probability: f64,
}

impl Confidence {
    pub(super) fn of(logits: &[f32], class: usize) -> Confidence {
        Confidence { class, logit: logits[class].into(), probability: softmax(logits)[class] }
    }

    /// The score of that kind.
    pub fn score(&self, score: Score) -> f64 {
        match score {
            Score::Logit => self.logit,
            Score::Probability => self.probability,
        }
    }
}

/// What the network says about the untouched picture: the class that all measures of it then follow. One forward pass.
///
/// # Errors
/// [`MeasureError::Engine`].
pub fn confidence(engine: &dyn Engine, subject: &Subject<'_>, target: Target) -> Result<Confidence, MeasureError> {
    let logits = engine.predict(subject.image()?)?;
    Ok(Confidence::of(logits.row(0), target.resolve(logits.row(0))))
}

/// Refuses a class that does not exist.
pub(super) fn check_class(class: usize) -> Result<(), MeasureError> {
    if class < CLASSES { Ok(()) } else { Err(MeasureError::Class { found: class }) }
}

/// What the network says about `class` in each of `total` copies; `make(i, copy)` writes copy i, `[224, 224, 3]`, and
/// is called on several threads at once. Memory holds one batch.
pub(super) fn confidences(
    engine: &dyn Engine,
    class: usize,
    total: usize,
    run: &Run<'_>,
    make: impl Fn(usize, &mut [f32]) -> Result<(), MeasureError> + Sync,
) -> Result<Vec<Confidence>, MeasureError> {
    check_class(class)?;
    let mut found = Vec::with_capacity(total);
    let mut copies = vec![0f32; run.batch().min(total) * IMAGE_LEN];
    while found.len() < total {
        let first = found.len();
        let batch = &mut copies[..run.batch().min(total - first) * IMAGE_LEN];
        let made = batch.par_chunks_exact_mut(IMAGE_LEN).enumerate();
        made.map(|(i, copy)| make(first + i, copy)).collect::<Result<(), MeasureError>>()?;
        let images = Images::new(batch)?;
        let logits = engine.predict(images)?;
        found.extend((0..images.len()).map(|i| Confidence::of(logits.row(i), class)));
        run.step(found.len(), total)?;
    }
    Ok(found)
}
