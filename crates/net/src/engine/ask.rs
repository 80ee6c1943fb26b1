//! Several questions about the same images, so that one forward pass may serve them all.

use super::{Engine, EngineError, Images, Rule, Seeds, Tap, TapGradients};

/// What is to be known about a batch of images.
///
/// With no rule and no tap nothing is sent back, and the seeds are not looked at.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// Which combinations of logits are sent back.
    pub seeds: Seeds<'a>,
    /// Rules under which the gradient goes down to the image.
    pub input: &'a [Rule],
    /// Blocks at which activation and plain gradient are read, in any order.
    pub taps: &'a [Tap],
    /// Whether the last block's output is wanted.
    pub features: bool,
}

/// The answers, each with the bytes that the method for that question alone gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// `[n, 1000]`.
    pub logits: Vec<f32>,
    /// For each of [`Ask::input`], `[n, seeds_per_image, 224, 224, 3]`, as [`Engine::gradient`] gives it.
    pub input: Vec<Vec<f32>>,
    /// For each of [`Ask::taps`], as [`Engine::gradient_at`] gives it under [`Rule::Plain`].
    pub taps: Vec<TapGradients>,
    /// `[n, 7, 7, 2048]`, as [`Engine::features`] gives it, if [`Ask::features`].
    pub features: Option<Vec<f32>>,
    /// Seeds an image.
    pub seeds_per_image: usize,
}

impl Ask<'_> {
    /// Whether anything is sent back.
    pub fn goes_back(&self) -> bool {
        !self.input.is_empty() || !self.taps.is_empty()
    }

    /// The blocks of [`Ask::taps`], after checking the seeds for `images` images.
    ///
    /// # Errors
    /// [`EngineError::NoSuchBlock`], or what [`Seeds::check`] refuses if anything is sent back.
    pub fn check(&self, images: usize) -> Result<Vec<usize>, EngineError> {
        let blocks = self.taps.iter().map(|tap| tap.block()).collect::<Result<_, _>>()?;
        if self.goes_back() {
            self.seeds.check(images)?;
        }
        Ok(blocks)
    }
}

/// [`Engine::ask`] by way of the methods for single questions.
pub(super) fn one_by_one<E: Engine + ?Sized>(
    engine: &E,
    images: Images<'_>,
    ask: &Ask<'_>,
) -> Result<Answer, EngineError> {
    ask.check(images.len())?;
    let mut logits = None;
    let mut input = Vec::with_capacity(ask.input.len());
    for &rule in ask.input {
        let found = engine.gradient(images, ask.seeds, rule)?;
        logits = Some(found.logits);
        input.push(found.gradient);
    }
    let tap = |&tap: &Tap| engine.gradient_at(images, ask.seeds, Rule::Plain, tap);
    let taps: Vec<TapGradients> = ask.taps.iter().map(tap).collect::<Result<_, _>>()?;
    let features = ask.features.then(|| engine.features(images)).transpose()?;
    let features = features.map(|found| {
        logits.get_or_insert(found.logits);
        found.data
    });
    let logits = match (logits, taps.first()) {
        (Some(logits), _) => logits,
        (None, Some(tap)) => tap.logits.clone(),
        (None, None) => engine.predict(images)?.data,
    };
    Ok(Answer { logits, input, taps, features, seeds_per_image: ask.seeds.per_image() })
}
