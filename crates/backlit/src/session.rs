//! A session: one network, loaded, with everything that stands between a photograph and an answer.

use backlit_cpu::isa::Level;
use backlit_cpu::{Cpu, CpuError, CpuLrp, CpuOptions};
use backlit_net::engine::Precision;
use backlit_net::photo::Photo;
use backlit_net::preprocess::{Grid, Input, Preprocess};
use backlit_net::weights::Weights;
use backlit_net::{Engine, EngineError, Images, Variant};
use backlit_reference::Reference;
use backlit_saliency::{
    Attribution, Explained, MapOptions, Method, MethodError, Objective, Prediction, Recipe, Run, SaliencyMap, Subject,
    explain, saliency_map_from, top_k,
};

/// Which engine computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EngineChoice {
    /// The fastest that this machine has.
    #[default]
    Auto,
    /// The fast CPU engine.
    Cpu,
    /// The oracle, in plain loops: slow.
    Reference,
}

/// How to load a network.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionOptions {
    /// The engine.
    pub engine: EngineChoice,
    /// The arithmetic; `None` takes single precision, or double for the reference.
    pub precision: Option<Precision>,
    /// Threads of the CPU engine; `None` takes those of the rayon pool that the caller is in.
    pub threads: Option<usize>,
    /// Instruction set of the CPU engine; `None` takes the best.
    pub level: Option<Level>,
    /// How photographs are brought to 224 x 224; `None` takes what the variant was published with.
    pub grid: Option<Grid>,
    /// Whether the CPU engine shall be able to hand relevance down, for [`Method::Lrp`]: 300 MB more. The reference
    /// always is.
    pub relevance: bool,
}

/// Why a session could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The CPU engine could not be made.
    #[error(transparent)]
    Cpu(#[from] CpuError),
    /// The engine has no such arithmetic.
    #[error("the {engine} engine has no precision `{precision}`: it computes in {available}")]
    Precision {
        /// The engine.
        engine: &'static str,
        /// Asked for.
        precision: &'static str,
        /// What it has.
        available: &'static str,
    },
}

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
        let (engine, sha256) = rayon::join(|| engine(weights, options), || weights.sha256().to_owned());
        let model = Model {
            variant: weights.variant(),
            epsilon: weights.epsilon(),
            source: weights.source().to_owned(),
            weights_sha256: sha256,
        };
        let grid = options.grid.unwrap_or_else(|| Grid::default_for(weights.variant()));
        let preprocess = Preprocess { preprocessing: weights.preprocessing(), grid };
        Ok(Session { engine: engine?, preprocess, model })
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

fn engine(weights: &Weights, options: SessionOptions) -> Result<Box<dyn Engine>, SessionError> {
    match (options.engine, options.precision) {
        (EngineChoice::Auto | EngineChoice::Cpu, None | Some(Precision::F32)) => {
            let how = CpuOptions { threads: options.threads, level: options.level };
            let engine = Cpu::new(weights, how)?;
            Ok(Box::new(match options.relevance {
                true => engine.with_relevance(CpuLrp::new(weights, how)?),
                false => engine,
            }))
        }
        (EngineChoice::Reference, None | Some(Precision::F64)) => Ok(Box::new(Reference::<f64>::new(weights))),
        (EngineChoice::Reference, Some(Precision::F32)) => Ok(Box::new(Reference::<f32>::new(weights))),
        (EngineChoice::Auto | EngineChoice::Cpu, Some(other)) => {
            Err(SessionError::Precision { engine: "cpu", precision: other.as_str(), available: "f32" })
        }
        (EngineChoice::Reference, Some(other)) => {
            Err(SessionError::Precision { engine: "reference", precision: other.as_str(), available: "f64 and f32" })
        }
    }
}
