//! Explaining: several methods and several scores, from as few passes as possible.

use backlit_net::engine::{Answer, Ask, TapGradients};
use backlit_net::{CLASSES, Engine, EngineError, IMAGE_LEN, Images, Rule, Seeds, Tap};

use crate::methods::{BaselineError, NoisyMoments};
use crate::smooth::SmoothError;
use crate::{Attribution, Cancelled, Explained, MapError, Objective, Recipe, Run, Subject};

/// Why a method has no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MethodError {
    /// The engine refused.
    #[error(transparent)]
    Engine(EngineError),
    /// There is no such baseline.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// The values make no map.
    #[error(transparent)]
    Map(#[from] MapError),
    /// A picture cannot be blurred like that.
    #[error(transparent)]
    Smooth(#[from] SmoothError),
    /// The caller stopped it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// A parameter that cannot be used.
    #[error("{method}: {what} is {found}: {expected}")]
    Parameter {
        /// The method.
        method: crate::Method,
        /// The parameter, for example `steps`.
        what: &'static str,
        /// What was given.
        found: String,
        /// What would do.
        expected: String,
    },
    /// A request for nothing.
    #[error("the request names no {what}: name at least one")]
    Nothing {
        /// `method`, `objective` or `image`.
        what: &'static str,
    },
}

impl From<EngineError> for MethodError {
    fn from(error: EngineError) -> MethodError {
        match error {
            EngineError::Stopped => MethodError::Cancelled(Cancelled),
            error => MethodError::Engine(error),
        }
    }
}

/// Explains every subject: for every recipe, an attribution for every objective.
///
/// All that can be had from one forward pass of a picture is had from one: the gradients of every rule for every
/// objective, and the activations and gradients of every tap. Subjects share that pass as a batch; methods that need
/// many copies then take the pictures one by one. A picture that fails is its own error; the others go on.
///
/// # Errors
/// [`MethodError`] if there is nothing to do, or the engine refuses the batch as a whole.
pub fn explain(
    engine: &dyn Engine,
    subjects: &[Subject<'_>],
    objectives: &[Objective],
    recipes: &[Recipe],
    run: &Run<'_>,
) -> Result<Vec<Result<Explained, MethodError>>, MethodError> {
    for (what, nothing) in
        [("image", subjects.is_empty()), ("objective", objectives.is_empty()), ("method", recipes.is_empty())]
    {
        if nothing {
            return Err(MethodError::Nothing { what });
        }
    }
    let mut needs = Needs::default();
    recipes.iter().for_each(|recipe| recipe.as_attribute().needs(&mut needs));
    let mut all = Vec::new();
    for batch in subjects.chunks(run.batch()) {
        let shared = ask(engine, batch, objectives, &needs)?;
        for (index, &subject) in batch.iter().enumerate() {
            let logits = &shared.logits[index * CLASSES..][..CLASSES];
            // From here on the classes are what they are for the untouched picture.
            let fixed: Vec<Objective> = objectives.iter().map(|o| o.fixed(logits)).collect();
            let context = Context {
                engine,
                subject,
                logits,
                objectives: &fixed,
                run,
                noisy: NoisyMoments::default(),
                needs: &needs,
                shared: &shared,
                index,
            };
            let attributions: Result<Vec<_>, MethodError> =
                recipes.iter().map(|recipe| recipe.as_attribute().attribute(&context)).collect();
            all.push(attributions.map(|attributions| Explained {
                logits: logits.to_vec(),
                objectives: fixed.clone(),
                attributions,
            }));
        }
    }
    Ok(all)
}

fn ask(
    engine: &dyn Engine,
    subjects: &[Subject<'_>],
    objectives: &[Objective],
    needs: &Needs,
) -> Result<Answer, MethodError> {
    let mut tensor = Vec::with_capacity(subjects.len() * IMAGE_LEN);
    for subject in subjects {
        tensor.extend_from_slice(subject.image()?.data());
    }
    let write = |_: usize, logits: &[f32], rows: &mut [f32]| write_seeds(objectives, logits, rows);
    let seeds = Seeds::FromLogits { per_image: objectives.len(), write: &write };
    let question = Ask { seeds, input: &needs.rules, taps: &needs.taps, features: false };
    Ok(engine.ask(Images::new(&tensor)?, &question)?)
}

/// One row of cotangents for every objective; `rows` is `[objectives, 1000]`.
pub(crate) fn write_seeds(objectives: &[Objective], logits: &[f32], rows: &mut [f32]) {
    for (objective, row) in objectives.iter().zip(rows.chunks_exact_mut(CLASSES)) {
        objective.write_seed(logits, row);
    }
}

/// What recipes want of the pass that they share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Needs {
    rules: Vec<Rule>,
    taps: Vec<Tap>,
}

impl Needs {
    /// The input gradient under a rule.
    pub(crate) fn rule(&mut self, rule: Rule) {
        if !self.rules.contains(&rule) {
            self.rules.push(rule);
        }
    }

    /// Activation and gradient at a tap.
    pub(crate) fn tap(&mut self, tap: Tap) {
        if !self.taps.contains(&tap) {
            self.taps.push(tap);
        }
    }
}

/// A recipe that can be followed. One file in `methods/` for each family.
pub(crate) trait Attribute {
    /// Says what it wants of the shared pass; by default nothing but the logits.
    fn needs(&self, _needs: &mut Needs) {}

    /// One attribution for every objective of the context.
    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError>;
}

/// One picture, with what the shared pass said about it.
pub(crate) struct Context<'a> {
    /// Who computes.
    pub(crate) engine: &'a dyn Engine,
    /// The picture.
    pub(crate) subject: Subject<'a>,
    /// `[1000]`, of the untouched picture.
    pub(crate) logits: &'a [f32],
    /// The scores asked about; their targets are classes, no longer ranks, so that a changed copy of the picture is
    /// asked about the same class as the picture.
    pub(crate) objectives: &'a [Objective],
    /// How to run.
    pub(crate) run: &'a Run<'a>,
    /// What recipes have found out over noisy copies, for the recipes after them.
    pub(crate) noisy: NoisyMoments,
    needs: &'a Needs,
    shared: &'a Answer,
    /// Of the picture in the shared pass.
    index: usize,
}

/// Activation and gradients of one picture at a tap.
pub(crate) struct TapView<'a> {
    /// Rows and columns.
    pub(crate) side: usize,
    /// Channels.
    pub(crate) channels: usize,
    /// `[side, side, channels]`.
    pub(crate) activation: &'a [f32],
    /// `[objectives, side, side, channels]`.
    gradients: &'a [f32],
}

impl<'a> TapView<'a> {
    /// `[side, side, channels]`: the gradient of one objective.
    pub(crate) fn gradient(&self, objective: usize) -> &'a [f32] {
        let len = self.activation.len();
        &self.gradients[objective * len..][..len]
    }
}

impl<'a> Context<'a> {
    /// The same question, run in another way: for a method that is made of others.
    pub(crate) fn with_run<'b>(&self, run: &'b Run<'b>) -> Context<'b>
    where
        'a: 'b,
    {
        let &Context { engine, subject, logits, objectives, needs, shared, index, .. } = self;
        Context { engine, subject, logits, objectives, run, noisy: NoisyMoments::default(), needs, shared, index }
    }

    /// The input gradient `[224, 224, 3]` of an objective under a rule that the recipe said it needs.
    pub(crate) fn gradient(&self, rule: Rule, objective: usize) -> &'a [f32] {
        let at = self.needs.rules.iter().position(|&r| r == rule).expect("a rule that the recipe needs");
        &self.shared.input[at][(self.index * self.objectives.len() + objective) * IMAGE_LEN..][..IMAGE_LEN]
    }

    /// What lies at a tap that the recipe said it needs.
    pub(crate) fn tap(&self, tap: Tap) -> TapView<'a> {
        let at = self.needs.taps.iter().position(|&t| t == tap).expect("a tap that the recipe needs");
        let found: &'a TapGradients = &self.shared.taps[at];
        let len = found.side * found.side * found.channels;
        let objectives = self.objectives.len();
        TapView {
            side: found.side,
            channels: found.channels,
            activation: &found.activation[self.index * len..][..len],
            gradients: &found.gradient[self.index * objectives * len..][..objectives * len],
        }
    }

    /// Fills the seeds of a copy of the picture from that copy's logits: for [`Seeds::FromLogits`] with one row an
    /// objective.
    pub(crate) fn write_seeds(&self) -> impl Fn(usize, &[f32], &mut [f32]) + Sync + 'a {
        let objectives = self.objectives;
        move |_, logits, rows| write_seeds(objectives, logits, rows)
    }
}
