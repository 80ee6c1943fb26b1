//! The [`Engine`] contract, met by its [`Passes`].

use backlit_net::arch::Network;
use backlit_net::engine::question::{self, Found, Question};
use backlit_net::engine::{
    Answer, Ask, ConvGradient, EngineInfo, Features, Gradients, Head, Logits, Precision, TapGradients,
};
use backlit_net::relevance::Propagate;
use backlit_net::weights::Weights;
use backlit_net::{Engine, EngineError, Images, Rule, Seeds, Tap};

use crate::answer::{answer, resume};
use crate::options::{CpuError, CpuOptions, prepare, within};
use crate::plan::{Place, Plan};
use crate::precision::{self, TileChoice};
use crate::relevance::CpuLrp;
use crate::run::Passes;

/// ResNet-50 on the CPU.
pub struct Cpu {
    network: &'static Network,
    plan: Passes,
    precision: Precision,
    /// Who computes, for reports.
    isa: String,
    pool: Option<rayon::ThreadPool>,
    lrp: Option<CpuLrp>,
}

impl Cpu {
    /// Folds and packs the weights of a file for this processor.
    ///
    /// # Errors
    /// [`CpuError`] if there is no such instruction set or the processor lacks it, or that of the precision, or threads
    /// cannot be started.
    pub fn new(weights: &Weights, options: CpuOptions) -> Result<Cpu, CpuError> {
        let precision = options.precision.unwrap_or(Precision::F32);
        Cpu::with(weights, options, precision, precision::choice(&options)?)
    }

    /// With any recipe, for whoever explores what precision costs. `float_forward`: forward in float32 all the same.
    ///
    /// # Errors
    /// As [`Cpu::new`].
    #[doc(hidden)]
    pub fn with_recipe(
        weights: &Weights,
        options: CpuOptions,
        recipe: crate::layers::Recipe,
        float_forward: bool,
    ) -> Result<Cpu, CpuError> {
        Cpu::with(weights, options, Precision::Mixed, Some(TileChoice { recipe, float_forward }))
    }

    fn with(
        weights: &Weights,
        options: CpuOptions,
        precision: Precision,
        choice: Option<TileChoice>,
    ) -> Result<Cpu, CpuError> {
        let (level, token, pool) = prepare(options)?;
        let (plan, isa) = match choice {
            None => (
                within(pool.as_ref(), || Passes::Floats(Box::new(Plan::new(weights, token, options.dead_code)))),
                token.level().to_string(),
            ),
            Some(choice) => {
                let (machine, isa) = precision::machine((level, token), options.software_tiles, precision)?;
                (within(pool.as_ref(), || choice.passes(weights, machine, options.dead_code)), isa)
            }
        };
        Ok(Cpu { network: weights.network(), plan, precision, isa, pool, lrp: None })
    }

    /// Multiply-adds that the tiles do for one image, forward and back, for whoever predicts their time.
    #[doc(hidden)]
    pub fn tile_macs(&self) -> [u64; 2] {
        self.plan.tile_macs()
    }

    /// With what hands relevance down, made from the same weights; it is large, so an engine has none by itself.
    pub fn with_relevance(self, lrp: CpuLrp) -> Cpu {
        Cpu { lrp: Some(lrp), ..self }
    }

    fn answer(&self, images: Images<'_>, question: &Question<'_>) -> Result<Found, EngineError> {
        within(self.pool.as_ref(), || answer(&self.plan, self.network, images, question, false, &mut |_, _, _| ()))
    }
}

impl Engine for Cpu {
    fn info(&self) -> EngineInfo {
        let threads = self.pool.as_ref().map_or_else(rayon::current_num_threads, |p| p.current_num_threads());
        EngineInfo { name: "cpu", precision: self.precision, isa: self.isa.clone(), threads }
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
