//! The [`Engine`] contract, met by one machine a GPU.

mod timing;

use std::sync::{Mutex, MutexGuard, PoisonError};

use backlit_net::arch::{BLOCKS, Network};
use backlit_net::engine::{
    Answer, Ask, ConvGradient, EngineInfo, Features, Gradients, Head, Logits, Moments, Pace, Precision, Sampler,
    TapGradients,
};
use backlit_net::weights::Weights;
use backlit_net::{CLASSES, Engine, EngineError, IMAGE_LEN, Images, Rule, SIDE, Seeds, Tap};

use crate::answer::{Found, Pass, Question, reserve};
use crate::machine::{Machine, Parts};
use crate::options::CudaOptions;
use crate::plan::Sharing;
use crate::weights::{Format, HostWeights};
use crate::{CudaError, Device, split};
pub use timing::KernelTimes;

/// Seeds for a question that sends nothing back.
const NO_SEEDS: Seeds<'_> = Seeds::Rows { data: &[], per_image: 0 };

/// Beyond this a tensor has more elements than kernels count.
const MOST_IMAGES: usize = 1024;

/// ResNet-50 on one or more GPUs.
pub struct Cuda {
    network: &'static Network,
    options: CudaOptions,
    isa: String,
    machines: Vec<Mutex<Machine>>,
    /// Of every convolution, by its index.
    biases: Vec<Vec<f32>>,
    head_weight: Vec<f32>,
    head_bias: Vec<f32>,
}

impl Cuda {
    /// Folds and packs the weights of a file, sends them to the GPUs, and loads the kernels.
    ///
    /// # Errors
    /// [`CudaError::Options`] for options that make no sense; what [`Device::open`] and [`Device::kernel`] refuse;
    /// [`CudaError::OutOfMemory`].
    pub fn new(weights: &Weights, options: CudaOptions) -> Result<Cuda, CudaError> {
        check(&options)?;
        let devices = options.devices.iter().map(|&ordinal| Device::open(ordinal)).collect::<Result<Vec<_>, _>>()?;
        Cuda::on(weights, options, devices)
    }

    fn on(weights: &Weights, options: CudaOptions, devices: Vec<std::sync::Arc<Device>>) -> Result<Cuda, CudaError> {
        let host = HostWeights::new(weights, Format::of(options.precision, options.sixteen));
        let batch = options.batch.min(MOST_IMAGES);
        let isa = devices.iter().map(|device| device.arch()).collect::<Vec<_>>().join("+");
        let machine = |device| {
            let parts = Parts::new(device, &host, SIDE, options.dead_code, batch)?;
            Ok(Mutex::new(Machine::new(parts, batch, Sharing::Tight)))
        };
        let machines = devices.into_iter().map(machine).collect::<Result<_, CudaError>>()?;
        let round = |values: &[f64]| values.iter().map(|&v| v as f32).collect();
        Ok(Cuda {
            network: weights.network(),
            isa,
            machines,
            biases: host.biases(),
            head_weight: round(&host.dense.weight),
            head_bias: round(&host.dense.bias),
            options,
        })
    }

    /// How it was told to run.
    pub fn options(&self) -> &CudaOptions {
        &self.options
    }

    fn answer(&self, images: Images<'_>, question: &Question<'_>) -> Result<Found, EngineError> {
        let mut found = Found::reserve(self.network, images.len(), question)?;
        split::answer(&self.machines, images.data(), IMAGE_LEN, question, found.room())?;
        Ok(found)
    }

    fn at_tap(&self, index: usize, found: Parts3, per_image: usize) -> TapGradients {
        let (block, (logits, activation, gradient)) = (&self.network.blocks[index], found);
        let (side, channels) = (block.side_out(), block.c_out());
        TapGradients { logits, side, channels, activation, gradient, seeds_per_image: per_image }
    }
}

/// Logits, activation and gradient.
type Parts3 = (Vec<f32>, Vec<f32>, Vec<f32>);

fn check(options: &CudaOptions) -> Result<(), CudaError> {
    let refuse = |problem: String| Err(CudaError::Options { problem });
    if options.devices.is_empty() {
        return refuse("no GPU was chosen: name at least one, counted from 0".into());
    }
    let twice = options.devices.iter().enumerate().find(|(i, device)| options.devices[..*i].contains(device));
    if let Some((_, device)) = twice {
        return refuse(format!("GPU {device} was chosen twice"));
    }
    if options.batch == 0 {
        return refuse("a batch of 0 images was asked for: take at least 1".into());
    }
    match options.precision {
        Precision::F32 | Precision::Mixed | Precision::Half => Ok(()),
        other => refuse(format!("the GPU does not compute in `{}`: take f32, mixed or half", other.as_str())),
    }
}

/// A panic elsewhere leaves nothing that a new question would trip over: plans are made before they are used, and
/// memory is written before it is read.
pub(crate) fn lock(machine: &Mutex<Machine>) -> MutexGuard<'_, Machine> {
    machine.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine for Cuda {
    fn info(&self) -> EngineInfo {
        let isa = match (self.options.precision, self.options.sixteen) {
            (Precision::Half, kind) => format!("{} {kind}", self.isa),
            _ => self.isa.clone(),
        };
        EngineInfo { name: "cuda", precision: self.options.precision, isa, threads: self.machines.len() }
    }

    fn network(&self) -> &'static Network {
        self.network
    }

    fn predict(&self, images: Images<'_>) -> Result<Logits, EngineError> {
        let question = Question { seeds: NO_SEEDS, outputs: &[], passes: &[] };
        Ok(Logits { data: self.answer(images, &question)?.logits })
    }

    fn gradient(&self, images: Images<'_>, seeds: Seeds<'_>, rule: Rule) -> Result<Gradients, EngineError> {
        seeds.check(images.len())?;
        let passes = [Pass { rule, taps: &[], input: true }];
        let found = self.answer(images, &Question { seeds, outputs: &[], passes: &passes })?;
        let gradient = found.back.into_iter().next().map(|back| back.input).unwrap_or_default();
        Ok(Gradients { logits: found.logits, gradient, seeds_per_image: seeds.per_image() })
    }

    fn features(&self, images: Images<'_>) -> Result<Features, EngineError> {
        let question = Question { seeds: NO_SEEDS, outputs: &[BLOCKS - 1], passes: &[] };
        let mut found = self.answer(images, &question)?;
        Ok(Features { logits: found.logits, data: found.outputs.pop().unwrap_or_default() })
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
        let passes = [Pass { rule, taps: &[index], input: false }];
        let mut found = self.answer(images, &Question { seeds, outputs: &[index], passes: &passes })?;
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
        let pass = |(i, &rule)| Pass { rule, taps: if carrier == Some(i) { &taps } else { &[] }, input: true };
        let mut passes: Vec<Pass<'_>> = ask.input.iter().enumerate().map(pass).collect();
        if carrier.is_none() && !taps.is_empty() {
            passes.push(Pass { rule: Rule::Plain, taps: &taps, input: false });
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
        Ok(Head { weight: self.head_weight.as_slice().into(), bias: self.head_bias.as_slice().into() })
    }

    fn resume(&self, tap: Tap, activations: &[f32]) -> Result<Logits, EngineError> {
        let (block, n) = tap.outputs_in(self.network, activations)?;
        let mut data = reserve(&[n, CLASSES])?;
        split::resume(&self.machines, block, activations, &mut data)?;
        Ok(Logits { data })
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
        let passes = [Pass { rule, taps: &[], input: true }];
        let question = Question { seeds, outputs: &[], passes: &passes };
        let mut found = Found::reserve(self.network, 1, &question)?;
        let mut show = |seed: usize, conv: usize, gradient: &[f32]| {
            see(ConvGradient { conv, seed, bias: &self.biases[conv], gradient });
        };
        split::free(&self.machines).answer(image.data(), 0, &question, found.room(), Some(&mut show))?;
        let gradient = found.back.into_iter().next().map(|back| back.input).unwrap_or_default();
        Ok(Gradients { logits: found.logits, gradient, seeds_per_image: seeds.per_image() })
    }

    fn gradient_moments(
        &self,
        image: Images<'_>,
        sampler: &Sampler,
        seeds: Seeds<'_>,
        rule: Rule,
        pace: &mut Pace<'_>,
    ) -> Result<Moments, EngineError> {
        if image.len() != 1 {
            return Err(EngineError::OneImage { found: image.len() });
        }
        seeds.check(1)?;
        let samples = sampler.check()?;
        // Samples are summed in their order, so they stay together on one GPU.
        split::free(&self.machines).moments(image.data(), (sampler, samples), seeds, rule, pace)
    }
}
