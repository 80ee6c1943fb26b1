//! From arguments to maps: what `explain` and `saliency` share.

use backlit::figure::keras_vis_041::KerasVis;
use backlit::figure::{Coloring, OverlayOptions, Picture, heat};
use backlit::net::SIDE;
use backlit::net::photo::Photo;
use backlit::net::preprocess::{Frame, Input, Preprocessing};
use backlit::saliency::{Map, MapOptions, Run, saliency_map_from};
use backlit::{ExplainedMap, Explanation, Request, Session};

use super::args::{NetworkArgs, PictureArgs};
use super::failure::{Failure, note};
use super::inputs::{self, Loaded, Source};
use super::map_args::MapArgs;
use super::terminal;

/// A photograph with all that is to be drawn of it.
pub(crate) struct Explained {
    pub(crate) loaded: Loaded,
    pub(crate) input: Input,
    pub(crate) explanation: Explanation,
    /// One for each map of the explanation.
    pub(crate) drawn: Vec<Drawn>,
}

/// A map as it is drawn and written.
pub(crate) struct Drawn {
    /// `[224, 224]`, or with three channels in the network's order.
    pub(crate) map: Map,
    /// The picture that a compatibility mode prescribes.
    pub(crate) heat: Option<Picture>,
}

/// How maps are laid over photographs.
pub(crate) fn overlay_options(picture: &PictureArgs) -> Result<OverlayOptions, Failure> {
    if !(0.0..=1.0).contains(&picture.alpha) {
        return Err(Failure::Usage(format!("--alpha is {}: an opacity lies between 0 and 1", picture.alpha)));
    }
    Ok(OverlayOptions { coloring: Coloring::from(picture.cmap), opacity: picture.alpha, ..OverlayOptions::default() })
}

/// What to draw of an explanation.
pub(crate) struct Drawing<'a> {
    pub(crate) session: &'a Session,
    pub(crate) network: &'a NetworkArgs,
    pub(crate) map: &'a MapArgs,
    pub(crate) request: &'a Request,
    pub(crate) overlay: OverlayOptions,
}

/// Explains all photographs, a batch at a time, and hands each to `each`; returns how many were done and how many
/// failed. A photograph that fails is reported and the rest goes on.
pub(crate) fn for_each(
    drawing: &Drawing<'_>,
    sources: &[Source],
    mut each: impl FnMut(Explained) -> Result<(), Failure>,
) -> Result<(usize, usize), Failure> {
    let Drawing { session, network, .. } = drawing;
    let bar = terminal::photograph_bar(sources.len());
    let (mut done, mut failed) = (0, 0);
    for batch in sources.chunks(network.batch.into()) {
        let (ready, bad) = inputs::load_batch(batch, network.orientation, |loaded| {
            let input = session.prepare(&loaded.photo);
            (loaded.set_aside(), input)
        });
        failed += bad;
        if !ready.is_empty() {
            let subjects: Vec<_> = ready.iter().map(|(_, input)| session.subject(input)).collect();
            let run = Run::default().with_batch(network.batch.into());
            let explained = session.explain_batch(&subjects, drawing.request, &run)?;
            for ((waiting, input), explanation) in ready.into_iter().zip(explained) {
                let source = waiting.source().clone();
                let result = explanation.map_err(Failure::from).and_then(|explanation| {
                    let loaded = waiting.bring_back(network.orientation)?;
                    let drawn = explanation.maps.iter().map(|m| drawing.drawn(m)).collect::<Result<_, _>>()?;
                    warn(&source, &explanation);
                    bar.suspend(|| each(Explained { loaded, input, explanation, drawn }))
                });
                match result {
                    Ok(()) => done += 1,
                    Err(failure @ (Failure::Pipe | Failure::Reported)) => return Err(failure),
                    Err(failure) => {
                        failed += 1;
                        inputs::explain(&source, &failure);
                    }
                }
            }
        }
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    Ok((done, failed))
}

/// A map without anything in it must not pass for a finding.
fn warn(source: &Source, explanation: &Explanation) {
    for map in explanation.maps.iter().filter(|m| m.saliency.blank) {
        let why = match map.against_idx == Some(map.class_idx) {
            true => "it compares a class with itself",
            false => "it has one value everywhere",
        };
        note(format!("{}: the {} map is blank: {why}", source.name, map.method()));
    }
}

impl Drawing<'_> {
    fn drawn(&self, map: &ExplainedMap) -> Result<Drawn, Failure> {
        if self.map.compat.is_some() {
            let stages = KerasVis::from_gradient(&map.attribution.values.values, SIDE, SIDE)?;
            let values = stages.smooth.iter().map(|&v| f32::from(v)).collect();
            let heat = Picture::new(SIDE, SIDE, stages.heatmap)?;
            return Ok(Drawn { map: Map { height: SIDE, width: SIDE, channels: 1, values }, heat: Some(heat) });
        }
        // Colours that diverge about zero need a map that still has its zero.
        let mut drawn = match self.overlay.coloring.colormap.is_diverging() {
            true => saliency_map_from(&map.attribution.values, &MapOptions { normalize: false, ..map.options })?.map,
            false => map.saliency.map.clone(),
        };
        if drawn.channels == 3 && self.session.preprocess().preprocessing == Preprocessing::Caffe {
            // Pictures are RGB.
            drawn.values.chunks_exact_mut(3).for_each(<[f32]>::reverse);
        }
        Ok(Drawn { map: drawn, heat: None })
    }
}

impl Drawn {
    /// The map alone, 224 x 224.
    pub(crate) fn heat(&self, options: &OverlayOptions) -> Result<Picture, Failure> {
        match &self.heat {
            Some(picture) => Ok(picture.clone()),
            None => Ok(heat(&self.map, options.coloring)?),
        }
    }

    /// The map over its photograph.
    pub(crate) fn overlay(&self, photo: &Photo, frame: Frame, options: &OverlayOptions) -> Result<Picture, Failure> {
        Ok(backlit::figure::overlay(photo, &self.map, frame, options)?)
    }
}
