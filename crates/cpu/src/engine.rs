//! The [`Engine`] contract, met by a [`Plan`].

use backlit_net::arch::Network;
use backlit_net::engine::question::{self, Found, Question};
use backlit_net::engine::{
    Answer, Ask, ConvGradient, EngineInfo, Features, Gradients, Head, Logits, Precision, TapGradients,
};
use backlit_net::relevance::Propagate;
use backlit_net::weights::Weights;
use backlit_net::{Engine, EngineError, Images, Rule, Seeds, Tap};

use crate::answer::{answer, resume};
use crate::isa::{Level, Token};
use crate::plan::{Place, Plan};
use crate::relevance::CpuLrp;

/// How to run.
#[derive(Clone, Copy, Debug)]
pub struct CpuOptions {
    /// Threads; `None` takes those of the rayon pool that the caller is in.
    pub threads: Option<usize>,
    /// Instruction set; `None` takes the best that the processor has.
    pub level: Option<Level>,
    /// Whether pixels that no later layer reads are left out of the last blocks of stages 2, 3 and 4 of v1. It changes
    /// no result. A question about those very blocks is answered without it.
    pub dead_code: bool,
}

impl Default for CpuOptions {
    /// All threads of the caller's pool, the best instruction set, no pixel that nobody reads.
    fn default() -> CpuOptions {
        CpuOptions { threads: None, level: None, dead_code: true }
    }
}

/// Why an engine could not be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CpuError {
    /// The instruction set asked for is not there.
    #[error("this processor has no `{asked}`: the best it has is `{best}`")]
    NoSuchLevel {
        /// Asked for.
        asked: Level,
        /// Available.
        best: Level,
    },
    /// The threads could not be started.
    #[error(
        "{threads} threads could not be started ({reason}): ask for at least one and at most what the system allows"
    )]
    Threads {
        /// Asked for.
        threads: usize,
        /// What the system said.
        reason: String,
    },
}

/// ResNet-50 on the CPU, in single precision.
pub struct Cpu {
    network: &'static Network,
    plan: Plan,
    token: Token,
    pool: Option<rayon::ThreadPool>,
    lrp: Option<CpuLrp>,
}

impl Cpu {
    /// Folds and packs the weights of a file for this processor.
    ///
    /// # Errors
    /// [`CpuError`] if the processor lacks the instruction set asked for, or threads cannot be started.
    pub fn new(weights: &Weights, options: CpuOptions) -> Result<Cpu, CpuError> {
        let (token, pool) = prepare(options)?;
        let plan = within(pool.as_ref(), || Plan::new(weights, token, options.dead_code));
        Ok(Cpu { network: weights.network(), plan, token, pool, lrp: None })
    }

    /// With what hands relevance down, made from the same weights; it is large, so an engine has none by itself.
    pub fn with_relevance(self, lrp: CpuLrp) -> Cpu {
        Cpu { lrp: Some(lrp), ..self }
    }

    fn answer(&self, images: Images<'_>, question: &Question<'_>) -> Result<Found, EngineError> {
        within(self.pool.as_ref(), || answer(&self.plan, self.network, images, question, false, &mut |_, _, _| ()))
    }
}

/// The instruction set and the threads asked for.
pub(crate) fn prepare(options: CpuOptions) -> Result<(Token, Option<rayon::ThreadPool>), CpuError> {
    let best = Level::best();
    let level = options.level.unwrap_or(best);
    let token = level.token().ok_or(CpuError::NoSuchLevel { asked: level, best })?;
    Ok((token, options.threads.map(start_threads).transpose()?))
}

fn start_threads(threads: usize) -> Result<rayon::ThreadPool, CpuError> {
    // Zero would mean "as many as there are" to rayon.
    let error = |reason: String| CpuError::Threads { threads, reason };
    if threads == 0 {
        return Err(error("none can do the work".into()));
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| error(e.to_string()))
}

pub(crate) fn within<R: Send>(pool: Option<&rayon::ThreadPool>, f: impl FnOnce() -> R + Send) -> R {
    match pool {
        Some(pool) => pool.install(f),
        None => f(),
    }
}

impl Engine for Cpu {
    fn info(&self) -> EngineInfo {
        let threads = self.pool.as_ref().map_or_else(rayon::current_num_threads, |p| p.current_num_threads());
        EngineInfo { name: "cpu", precision: Precision::F32, isa: self.token.level().as_str().into(), threads }
    }

    fn propagator(&self) -> Result<&dyn Propagate, EngineError> {
        self.lrp.as_ref().map(|lrp| lrp as &dyn Propagate).ok_or(EngineError::NoRelevance)
    }

    fn network(&self) -> &'static Network {
        self.network
    }

    fn predict(&self, images: Images<'_>) -> Result<Logits, EngineError> {
        question::predict(|question| self.answer(images, question))
    }

    fn gradient(&self, images: Images<'_>, seeds: Seeds<'_>, rule: Rule) -> Result<Gradients, EngineError> {
        question::gradient(images, seeds, rule, |question| self.answer(images, question))
    }

    fn features(&self, images: Images<'_>) -> Result<Features, EngineError> {
        question::features(|question| self.answer(images, question))
    }

    fn gradient_at(
        &self,
        images: Images<'_>,
        seeds: Seeds<'_>,
        rule: Rule,
        tap: Tap,
    ) -> Result<TapGradients, EngineError> {
        question::gradient_at(self.network, images, seeds, rule, tap, |question| self.answer(images, question))
    }

    fn ask(&self, images: Images<'_>, ask: &Ask<'_>) -> Result<Answer, EngineError> {
        question::ask(self.network, images, ask, |question| self.answer(images, question))
    }

    fn head(&self) -> Result<Head<'_>, EngineError> {
        let (weight, bias) = self.plan.head();
        Ok(Head { weight: weight.into(), bias: bias.into() })
    }

    fn resume(&self, tap: Tap, activations: &[f32]) -> Result<Logits, EngineError> {
        let outputs = tap.outputs_in(self.network, activations)?;
        Ok(Logits { data: within(self.pool.as_ref(), || resume(&self.plan, outputs, activations))? })
    }

    fn conv_gradients(
        &self,
        image: Images<'_>,
        seeds: Seeds<'_>,
        rule: Rule,
        see: &mut (dyn FnMut(ConvGradient<'_>) + Send),
    ) -> Result<Gradients, EngineError> {
        image.check_one()?;
        let biases = self.plan.biases();
        let mut show = |seed, place, gradient: &[f32]| {
            if let Place::Conv(conv) = place {
                see(ConvGradient { conv, seed, bias: &biases[conv], gradient });
            }
        };
        question::gradient(image, seeds, rule, |question| {
            within(self.pool.as_ref(), || answer(&self.plan, self.network, image, question, true, &mut show))
        })
    }
}
