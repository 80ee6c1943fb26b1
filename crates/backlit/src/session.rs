//! A session: one network, loaded, with everything that stands between a photograph and an answer.

use backlit_net::photo::Photo;
use backlit_net::preprocess::{Grid, Input, Preprocess};
use backlit_net::weights::Weights;
use backlit_net::{Engine, EngineError, Images, Variant};
use backlit_saliency::{
    Attribution, Explained, MapOptions, Method, MethodError, Objective, Prediction, Recipe, Run, SaliencyMap, Subject,
    explain, saliency_map_from, top_k,
};

use crate::engine::{self, SessionError, SessionOptions};

/// What a weights file said about itself, kept for reports.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Which ResNet-50.
    pub variant: Variant,
    /// What BatchNorm added to the variance.
    pub epsilon: f64,
    /// Where the weights come from.
    pub source: String,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub weights_sha256: String,
}

/// What to explain, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// The methods with their parameters; a map for each.
    pub recipes: Vec<Recipe>,
    /// Which scores; a map for each, from the same forward pass.
    pub objectives: Vec<Objective>,
    /// How what a recipe finds becomes a map, in the order of the recipes. Where it ends,
    /// [`MapOptions::for_method`] goes on.
    pub maps: Vec<MapOptions>,
}

impl Default for Request {
    /// The gradient of the top class's logit, as a smoothed map.
    fn default() -> Request {
        Request { recipes: vec![Recipe::new(Method::Gradient)], objectives: vec![Objective::default()], maps: vec![] }
    }
}

impl Request {
    /// Methods with their default parameters, about the logit of the top class.
    pub fn of(methods: &[Method]) -> Request {
        Request { recipes: methods.iter().map(|&m| Recipe::new(m)).collect(), ..Request::default() }
    }

    /// How what recipe number `index` finds becomes a map.
    ///
    /// # Panics
    /// If there are not so many recipes.
    pub fn map_options(&self, index: usize) -> MapOptions {
        self.maps.get(index).copied().unwrap_or_else(|| MapOptions::for_method(self.recipes[index].method()))
    }
}

/// What the network said about an image, and why.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// `[1000]`, before the softmax.
    pub logits: Vec<f32>,
    /// For every recipe, every objective.
    pub maps: Vec<ExplainedMap>,
}

/// One map.
#[derive(Clone, Debug)]
pub struct ExplainedMap {
    /// The method with its parameters.
    pub recipe: Recipe,
    /// The score explained, as it was asked for.
    pub objective: Objective,
    /// The class that its target turned out to be.
    pub class_idx: usize,
    /// The class that it was compared with.
    pub against_idx: Option<usize>,
    /// What the method found, before anything was done for the eye.
    pub attribution: Attribution,
    /// How a map was made of it.
    pub options: MapOptions,
    /// The map made of it.
    pub saliency: SaliencyMap,
}

impl ExplainedMap {
    /// Its method.
    pub fn method(&self) -> Method {
        self.recipe.method()
    }
}

impl Explanation {
    /// The `k` best classes.
    pub fn predictions(&self, k: usize) -> Vec<Prediction> {
        top_k(&self.logits, k)
    }
}

/// A network ready to classify and explain photographs.
pub struct Session {
    engine: Box<dyn Engine>,
    remark: Option<String>,
    preprocess: Preprocess,
    model: Model,
}

impl Session {
    /// Folds and packs a weights file for an engine.
    ///
    /// # Errors
    /// [`SessionError`] if this machine or this engine lacks what the options ask for.
    pub fn new(weights: &Weights, options: SessionOptions) -> Result<Session, SessionError> {
        // Neither waits for the other.
        let (chosen, sha256) = rayon::join(|| engine::load(weights, &options), || weights.sha256().to_owned());
        let model = Model {
            variant: weights.variant(),
            epsilon: weights.epsilon(),
            source: weights.source().to_owned(),
            weights_sha256: sha256,
        };
        let grid = options.grid.unwrap_or_else(|| Grid::default_for(weights.variant()));
        let preprocess = Preprocess { preprocessing: weights.preprocessing(), grid };
        let (engine, remark) = chosen?;
        Ok(Session { engine, remark, preprocess, model })
    }

    /// What [`EngineChoice::Auto`](crate::EngineChoice::Auto) chose where there was something to choose: the GPU that
    /// computes, or why the one that there is does not.
    pub fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    /// The engine, for questions beyond these.
    pub fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// How photographs are brought into the network's shape.
    pub fn preprocess(&self) -> Preprocess {
        self.preprocess
    }

    /// The weights.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Brings a photograph into the network's shape.
    pub fn prepare(&self, photo: &Photo) -> Input {
        self.preprocess.prepare(photo)
    }

    /// The `k` best classes of a photograph.
    ///
    /// # Errors
    /// Those of [`Engine::predict`].
    pub fn classify(&self, input: &Input, k: usize) -> Result<Vec<Prediction>, EngineError> {
        let logits = self.engine.predict(Images::new(&input.tensor)?)?;
        Ok(top_k(logits.row(0), k))
    }

    /// A photograph that was made ready, as methods take it.
    pub fn subject<'a>(&self, input: &'a Input) -> Subject<'a> {
        Subject::new(input, self.preprocess.preprocessing)
    }

    /// Explains one photograph.
    ///
    /// # Errors
    /// [`MethodError`].
    pub fn explain(&self, input: &Input, request: &Request) -> Result<Explanation, MethodError> {
        self.explain_with(input, request, &Run::default())
    }

    /// Explains one photograph, telling how far it has come and stopping when asked to: see [`Run`].
    ///
    /// # Errors
    /// [`MethodError`].
    pub fn explain_with(&self, input: &Input, request: &Request, run: &Run<'_>) -> Result<Explanation, MethodError> {
        let mut all = self.explain_batch(&[self.subject(input)], request, run)?;
        all.pop().unwrap_or(Err(MethodError::Nothing { what: "image" }))
    }

    /// Explains several photographs. All that one forward pass can tell is had from one, for all recipes and objectives;
    /// [`Run::batch`] says how many images go through the network together and never changes a result.
    ///
    /// # Errors
    /// [`MethodError`] if the batch cannot be computed; what fails for one photograph is that one's error alone.
    pub fn explain_batch(
        &self,
        subjects: &[Subject<'_>],
        request: &Request,
        run: &Run<'_>,
    ) -> Result<Vec<Result<Explanation, MethodError>>, MethodError> {
        let found = explain(self.engine(), subjects, &request.objectives, &request.recipes, run)?;
        Ok(found.into_iter().map(|one| explanation(request, one?)).collect())
    }
}

/// Makes maps of what was found about one photograph.
fn explanation(request: &Request, found: Explained) -> Result<Explanation, MethodError> {
    let Explained { logits, attributions, .. } = found;
    let mut maps = Vec::with_capacity(request.recipes.len() * request.objectives.len());
    for (index, (recipe, attributions)) in request.recipes.iter().zip(attributions).enumerate() {
        let options = request.map_options(index);
        for (&objective, attribution) in request.objectives.iter().zip(attributions) {
            let (class_idx, against_idx) = objective.classes(&logits);
            let saliency = saliency_map_from(&attribution.values, &options)?;
            let recipe = recipe.clone();
            maps.push(ExplainedMap { recipe, objective, class_idx, against_idx, attribution, options, saliency });
        }
    }
    Ok(Explanation { logits, maps })
}
