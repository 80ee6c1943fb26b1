//! Which engine computes: chosen by name, or the fastest that this machine has.

use backlit_cpu::isa::Level;
use backlit_cpu::{Cpu, CpuError, CpuLrp, CpuOptions, level_from_env};
use backlit_cuda::{Cuda, CudaError, CudaOptions, Device, Sixteen};
use backlit_net::Engine;
use backlit_net::engine::Precision;
use backlit_net::preprocess::Grid;
use backlit_net::weights::Weights;
use backlit_reference::Reference;

/// Which engine computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EngineChoice {
    /// A GPU if there is one that can be used and has what is asked for, else the CPU. [`Session::remark`] says which
    /// where that is a question.
    ///
    /// [`Session::remark`]: crate::Session::remark
    #[default]
    Auto,
    /// The fast CPU engine.
    Cpu,
    /// The GPU engine.
    Cuda,
    /// The oracle, in plain loops: slow.
    Reference,
}

/// How to load a network.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// The engine.
    pub engine: EngineChoice,
    /// The arithmetic; `None` takes mixed on a GPU and on a CPU with AMX, single precision on other CPUs, double for the
    /// reference.
    pub precision: Option<Precision>,
    /// The 16-bit format of [`Precision::Half`].
    pub sixteen: Sixteen,
    /// GPUs by number, which share the work; none named: the first. Named ones are used or an error is returned, also
    /// by [`EngineChoice::Auto`].
    pub devices: Vec<usize>,
    /// Threads of the CPU engine; `None` takes those of the rayon pool that the caller is in.
    pub threads: Option<usize>,
    /// Instruction set of the CPU engine; `None` takes the one that the environment variable
    /// [`BACKLIT_ISA`](backlit_cpu::ISA_VARIABLE) names, else the best. [`EngineChoice::Auto`] takes the CPU if either
    /// names one. With GPUs, or an engine that has none, this is an error and the variable counts for nothing.
    pub level: Option<Level>,
    /// How photographs are brought to 224 x 224; `None` takes what the variant was published with.
    pub grid: Option<Grid>,
    /// Whether the CPU engine shall be able to hand relevance down, for
    /// [`Method::Lrp`](backlit_saliency::Method::Lrp): 300 MB more. The reference always is, the GPU engine never.
    pub relevance: bool,
}

/// Why a session could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The CPU engine could not be made.
    #[error(transparent)]
    Cpu(#[from] CpuError),
    /// The GPU engine could not be made.
    #[error(transparent)]
    Cuda(#[from] CudaError),
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
    /// An instruction set for an engine that has none.
    #[error("`{level}` is an instruction set of the CPU engine, and {what} was asked for: leave out one of them")]
    NoLevels {
        /// The instruction set.
        level: Level,
        /// What has none.
        what: &'static str,
    },
    /// The engine cannot do it.
    #[error("the {engine} engine does not compute {what}: take `--engine {instead}`")]
    Missing {
        /// The engine.
        engine: &'static str,
        /// Asked for.
        what: &'static str,
        /// Who does.
        instead: &'static str,
    },
}

/// An engine, and what is to be said about the choice.
pub(crate) type Chosen = (Box<dyn Engine>, Option<String>);

/// Makes the engine that the options ask for.
pub(crate) fn load(weights: &Weights, options: &SessionOptions) -> Result<Chosen, SessionError> {
    if let Some(level) = options.level {
        let what = match options.engine {
            _ if !options.devices.is_empty() => "a GPU",
            EngineChoice::Cuda => "the engine cuda",
            EngineChoice::Reference => "the engine reference",
            EngineChoice::Auto | EngineChoice::Cpu => "",
        };
        if !what.is_empty() {
            return Err(SessionError::NoLevels { level, what });
        }
    }
    match options.engine {
        EngineChoice::Cpu => Ok((cpu(weights, options)?, None)),
        EngineChoice::Cuda => Ok((cuda(weights, options)?, None)),
        EngineChoice::Reference => Ok((reference(weights, options)?, None)),
        EngineChoice::Auto => auto(weights, options),
    }
}

fn auto(weights: &Weights, options: &SessionOptions) -> Result<Chosen, SessionError> {
    if !options.devices.is_empty() {
        return Ok((cuda(weights, options)?, computing_on(&options.devices)));
    }
    // Whoever names an instruction set means the CPU.
    let named = options.level.is_some() || level_from_env()?.is_some();
    let has_gpu = !matches!(Device::count(), Ok(0) | Err(CudaError::NoDriver));
    let sixteen_bits = matches!(options.precision, Some(Precision::Mixed | Precision::Half));
    if sixteen_bits && !named && (has_gpu || Level::best() != Level::Amx) {
        return Ok((cuda(weights, options)?, computing_on(&[])));
    }
    let only_cpu = named || options.relevance || options.precision == Some(Precision::F64);
    if only_cpu || !has_gpu {
        return Ok((cpu(weights, options)?, None));
    }
    match cuda(weights, options) {
        Ok(engine) => Ok((engine, computing_on(&[]))),
        Err(why) => Ok((cpu(weights, options)?, Some(format!("computing on the CPU, because {why}")))),
    }
}

/// Which GPUs compute.
fn computing_on(devices: &[usize]) -> Option<String> {
    let list = Device::list().ok()?;
    let chosen = if devices.is_empty() { &[0] } else { devices };
    let names: Vec<_> = chosen.iter().filter_map(|&i| list.get(i)).map(|d| d.name.as_str()).collect();
    Some(format!("computing on {}", names.join(", ")))
}

fn cpu(weights: &Weights, options: &SessionOptions) -> Result<Box<dyn Engine>, SessionError> {
    if !matches!(options.precision, None | Some(Precision::F32 | Precision::Mixed | Precision::Half)) {
        let precision = options.precision.map_or("", Precision::as_str);
        return Err(SessionError::Precision { engine: "cpu", precision, available: "f32, mixed and half" });
    }
    let mut how = CpuOptions { threads: options.threads, level: options.level, ..CpuOptions::default() };
    how.precision = match options.precision {
        None => Some(how.level()?.usual_precision()),
        asked => asked,
    };
    let engine = Cpu::new(weights, how)?;
    Ok(Box::new(match options.relevance {
        true => engine.with_relevance(CpuLrp::new(weights, how)?),
        false => engine,
    }))
}

fn cuda(weights: &Weights, options: &SessionOptions) -> Result<Box<dyn Engine>, SessionError> {
    if options.relevance {
        let what = "layer-wise relevance propagation";
        return Err(SessionError::Missing { engine: "cuda", what, instead: "cpu" });
    }
    let precision = options.precision.unwrap_or(Precision::Mixed);
    if !matches!(precision, Precision::F32 | Precision::Mixed | Precision::Half) {
        let available = "f32, mixed and half";
        return Err(SessionError::Precision { engine: "cuda", precision: precision.as_str(), available });
    }
    let mut how = CudaOptions { precision, sixteen: options.sixteen, ..CudaOptions::default() };
    if !options.devices.is_empty() {
        how.devices.clone_from(&options.devices);
    }
    Ok(Box::new(Cuda::new(weights, how)?))
}

fn reference(weights: &Weights, options: &SessionOptions) -> Result<Box<dyn Engine>, SessionError> {
    match options.precision {
        None | Some(Precision::F64) => Ok(Box::new(Reference::<f64>::new(weights))),
        Some(Precision::F32) => Ok(Box::new(Reference::<f32>::new(weights))),
        Some(other) => {
            let available = "f64 and f32";
            Err(SessionError::Precision { engine: "reference", precision: other.as_str(), available })
        }
    }
}
