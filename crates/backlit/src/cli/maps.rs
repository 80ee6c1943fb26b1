//! From a request to drawn maps: what `explain` and `saliency` share.

use backlit::figure::OverlayOptions;
use backlit::net::preprocess::Frame;
use backlit::saliency::{Compat, Map};
use backlit::{ExplainedMap, Explanation, Request, Session};

use super::args::{NetworkArgs, PictureArgs};
use super::drawn::{Drawn, Ends, Style};
use super::failure::{Failure, note};
use super::inputs::{self, Loaded, Source, Waiting};
use super::pipeline;
use super::spill::Spill;
use super::terminal::Bars;
use super::view_args::ScaleArg;

/// A photograph with all that is to be drawn of it.
pub(crate) struct Explained {
    pub(crate) loaded: Loaded,
    /// The part of the photograph that the network saw.
    pub(crate) frame: Frame,
    pub(crate) explanation: Explanation,
    /// One for each map of the explanation.
    pub(crate) drawn: Vec<Drawn>,
}

/// A map as files hold it: numbers keep the network's channel order, only pictures are RGB.
pub(crate) fn values<'a>(compat: Option<Compat>, map: &'a ExplainedMap, drawn: &'a Drawn) -> &'a Map {
    match compat {
        Some(Compat::KerasVis041) => &drawn.map,
        _ => &map.saliency.map,
    }
}

/// How maps are laid over photographs; the colours are settled map by map.
pub(crate) fn overlay_options(picture: &PictureArgs) -> Result<OverlayOptions, Failure> {
    if !(0.0..=1.0).contains(&picture.alpha) {
        return Err(Failure::Usage(format!("--alpha is {}: an opacity lies between 0 and 1", picture.alpha)));
    }
    Ok(OverlayOptions { opacity: picture.alpha, ..OverlayOptions::default() })
}

/// What to draw of an explanation.
pub(crate) struct Drawing<'a> {
    pub(crate) session: &'a Session,
    pub(crate) network: &'a NetworkArgs,
    pub(crate) request: &'a Request,
    pub(crate) style: Style<'a>,
}

/// Explains all photographs, a batch at a time, and hands each to `each`; returns how many were done and how many
/// failed. A photograph that fails is reported and the rest goes on.
///
/// With a scale that the folder shares, all maps are made and put aside on disk before the first is drawn.
pub(crate) fn for_each(
    drawing: &Drawing<'_>,
    sources: &[Source],
    mut each: impl FnMut(Explained) -> Result<(), Failure>,
) -> Result<(usize, usize), Failure> {
    let Drawing { session, network, request, style } = drawing;
    let bars = Bars::new(sources.len());
    let (mut done, mut failed) = (0, 0);
    let mut spill = (style.view.scale() == ScaleArg::Folder).then(Spill::new).transpose()?;
    let mut shared: Vec<Option<Ends>> = vec![None; request.recipes.len()];
    let per_recipe = request.objectives.len();

    let mut finish = |waiting: Waiting, frame: Frame, explanation: Explanation, shared: &[Option<Ends>]| {
        let source = waiting.source().clone();
        let result = waiting.bring_back(network.orientation).and_then(|loaded| {
            let draw = |(i, map)| style.draw(map, shared[i / per_recipe]);
            let drawn = explanation.maps.iter().enumerate().map(draw).collect::<Result<_, _>>()?;
            bars.suspend(|| {
                warn(&source, &explanation);
                each(Explained { loaded, frame, explanation, drawn })
            })
        });
        count(&source, result, &mut done, &mut failed)
    };
    let mut unmapped = 0;
    let unread = pipeline::run(session, network, request, sources, &bars, |ready| {
        let explanation = match ready.explanation {
            Ok(explanation) => explanation,
            Err(e) => {
                unmapped += 1;
                inputs::explain(ready.waiting.source(), &e.into());
                return Ok(());
            }
        };
        let Some(spill) = &mut spill else {
            return finish(ready.waiting, ready.frame, explanation, &shared);
        };
        for (i, map) in explanation.maps.iter().enumerate() {
            let (low, high) = style.ends(map)?;
            let all = shared[i / per_recipe].get_or_insert((low, high));
            *all = (all.0.min(low), all.1.max(high));
        }
        spill.push(ready.waiting.source().clone(), ready.frame, explanation)
    })?;
    if let Some(spill) = spill {
        spill.drain(|kept| finish(Waiting::Elsewhere(kept.source), kept.frame, kept.explanation, &shared))?;
    }
    bars.finish();
    Ok((done, failed + unread + unmapped))
}

/// What ends the run, and what ends one photograph only.
fn count(source: &Source, result: Result<(), Failure>, done: &mut usize, failed: &mut usize) -> Result<(), Failure> {
    match result {
        Ok(()) => *done += 1,
        Err(failure @ (Failure::Pipe | Failure::Reported | Failure::Interrupted)) => return Err(failure),
        Err(failure) => {
            *failed += 1;
            inputs::explain(source, &failure);
        }
    }
    Ok(())
}

/// What a picture says of a map that has nothing in it, or next to nothing.
pub(crate) fn faintness(map: &ExplainedMap) -> Option<String> {
    match map.saliency.blank {
        true => Some("blank map".into()),
        false => map
            .saliency
            .is_near_zero(map.method())
            .then(|| format!("near zero: values span {:.1e}", map.saliency.span())),
    }
}

/// A map without anything in it must not pass for a finding.
fn warn(source: &Source, explanation: &Explanation) {
    for map in &explanation.maps {
        let (name, method) = (&source.name, map.method());
        if map.saliency.blank {
            let why = match map.against_idx == Some(map.class_idx) {
                true => "it compares a class with itself",
                false => "it has one value everywhere",
            };
            note(format!("{name}: the {method} map is blank: {why}"));
        } else if map.saliency.is_near_zero(method) {
            let span = map.saliency.span();
            note(format!("{name}: the {method} map is near zero: its values span {span:.1e}; it is not amplified"));
        }
    }
}
