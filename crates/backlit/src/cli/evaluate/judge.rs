//! One photograph: its maps, and what the measures say of them.

use backlit::boxes::Boxes;
use backlit::net::preprocess::{Frame, Input};
use backlit::net::{IMAGE_LEN, SIDE};
use backlit::saliency::mask::Region;
use backlit::saliency::measure::{
    self, Confidence, Curve, MaskedConfidence, Measure, MeasureError, Measured, Perturbations, RoadOptions, Undefined,
};
use backlit::saliency::{Map, MapOptions, Objective, Progress, Run, Subject, Target, saliency_map_from};
use backlit::{ExplainedMap, Request, Session};
use indicatif::ProgressBar;

use super::args::EvaluateArgs;
use crate::cli::failure::Failure;
use crate::cli::inputs::Loaded;
use crate::cli::{interrupt, objects};

/// All maps of `[n, 224, 224, 3]` preprocessed images, copies of the subject: for every image, one for every recipe of
/// the request. The copies are the same photograph to whatever looks at pixels or draws random numbers.
pub(super) fn maps_of(
    session: &Session,
    subject: Subject<'_>,
    tensor: &[f32],
    request: &Request,
    run: &Run<'_>,
) -> Result<Vec<Vec<ExplainedMap>>, Failure> {
    let copies: Vec<Subject<'_>> = tensor.chunks(IMAGE_LEN).map(|tensor| Subject { tensor, ..subject }).collect();
    let found = session.explain_batch(&copies, request, run)?;
    found.into_iter().map(|explanation| Ok(explanation?.maps)).collect()
}

/// A curve that is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CurveKind {
    Insertion,
    Deletion,
    RoadMorf,
    RoadLerf,
}

/// What was found of one map.
pub(super) struct Judged {
    pub(super) method: String,
    pub(super) values: Vec<(Measure, Measured)>,
    pub(super) curves: Vec<(CurveKind, Curve)>,
}

/// Where the object is, and how many of its boxes could not be used, each reported.
///
/// The boxes of the command line hold for every photograph. Of a list, those of the class that the measures follow
/// count, and those that do not say what they show.
fn region(
    arguments: &EvaluateArgs,
    list: Option<&Boxes>,
    loaded: &Loaded,
    frame: &Frame,
    class: usize,
) -> Result<(Option<Region>, usize), Failure> {
    let Loaded { source, photo, .. } = loaded;
    let (mut regions, mut faults) = (Vec::new(), 0);
    for area in &arguments.measure.areas {
        regions.push(area.region(photo.width, photo.height, frame)?);
    }
    if let Some(list) = list {
        let found = objects::of(list, source, photo, frame, true);
        faults = found.faults;
        regions.extend(found.usable.into_iter().filter(|o| o.class.is_none_or(|c| c == class)).map(|o| o.region));
    }
    Ok((regions.into_iter().reduce(|all, region| all.union(&region)), faults))
}

/// Passes that a photograph takes, not counting those that its maps take.
pub(super) fn passes(arguments: &EvaluateArgs, measures: &[Measure]) -> usize {
    let curve = 1 + (SIDE * SIDE).div_ceil(arguments.measure.step as usize);
    let samples = arguments.measure.perturbations as usize;
    let cost = |m: &Measure| match m {
        Measure::Insertion | Measure::Deletion => curve,
        Measure::Road => 2 * RoadOptions::default().percents.len(),
        Measure::Infidelity | Measure::Sensitivity => samples,
        _ => 0,
    };
    arguments.map.methods().len() * measures.iter().map(cost).sum::<usize>()
}

/// What was found of one photograph.
pub(super) struct Photograph {
    /// The class followed.
    pub(super) class: Confidence,
    /// One for every recipe.
    pub(super) judged: Vec<Judged>,
    /// Boxes that could not be used.
    pub(super) faults: usize,
    /// As the network saw it.
    pub(super) input: Input,
    /// The maps, one for every recipe.
    pub(super) maps: Vec<Map>,
}

/// What all photographs are judged by.
pub(super) struct Court<'a> {
    pub(super) arguments: &'a EvaluateArgs,
    pub(super) measures: &'a [Measure],
    pub(super) session: &'a Session,
    pub(super) request: &'a Request,
    pub(super) boxes: Option<&'a Boxes>,
    pub(super) bar: &'a ProgressBar,
}

/// Maps and measures of one photograph.
pub(super) fn judge(court: &Court<'_>, loaded: &Loaded) -> Result<Photograph, Failure> {
    let &Court { arguments, measures, session, request, boxes, bar } = court;
    let input = session.prepare(&loaded.photo);
    let subject = session.subject(&input);
    let clean = measure::confidence(session.engine(), &subject, request.objectives[0].target)?;
    let (region, faults) = bar.suspend(|| region(arguments, boxes, loaded, &input.frame, clean.class))?;
    // The copies' class is the photograph's, even where their own best is another.
    let objective = Objective { target: Target::class(clean.class)?, ..request.objectives[0] };
    let tell = |p: Progress| {
        if p.total > 1 {
            bar.set_message(format!("map: {} of {}", p.done, p.total));
        }
    };
    let run = run(arguments).with_progress(&tell);
    let asked = Request { objectives: vec![objective], ..request.clone() };
    let maps = maps_of(session, subject, subject.tensor, &asked, &run)?.pop().unwrap_or_default();
    bar.set_message("");
    let judge = Judge { arguments, session, subject, clean, region, bar };
    let mut judged = Vec::new();
    for map in &maps {
        let mut masked = None;
        let mut own = Judged { method: map.method().to_string(), values: Vec::new(), curves: Vec::new() };
        for &measure in measures {
            let value = judge.value(measure, map, &mut masked, &mut own.curves)?;
            own.values.push((measure, value));
        }
        judged.push(own);
    }
    let maps = maps.into_iter().map(|m| m.saliency.map).collect();
    Ok(Photograph { class: clean, judged, faults, input, maps })
}

/// How anything is run: so many images at a time, until someone interrupts.
pub(super) fn run(arguments: &EvaluateArgs) -> Run<'static> {
    Run::default().with_batch(arguments.network.batch.into()).with_cancel(interrupt::flag())
}

struct Judge<'a> {
    arguments: &'a EvaluateArgs,
    session: &'a Session,
    subject: Subject<'a>,
    clean: Confidence,
    region: Option<Region>,
    bar: &'a ProgressBar,
}

impl Judge<'_> {
    fn value(
        &self,
        measure: Measure,
        explained: &ExplainedMap,
        masked: &mut Option<Measured<MaskedConfidence>>,
        curves: &mut Vec<(CurveKind, Curve)>,
    ) -> Result<Measured, Failure> {
        let (engine, subject, class) = (self.session.engine(), &self.subject, self.clean.class);
        let map = &explained.saliency.map;
        let options = &self.arguments.measure;
        let start = self.bar.position();
        let tell = |p: Progress| self.bar.set_position(start + p.done as u64);
        let run = run(self.arguments).with_progress(&tell);
        // Passes that cost next to nothing, or that are counted already, are not told of.
        let silent = self::run(self.arguments);
        let area = |curve: &Measured<Curve>| curve.as_ref().map(Curve::area).map_err(|why| *why);
        let perturbations = Perturbations {
            samples: options.perturbations as usize,
            radius: options.radius,
            seed: options.measure_seed,
        };
        Ok(match measure {
            Measure::Insertion | Measure::Deletion => {
                let (take, kind) = match measure {
                    Measure::Insertion => (measure::insertion as CurveOf, CurveKind::Insertion),
                    _ => (measure::deletion as CurveOf, CurveKind::Deletion),
                };
                let curve = take(engine, subject, map, class, options.step as usize, &run)?;
                let area = area(&curve);
                curves.extend(curve.ok().map(|c| (kind, c)));
                area
            }
            Measure::Road => {
                let road_options =
                    RoadOptions { noise: options.road_noise, seed: options.measure_seed, ..RoadOptions::default() };
                let road = measure::road(engine, subject, map, class, &road_options, &run)?;
                let combined = road.as_ref().map(measure::Road::combined).map_err(|why| *why);
                if let Ok(road) = road {
                    curves.extend([(CurveKind::RoadMorf, road.morf), (CurveKind::RoadLerf, road.lerf)]);
                }
                combined
            }
            Measure::Drop | Measure::Increase => {
                // One pass serves both.
                let found = match *masked {
                    Some(found) => found,
                    None => measure::masked_confidence(engine, subject, map, &self.clean, &silent)?,
                };
                *masked = Some(found);
                match measure {
                    Measure::Drop => found.and_then(|m| m.drop()),
                    _ => found.map(|m| m.increase()),
                }
            }
            Measure::Pointing => match &self.region {
                Some(region) => {
                    let hit = measure::points_at(map, region, options.tolerance)?;
                    hit.map(|hit| f64::from(u8::from(hit)))
                }
                None => Err(Undefined::NoBox),
            },
            Measure::Mass => match &self.region {
                Some(region) => measure::mass_inside(&unscaled(explained)?, region)?,
                None => Err(Undefined::NoBox),
            },
            Measure::Infidelity => {
                let (attribution, score) = (&explained.attribution.values, explained.objective.score);
                measure::infidelity(engine, subject, attribution, &self.clean, score, perturbations, &run)?
                    .and_then(|found| found.scaled)
            }
            Measure::Sensitivity => {
                let request = Request {
                    recipes: vec![explained.recipe.clone()],
                    objectives: vec![explained.objective],
                    maps: vec![explained.options],
                };
                measure::max_sensitivity(subject, perturbations, &run, |tensor| {
                    let maps = maps_of(self.session, *subject, tensor, &request, &silent)?;
                    Ok::<_, Failure>(maps.into_iter().flatten().map(|m| m.saliency.map.values).collect())
                })?
            }
            Measure::Sparseness => measure::sparseness(&unscaled(explained)?)?,
            Measure::Complexity => measure::complexity(&unscaled(explained)?)?,
            Measure::Completeness => {
                let claimed = explained.attribution.completeness;
                claimed.map_or(Err(Undefined::NotClaimed), |c| measure::relative_residual(&c))
            }
        })
    }
}

/// The map before it is stretched to 0..1, which would turn what speaks against the class into a little that speaks
/// for it: measures of where a map's mass lies need its zero.
fn unscaled(explained: &ExplainedMap) -> Result<Map, Failure> {
    let options = MapOptions { normalize: false, ..explained.options };
    Ok(saliency_map_from(&explained.attribution.values, &options)?.map)
}

/// Insertion or deletion.
type CurveOf =
    fn(&dyn backlit::net::Engine, &Subject<'_>, &Map, usize, usize, &Run<'_>) -> Result<Measured<Curve>, MeasureError>;
