//! From arguments to a loaded network, fetching the weights if they are not there.

use std::path::PathBuf;

use backlit::cuda::Sixteen;
use backlit::net::preprocess::Grid;
use backlit::net::weights::Weights;
use backlit::saliency::Method;
use backlit::sources::{Progress, Source, SourceError, Store};
use backlit::{EngineChoice, Session, SessionOptions};

use super::args::{EngineArg, EngineArgs, NetworkArgs, PrecisionArg};
use super::failure::{Failure, note};
use super::terminal;

/// Loads the network that the arguments ask for.
pub(crate) fn load(arguments: &NetworkArgs) -> Result<Session, Failure> {
    load_for(arguments, &[])
}

/// [`load`], with all that some methods need.
pub(crate) fn load_for(arguments: &NetworkArgs, methods: &[Method]) -> Result<Session, Failure> {
    session(&weights(arguments)?, arguments, methods)
}

/// The weights that the arguments ask for; from here on there are as many threads as they say.
pub(crate) fn weights(arguments: &NetworkArgs) -> Result<Weights, Failure> {
    start_threads(&arguments.how)?;
    Ok(Weights::open(&fetch(&arguments.weights, false)?)?)
}

/// As many threads as the arguments say, for reading and drawing as well as for the network.
pub(crate) fn start_threads(arguments: &EngineArgs) -> Result<(), Failure> {
    if let Some(threads) = arguments.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global()?;
    }
    Ok(())
}

/// A network of these weights, with all that some methods need.
pub(crate) fn session(weights: &Weights, arguments: &NetworkArgs, methods: &[Method]) -> Result<Session, Failure> {
    let mut grid = Grid::default_for(weights.variant());
    grid.resize = arguments.resize.unwrap_or(grid.resize);
    grid.filter = arguments.filter;
    let options =
        SessionOptions { grid: Some(grid), relevance: methods.contains(&Method::Lrp), ..options(&arguments.how)? };
    let session = Session::new(weights, options)?;
    session.remark().into_iter().for_each(note);
    Ok(session)
}

/// Which engine the arguments ask for.
pub(crate) fn options(arguments: &EngineArgs) -> Result<SessionOptions, Failure> {
    if !arguments.device.is_empty() && matches!(arguments.engine, EngineArg::Cpu | EngineArg::Reference) {
        let message = "--device names a GPU, and this engine has none: take --engine cuda or auto";
        return Err(Failure::Usage(message.into()));
    }
    if arguments.isa.is_some()
        && (!arguments.device.is_empty() || matches!(arguments.engine, EngineArg::Cuda | EngineArg::Reference))
    {
        let message =
            "--isa names an instruction set of the CPU engine, and another was asked for: leave out one of them";
        return Err(Failure::Usage(message.into()));
    }
    Ok(SessionOptions {
        engine: match arguments.engine {
            EngineArg::Auto => EngineChoice::Auto,
            EngineArg::Cpu => EngineChoice::Cpu,
            EngineArg::Cuda => EngineChoice::Cuda,
            EngineArg::Reference => EngineChoice::Reference,
        },
        precision: arguments.precision.map(PrecisionArg::precision),
        sixteen: match arguments.precision {
            Some(PrecisionArg::Bf16) => Sixteen::Bf16,
            _ => Sixteen::F16,
        },
        devices: arguments.device.clone(),
        level: arguments.isa,
        ..SessionOptions::default()
    })
}

/// The path of weights, fetched with a progress bar if they are not there or if `force` is set.
pub(crate) fn fetch(source: &Source, force: bool) -> Result<PathBuf, Failure> {
    let store = Store::from_env()?;
    if !terminal::shows_bars() && !matches!(source, Source::File(_)) && (force || !store.holds(source)) {
        note(format!("fetching the weights ({source}) into {}", store.folder.display()));
    }
    let bar = terminal::byte_bar();
    let mut stage = None;
    let mut progress = |p: Progress| {
        if stage != Some(p.stage) {
            stage = Some(p.stage);
            bar.set_message(p.stage.to_string());
        }
        bar.set_length(p.total.unwrap_or(p.done));
        bar.set_position(p.done);
    };
    let found: Result<PathBuf, SourceError> = match force {
        true => store.fetch(source, &mut progress),
        false => store.ensure(source, &mut progress),
    };
    bar.finish_and_clear();
    Ok(found?)
}
