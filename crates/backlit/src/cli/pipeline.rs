//! Three stages at once: while a batch is computed, the next is decoded and the one before is drawn and written.

use std::sync::mpsc::sync_channel;
use std::thread;

use backlit::net::preprocess::{Frame, Input};
use backlit::saliency::{MethodError, Progress, Run};
use backlit::{Explanation, Request, Session};

use super::args::NetworkArgs;
use super::failure::Failure;
use super::inputs::{self, Source, Waiting};
use super::interrupt;
use super::terminal::Bars;

/// A photograph that has been through the network.
pub(crate) struct Ready {
    pub(crate) waiting: Waiting,
    /// The part of the photograph that the network saw.
    pub(crate) frame: Frame,
    pub(crate) explanation: Result<Explanation, MethodError>,
}

/// A batch on its way, and how many of its photographs could not be read.
struct Batch<T> {
    items: Vec<T>,
    bad: usize,
}

/// Explains all photographs and hands them to `each` in their order, on the thread of the caller; returns how many could
/// not be read. At most three batches are in memory.
pub(crate) fn run(
    session: &Session,
    network: &NetworkArgs,
    request: &Request,
    sources: &[Source],
    bars: &Bars,
    mut each: impl FnMut(Ready) -> Result<(), Failure>,
) -> Result<usize, Failure> {
    let _watch = interrupt::Watch::begin();
    let size = usize::from(network.batch);
    thread::scope(|scope| {
        let (to_engine, from_decoder) = sync_channel::<Batch<(Waiting, Input)>>(0);
        let (to_page, from_engine) = sync_channel::<Result<Batch<Ready>, MethodError>>(0);
        scope.spawn(move || {
            for batch in sources.chunks(size) {
                let (items, bad) = inputs::load_batch(batch, network.orientation, |loaded| {
                    let input = session.prepare(&loaded.photo);
                    (loaded.set_aside(), input)
                });
                if interrupt::stopped() || to_engine.send(Batch { items, bad }).is_err() {
                    break;
                }
            }
        });
        scope.spawn(move || {
            let tell = |progress: Progress| bars.passes(progress);
            let run = Run::default().with_batch(size).with_cancel(interrupt::flag()).with_progress(&tell);
            for batch in from_decoder {
                let answer = explain(session, request, batch, &run);
                let failed = answer.is_err();
                if to_page.send(answer).is_err() || failed {
                    break;
                }
            }
        });
        let mut bad = 0;
        let result = from_engine.into_iter().try_for_each(|batch| {
            let batch = batch?;
            bad += batch.bad;
            bars.photographs(batch.bad);
            batch.items.into_iter().try_for_each(|ready| {
                if interrupt::stopped() || matches!(ready.explanation, Err(MethodError::Cancelled(_))) {
                    return Err(Failure::Interrupted);
                }
                each(ready)?;
                bars.photographs(1);
                Ok(())
            })
        });
        match (result, interrupt::stopped()) {
            (Err(failure), _) => {
                // Whatever the other threads are at, nobody waits for it.
                interrupt::stop();
                Err(failure)
            }
            (Ok(()), true) => Err(Failure::Interrupted),
            (Ok(()), false) => Ok(bad),
        }
    })
}

fn explain(
    session: &Session,
    request: &Request,
    batch: Batch<(Waiting, Input)>,
    run: &Run<'_>,
) -> Result<Batch<Ready>, MethodError> {
    let Batch { items, bad } = batch;
    if items.is_empty() {
        return Ok(Batch { items: Vec::new(), bad });
    }
    let subjects: Vec<_> = items.iter().map(|(_, input)| session.subject(input)).collect();
    let explained = session.explain_batch(&subjects, request, run)?;
    let ready = items.into_iter().zip(explained).map(|((waiting, input), explanation)| Ready {
        waiting,
        frame: input.frame,
        explanation,
    });
    Ok(Batch { items: ready.collect(), bad })
}
