//! The [`Engine`] contract, met by a [`Plan`].

use backlit_net::arch::{BLOCKS, Network};
use backlit_net::engine::{
    Answer, Ask, ConvGradient, EngineInfo, Features, Gradients, Head, Logits, Precision, TapGradients,
};
use backlit_net::relevance::Propagate;
use backlit_net::weights::Weights;
use backlit_net::{Engine, EngineError, Images, Rule, Seeds, Tap};

use crate::answer::{Found, Question, answer, resume};
use crate::isa::{Level, Token};
use crate::network::Passes;
use crate::plan::{Pass, Place, Plan};
use crate::precision::{self, TileChoice};
use crate::relevance::CpuLrp;

/// How to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuOptions {
    /// Threads; `None` takes those of the rayon pool that the caller is in.
    pub threads: Option<usize>,
    /// Instruction set; `None` takes the best that the processor has.
    pub level: Option<Level>,
    /// Arithmetic: [`Precision::F32`] (also `None`), or [`Precision::Mixed`] and [`Precision::Half`], which need AMX.
    pub precision: Option<Precision>,
    /// For tests: tiles in software, where [`Precision::Mixed`] and [`Precision::Half`] are exact to the bit and slow.
    #[doc(hidden)]
    pub software_tiles: bool,
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
    /// The arithmetic asked for needs an instruction set that is not there.
    #[error("this processor cannot compute in `{}`: {reason}; ask for `f32`, which every processor has", asked.as_str())]
    NoPrecision {
        /// Asked for.
        asked: Precision,
        /// What is missing.
        reason: String,
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

/// ResNet-50 on the CPU.
pub struct Cpu {
    network: &'static Network,
    plan: Passes,
    precision: Precision,
    /// What multiplies, beside or above the level of the token.
    isa: String,
    pool: Option<rayon::ThreadPool>,
    lrp: Option<CpuLrp>,
}

impl Cpu {
    /// Folds and packs the weights of a file for this processor.
    ///
    /// # Errors
    /// [`CpuError`] if the processor lacks the instruction set asked for, or that of the precision, or threads cannot
    /// be started.
    pub fn new(weights: &Weights, options: CpuOptions) -> Result<Cpu, CpuError> {
        let precision = options.precision.unwrap_or(Precision::F32);
        Cpu::with(weights, options, precision, precision::choice(precision)?)
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
        let (token, pool) = prepare(options)?;
        let level = token.level().as_str();
        let (plan, isa) = match choice {
            None => (within(pool.as_ref(), || Passes::Floats(Plan::new(weights, token))), level.to_string()),
            Some(choice) => {
                let (machine, isa) = precision::machine(token, options.software_tiles, precision)?;
                (within(pool.as_ref(), || choice.passes(weights, machine)), isa)
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
        within(self.pool.as_ref(), || answer(&self.plan, images, question, &mut |_, _, _| ()))
    }

    fn at_tap(&self, index: usize, found: Parts, per_image: usize) -> TapGradients {
        let (block, (logits, activation, gradient)) = (&self.network.blocks[index], found);
        let (side, channels) = (block.side_out(), block.c_out());
        TapGradients { logits, side, channels, activation, gradient, seeds_per_image: per_image }
    }
}

/// Logits, activation and gradient.
type Parts = (Vec<f32>, Vec<f32>, Vec<f32>);

/// Seeds for a question that sends nothing back.
const NO_SEEDS: Seeds<'_> = Seeds::Rows { data: &[], per_image: 0 };

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
        EngineInfo { name: "cpu", precision: self.precision, isa: self.isa.clone(), threads }
    }

    fn propagator(&self) -> Result<&dyn Propagate, EngineError> {
        self.lrp.as_ref().map(|lrp| lrp as &dyn Propagate).ok_or(EngineError::NoRelevance)
    }

    fn network(&self) -> &'static Network {
        self.network
    }

    fn predict(&self, images: Images<'_>) -> Result<Logits, EngineError> {
        let ask = Ask { seeds: NO_SEEDS, input: &[], taps: &[], features: false };
        Ok(Logits { data: self.ask(images, &ask)?.logits })
    }

    fn gradient(&self, images: Images<'_>, seeds: Seeds<'_>, rule: Rule) -> Result<Gradients, EngineError> {
        let found = self.ask(images, &Ask { seeds, input: &[rule], taps: &[], features: false })?;
        let gradient = found.input.into_iter().next().unwrap_or_default();
        Ok(Gradients { logits: found.logits, gradient, seeds_per_image: found.seeds_per_image })
    }

    fn features(&self, images: Images<'_>) -> Result<Features, EngineError> {
        let found = self.ask(images, &Ask { seeds: NO_SEEDS, input: &[], taps: &[], features: true })?;
        Ok(Features { logits: found.logits, data: found.features.unwrap_or_default() })
    }

    fn gradient_at(
        &self,
        images: Images<'_>,
        seeds: Seeds<'_>,
        rule: Rule,
        tap: Tap,
    ) -> Result<TapGradients, EngineError> {
        let index = tap.block()?;
        seeds.check(images.len())?;
        let pass = Pass { rule, taps: &[index], input: false, convs: false };
        let mut found = self.answer(images, &Question { seeds, outputs: &[index], passes: &[pass] })?;
        let gradient = found.back.pop().and_then(|mut back| back.taps.pop()).unwrap_or_default();
        let activation = found.outputs.pop().unwrap_or_default();
        Ok(self.at_tap(index, (found.logits, activation, gradient), seeds.per_image()))
    }

    fn ask(&self, images: Images<'_>, ask: &Ask<'_>) -> Result<Answer, EngineError> {
        let taps = ask.check(images.len())?;
        let mut outputs = taps.clone();
        outputs.extend(ask.features.then_some(BLOCKS - 1));
        // The taps travel with the first plain pass; without one they need a pass of their own.
        let carrier = ask.input.iter().position(|&rule| rule == Rule::Plain);
        let pass =
            |(i, &rule)| Pass { rule, taps: if carrier == Some(i) { &taps } else { &[] }, input: true, convs: false };
        let mut passes: Vec<Pass<'_>> = ask.input.iter().enumerate().map(pass).collect();
        if carrier.is_none() && !taps.is_empty() {
            passes.push(Pass { rule: Rule::Plain, taps: &taps, input: false, convs: false });
        }
        let found = self.answer(images, &Question { seeds: ask.seeds, outputs: &outputs, passes: &passes })?;

        let Found { logits, mut outputs, mut back } = found;
        let features = if ask.features { outputs.pop() } else { None };
        let gradients = back.iter_mut().flat_map(|back| std::mem::take(&mut back.taps));
        let per_image = ask.seeds.per_image();
        let at_tap =
            |((&index, activation), gradient)| self.at_tap(index, (logits.clone(), activation, gradient), per_image);
        let taps = taps.iter().zip(outputs).zip(gradients).map(at_tap).collect();
        let input = back.into_iter().take(ask.input.len()).map(|back| back.input).collect();
        Ok(Answer { logits, input, taps, features, seeds_per_image: per_image })
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
        if image.len() != 1 {
            return Err(EngineError::OneImage { found: image.len() });
        }
        seeds.check(1)?;
        let biases = self.plan.biases();
        let pass = Pass { rule, taps: &[], input: true, convs: true };
        let question = Question { seeds, outputs: &[], passes: &[pass] };
        let mut show = |seed, place, gradient: &[f32]| {
            if let Place::Conv(conv) = place {
                see(ConvGradient { conv, seed, bias: biases[conv], gradient });
            }
        };
        let found = within(self.pool.as_ref(), || answer(&self.plan, image, &question, &mut show))?;
        let gradient = found.back.into_iter().next().map(|back| back.input).unwrap_or_default();
        Ok(Gradients { logits: found.logits, gradient, seeds_per_image: seeds.per_image() })
    }
}
