//! A session: one network, loaded, with everything that stands between a photograph and an answer.

use backlit_cpu::isa::Level;
use backlit_cpu::{Cpu, CpuError, CpuOptions};
use backlit_net::engine::Precision;
use backlit_net::photo::Photo;
use backlit_net::preprocess::{Grid, Input, Preprocess};
use backlit_net::weights::Weights;
use backlit_net::{CLASSES, Engine, EngineError, Images, Rule, Seeds, Variant};
use backlit_reference::Reference;
use backlit_saliency::{
    MapError, MapOptions, Method, Objective, Prediction, SaliencyMap, Score, Target, saliency_map, top_k,
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

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A request for nothing.
    #[error("the request names no {what}: name at least one")]
    Nothing {
        /// `method` or `objective`.
        what: &'static str,
    },
    /// The gradient makes no map.
    #[error(transparent)]
    Map(#[from] MapError),
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

/// What to explain.
#[derive(Clone, Debug)]
pub struct Request {
    /// How gradients pass the ReLUs, one map for each.
    pub methods: Vec<Method>,
    /// Which scores, one map for each.
    pub objectives: Vec<Objective>,
    /// How a gradient becomes a map.
    pub map: MapOptions,
}

impl Default for Request {
    /// The gradient of the top class's logit, as a smoothed map.
    fn default() -> Request {
        Request {
            methods: vec![Method::Gradient],
            objectives: vec![Objective { target: Target::TOP1, against: None, score: Score::Logit }],
            map: MapOptions::default(),
        }
    }
}

/// What the network said about an image, and why.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// `[1000]`, before the softmax.
    pub logits: Vec<f32>,
    /// For every method, every objective.
    pub maps: Vec<ExplainedMap>,
}

/// One map.
#[derive(Clone, Debug)]
pub struct ExplainedMap {
    /// How gradients passed the ReLUs.
    pub method: Method,
    /// The score explained.
    pub objective: Objective,
    /// The class that its target turned out to be.
    pub class_idx: usize,
    /// The class that it was compared with.
    pub against_idx: Option<usize>,
    /// `[224, 224, 3]`, in the network's channel order.
    pub gradient: Vec<f32>,
    /// The map made of it.
    pub saliency: SaliencyMap,
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

    /// Explains one photograph.
    ///
    /// # Errors
    /// [`ExplainError`].
    pub fn explain(&self, input: &Input, request: &Request) -> Result<Explanation, ExplainError> {
        let mut all = self.explain_batch(&input.tensor, request)?;
        all.pop().unwrap_or(Err(EngineError::EmptyBatch.into()))
    }

    /// Explains `[n, 224, 224, 3]` preprocessed images. All objectives share one forward pass for each method.
    ///
    /// # Errors
    /// [`ExplainError`] if the batch cannot be computed; a map that cannot be made is the error of its image alone.
    #[allow(clippy::type_complexity)]
    pub fn explain_batch(
        &self,
        tensor: &[f32],
        request: &Request,
    ) -> Result<Vec<Result<Explanation, ExplainError>>, ExplainError> {
        let images = Images::new(tensor)?;
        let objectives = &request.objectives;
        if request.methods.is_empty() {
            return Err(ExplainError::Nothing { what: "method" });
        }
        if objectives.is_empty() {
            return Err(ExplainError::Nothing { what: "objective" });
        }
        let write = |_: usize, logits: &[f32], rows: &mut [f32]| {
            for (objective, row) in objectives.iter().zip(rows.chunks_exact_mut(CLASSES)) {
                objective.write_seed(logits, row);
            }
        };
        let seeds = Seeds::FromLogits { per_image: objectives.len(), write: &write };
        let mut all: Vec<Result<Explanation, ExplainError>> = Vec::new();
        for &method in &request.methods {
            let rule: Rule = method.rule();
            let found = self.engine.gradient(images, seeds, rule)?;
            all.resize_with(images.len(), || Ok(Explanation { logits: Vec::new(), maps: Vec::new() }));
            for (i, slot) in all.iter_mut().enumerate() {
                let Ok(explanation) = slot else { continue };
                explanation.logits = found.logits_of(i).to_vec();
                for (k, objective) in objectives.iter().enumerate() {
                    let gradient = found.of(i, k).to_vec();
                    match saliency_map(&gradient, &request.map) {
                        Err(e) => {
                            *slot = Err(e.into());
                            break;
                        }
                        Ok(saliency) => {
                            let (class_idx, against_idx) = objective.classes(&explanation.logits);
                            let objective = *objective;
                            let map = ExplainedMap { method, objective, class_idx, against_idx, gradient, saliency };
                            explanation.maps.push(map);
                        }
                    }
                }
            }
        }
        Ok(all)
    }
}

fn engine(weights: &Weights, options: SessionOptions) -> Result<Box<dyn Engine>, SessionError> {
    match (options.engine, options.precision) {
        (EngineChoice::Auto | EngineChoice::Cpu, None | Some(Precision::F32)) => {
            let options = CpuOptions { threads: options.threads, level: options.level };
            Ok(Box::new(Cpu::new(weights, options)?))
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
