//! What is measured, one thing after the other.

use backlit::cpu::isa::Level;
use backlit::cpu::level_from_env;
use backlit::cuda::Device;
use backlit::net::engine::{EngineInfo, Precision};
use backlit::net::weights::Weights;
use backlit::net::{Network, Variant};
use backlit::sources::{Source, Store};
use backlit::{EngineChoice, Session};
use backlit_bench::layers::{Layer, LayerRow};
use backlit_bench::network::{Ask, Question, Workload};
use backlit_bench::stopwatch::Effort;
use backlit_bench::{BenchError, Measured, Roof, measure as measure_subject};

use super::BenchArgs;
use crate::cli::args::{EngineArg, PrecisionArg};
use crate::cli::failure::{Failure, note};
use crate::cli::{network, terminal};

/// Images that differ; each costs the oracle some seconds, and the speed does not depend on them.
const DISTINCT: usize = 4;

/// All numbers of a run, every one of them of a result that was right.
pub(super) struct Findings {
    pub(super) engine: EngineInfo,
    pub(super) network: &'static Network,
    /// Where the weights come from.
    pub(super) weights: String,
    /// Images that go through together.
    pub(super) batch: usize,
    /// Whether there was one run of each only.
    pub(super) quick: bool,
    /// Of the cpu engine's threads at its instruction set, in single precision.
    pub(super) roof: Option<Roof>,
    pub(super) whole: Vec<(Ask, Measured)>,
    pub(super) layers: Vec<LayerRow>,
}

/// What the arguments ask for.
struct Wanted {
    whole: Vec<Ask>,
    /// Said so, or left open.
    layers: Option<bool>,
}

impl Wanted {
    fn of(arguments: &BenchArgs) -> Wanted {
        let layers = arguments.layers || arguments.plot.is_some();
        let anything = arguments.forward || arguments.gradient || arguments.layers;
        let asks = [(Ask::Forward, arguments.forward), (Ask::Gradient, arguments.gradient)];
        Wanted {
            whole: asks.into_iter().filter(|&(_, said)| said || !anything).map(|(ask, _)| ask).collect(),
            layers: (layers || anything).then_some(layers),
        }
    }
}

pub(super) fn measure(arguments: &BenchArgs) -> Result<Findings, Failure> {
    let wanted = Wanted::of(arguments);
    if wanted.layers == Some(true) {
        layers_possible(arguments)?;
    }
    network::start_threads(&arguments.how)?;
    let (effort, a_while) = match arguments.quick {
        true => (Effort::QUICK, Roof::QUICK),
        false => (Effort::FULL, Roof::FULL),
    };
    let batch = arguments.batch.into();
    if wanted.whole.is_empty() && arguments.weights.is_none() {
        // Layers have random weights of their own: nothing is loaded.
        let level = match arguments.how.isa {
            Some(level) => level,
            None => level_from_env()?.unwrap_or_else(Level::best),
        };
        let variant = Variant::V1;
        let before = Roof::measure(level, a_while)?;
        let layers = layers(Network::of(variant), level, batch, effort)?;
        let roof = Some(before.or(Roof::measure(level, a_while)?));
        let threads = rayon::current_num_threads();
        let isa = level.token().map_or(level, |token| token.level()).to_string();
        let engine = EngineInfo { name: "cpu", precision: Precision::F32, isa, threads };
        let (network, weights, quick) = (Network::of(variant), "synthetic".to_owned(), arguments.quick);
        return Ok(Findings { engine, network, weights, batch, quick, roof, whole: Vec::new(), layers });
    }

    let work = workload(arguments)?;
    let session = session(&work, arguments, wanted.layers == Some(true))?;
    let engine = session.engine();
    let info = engine.info();
    // The roof is that of multiply-adds in float32.
    let floats = info.name == "cpu" && info.precision == Precision::F32;
    let level = if floats { info.isa.parse::<Level>().ok() } else { None };
    // The machine may be slower at one moment than at another: the roof is taken before and after, the higher counts.
    let before = level.map(|level| Roof::measure(level, a_while)).transpose()?;
    let bar = terminal::step_bar(wanted.whole.len());
    let mut whole = Vec::new();
    for &ask in &wanted.whole {
        bar.set_message(ask.as_str());
        whole.push((ask, measure_subject(&mut Question::new(&work, engine, ask, batch), effort)?));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let layers = match (wanted.layers, level) {
        (None | Some(true), Some(level)) if info.precision == Precision::F32 => {
            layers(work.network(), level, batch, effort)?
        }
        _ => Vec::new(),
    };
    let after = level.map(|level| Roof::measure(level, a_while)).transpose()?;
    Ok(Findings {
        engine: info,
        network: work.network(),
        weights: work.weights().source().to_owned(),
        batch,
        quick: arguments.quick,
        roof: before.zip(after).map(|(before, after)| before.or(after)),
        whole,
        layers,
    })
}

/// Layers are an affair of the cpu engine, in single precision.
fn layers_possible(arguments: &BenchArgs) -> Result<(), Failure> {
    let cpu = matches!(arguments.how.engine, EngineArg::Auto | EngineArg::Cpu) && arguments.how.device.is_empty();
    match cpu && matches!(arguments.how.precision, None | Some(PrecisionArg::F32)) {
        true => Ok(()),
        false => Err(layers_need_cpu()),
    }
}

fn layers_need_cpu() -> Failure {
    Failure::Usage("layers, and the plot of them, are measured on the cpu engine in f32: take --engine cpu".into())
}

fn layers(network: &'static Network, level: Level, batch: usize, effort: Effort) -> Result<Vec<LayerRow>, BenchError> {
    let token = level.token().ok_or(BenchError::Level { level, best: Level::best() })?;
    let layers = Layer::distinct(network);
    let bar = terminal::step_bar(layers.len());
    let one = |layer: Layer| {
        bar.set_message(layer.conv.name.clone());
        let row = LayerRow::measure(layer, token, batch, effort);
        bar.inc(1);
        row
    };
    let rows = layers.into_iter().map(one).collect();
    bar.finish_and_clear();
    rows
}

fn workload(arguments: &BenchArgs) -> Result<Workload, Failure> {
    let distinct = if arguments.quick { 1 } else { usize::from(arguments.batch).min(DISTINCT) };
    let fetched = || Store::from_env().is_ok_and(|store| store.holds(&Source::Npm)).then_some(Source::Npm);
    Ok(match arguments.weights.clone().or_else(fetched) {
        Some(source) => Workload::new(Weights::open(&network::fetch(&source, false)?)?, distinct),
        None => Workload::synthetic(distinct),
    })
}

fn session(work: &Workload, arguments: &BenchArgs, layers: bool) -> Result<Session, Failure> {
    let mut options = network::options(&arguments.how)?;
    if layers {
        // Whatever `auto` would take: what is measured beside the layers shall be of their kind.
        (options.engine, options.precision) = (EngineChoice::Cpu, Some(Precision::F32));
    }
    let session = Session::new(work.weights(), options)?;
    session.remark().into_iter().for_each(note);
    let emulated =
        |devices: Vec<_>| devices.iter().any(|d: &backlit::cuda::DeviceInfo| d.name.contains("CPU emulator"));
    match session.engine().info().name == "cuda" && Device::list().is_ok_and(emulated) {
        true => Err(Failure::Message("the GPU here is an emulator, whose times say nothing: take --engine cpu".into())),
        false => Ok(session),
    }
}
