//! Activation maximisation: not why a photograph has a class, but what picture would have most of it.
//!
//! [`maximise`] climbs the score of a class, or the sum of several, from noise or from nothing, in one of two ways:
//! [`KerasVis`] is keras-vis' `visualize_activation`, [`ClassModel`] that of Simonyan et al. 2013 (arXiv:1312.6034).
//! Both work in grey levels; an affine map takes them to the values that the network was trained on.
//!
//! ```
//! use backlit_saliency::activation::{Ascent, ClassModel, KerasVis};
//!
//! let ascent = Ascent::KerasVis(KerasVis { jitter: 0.05, ..KerasVis::default() });
//! assert_eq!((ascent.steps(), ascent.name()), (200, "keras-vis"));
//! assert_eq!(Ascent::from(ClassModel::default()).name(), "simonyan");
//! ```

mod class_model;
mod error;
mod keras_vis;
mod loss;
mod picture;
#[cfg(test)]
mod tests;

pub use class_model::ClassModel;
pub use error::ActivationError;
pub use keras_vis::{KerasVis, Normalization};
pub use loss::{lp_norm, total_variation};

use backlit_net::preprocess::Preprocessing;
use backlit_net::{CLASSES, Engine, Images, Rule, Seeds};
use serde::Serialize;

use crate::{Cancelled, Run};

/// A way to climb, with its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ascent {
    /// keras-vis' `visualize_activation`.
    KerasVis(KerasVis),
    /// Simonyan's class model.
    ClassModel(ClassModel),
}

impl From<KerasVis> for Ascent {
    fn from(options: KerasVis) -> Ascent {
        Ascent::KerasVis(options)
    }
}

impl From<ClassModel> for Ascent {
    fn from(options: ClassModel) -> Ascent {
        Ascent::ClassModel(options)
    }
}

impl Ascent {
    /// Steps, each of them one gradient.
    pub fn steps(&self) -> usize {
        match self {
            Ascent::KerasVis(options) => options.steps,
            Ascent::ClassModel(options) => options.steps,
        }
    }

    /// `keras-vis` or `simonyan`.
    pub fn name(&self) -> &'static str {
        match self {
            Ascent::KerasVis(_) => "keras-vis",
            Ascent::ClassModel(_) => "simonyan",
        }
    }

    /// The picture of a tensor on the way, `[224, 224, 3]` 8-bit RGB, by the rule of the way.
    pub fn picture(&self, tensor: &[f32], preprocessing: Preprocessing) -> Vec<u8> {
        match self {
            Ascent::KerasVis(_) => picture::standardised(tensor, preprocessing),
            Ascent::ClassModel(_) => preprocessing.to_rgb(tensor),
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivationImage {
    /// The picture, `[224, 224, 3]` 8-bit RGB.
    pub rgb: Vec<u8>,
    /// The network's input that it was made from, `[224, 224, 3]`.
    pub tensor: Vec<f32>,
    /// What was minimised, before each step: penalties less the score.
    pub losses: Vec<f64>,
    /// The score, before each step: the sum of the logits of the classes.
    pub scores: Vec<f64>,
}

/// One step, as it is told.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Steps taken, from 1.
    pub step: usize,
    /// What was minimised, before this step.
    pub loss: f64,
    /// The sum of the logits of the classes, before this step.
    pub score: f64,
    /// The network's input after this step, `[224, 224, 3]`.
    pub tensor: &'a [f32],
}

/// Called after every step; may stop.
pub type OnStep<'a> = dyn FnMut(&Step<'_>) -> Result<(), Cancelled> + 'a;

/// Climbs the sum of the logits of `classes`.
///
/// # Errors
/// [`ActivationError`]: no class or one that does not exist, an unusable parameter, a picture that leaves the range of
/// numbers, a stop, or a refusal of the engine.
pub fn maximise(
    engine: &dyn Engine,
    classes: &[usize],
    ascent: &Ascent,
    preprocessing: Preprocessing,
    run: &Run<'_>,
    on_step: &mut OnStep<'_>,
) -> Result<ActivationImage, ActivationError> {
    if classes.is_empty() {
        return Err(ActivationError::NoClass);
    }
    if let Some(&class) = classes.iter().find(|&&class| class >= CLASSES) {
        return Err(ActivationError::Class { class });
    }
    if ascent.steps() == 0 {
        return Err(ActivationError::parameter("steps", 0, "give at least one"));
    }
    let mut climb = Climb { engine, classes, run, on_step, steps: ascent.steps(), losses: vec![], scores: vec![] };
    let tensor = match ascent {
        Ascent::KerasVis(options) => options.climb(preprocessing, &mut climb)?,
        Ascent::ClassModel(options) => options.climb(preprocessing, &mut climb)?,
    };
    let Climb { losses, scores, .. } = climb;
    Ok(ActivationImage { rgb: ascent.picture(&tensor, preprocessing), tensor, losses, scores })
}

/// What both ways do in every step.
struct Climb<'a, 'b> {
    engine: &'a dyn Engine,
    classes: &'a [usize],
    run: &'a Run<'a>,
    on_step: &'a mut OnStep<'b>,
    steps: usize,
    losses: Vec<f64>,
    scores: Vec<f64>,
}

impl Climb<'_, '_> {
    /// The sum of the classes' logits, and its gradient.
    fn score(&self, tensor: &[f32]) -> Result<(f64, Vec<f32>), ActivationError> {
        let mut seed = vec![0f32; CLASSES];
        self.classes.iter().for_each(|&class| seed[class] = 1.0);
        let seeds = Seeds::Rows { data: &seed, per_image: 1 };
        let found = self.engine.gradient(Images::new(tensor)?, seeds, Rule::Plain)?;
        let logits = found.logits_of(0);
        let score = (0..CLASSES).filter(|&class| seed[class] != 0.0).map(|class| f64::from(logits[class])).sum();
        Ok((score, found.gradient))
    }

    /// Notes a step that was taken, and tells it.
    fn took(&mut self, loss: f64, score: f64, tensor: &[f32]) -> Result<(), ActivationError> {
        self.losses.push(loss);
        self.scores.push(score);
        let step = self.losses.len();
        (self.on_step)(&Step { step, loss, score, tensor })?;
        Ok(self.run.step(step, self.steps)?)
    }
}
