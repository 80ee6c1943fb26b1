//! The [`Engine`] contract, met by one machine a GPU.

mod timing;

use std::sync::{Mutex, MutexGuard, PoisonError};

use backlit_net::arch::Network;
use backlit_net::engine::question::{self, Found, Question, reserve};
use backlit_net::engine::{
    Answer, Ask, ConvGradient, EngineInfo, Features, Gradients, Head, Logits, Moments, Pace, Precision, Sampler,
    TapGradients,
};
use backlit_net::weights::Weights;
use backlit_net::{CLASSES, Engine, EngineError, IMAGE_LEN, Images, Rule, SIDE, Seeds, Tap};

use crate::answer::Room;
use crate::machine::{Machine, Parts};
use crate::options::CudaOptions;
use crate::plan::Sharing;
use crate::weights::{Format, HostWeights};
use crate::{CudaError, Device, split};
pub use timing::KernelTimes;

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
        split::answer(&self.machines, images.data(), IMAGE_LEN, question, Room::of(&mut found))?;
        Ok(found)
    }
}

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
        image.check_one()?;
        let mut show = |seed: usize, conv: usize, gradient: &[f32]| {
            see(ConvGradient { conv, seed, bias: &self.biases[conv], gradient });
        };
        question::gradient(image, seeds, rule, |question| {
            let mut found = Found::reserve(self.network, 1, question)?;
            split::free(&self.machines).answer(image.data(), 0, question, Room::of(&mut found), Some(&mut show))?;
            Ok(found)
        })
    }

    fn gradient_moments(
        &self,
        image: Images<'_>,
        sampler: &Sampler,
        seeds: Seeds<'_>,
        rule: Rule,
        pace: &mut Pace<'_>,
    ) -> Result<Moments, EngineError> {
        let samples = Moments::check(image, sampler, seeds)?;
        // Samples are summed in their order, so they stay together on one GPU.
        split::free(&self.machines).moments(image.data(), (sampler, samples), seeds, rule, pace)
    }
}
