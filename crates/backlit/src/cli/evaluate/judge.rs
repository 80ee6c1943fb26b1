//! One photograph: its maps, and what the measures say of them.

use backlit::net::preprocess::Frame;
use backlit::net::{IMAGE_LEN, SIDE};
use backlit::saliency::mask::Region;
use backlit::saliency::measure::{
    self, Completeness, Confidence, Curve, Measure, MeasureError, Measured, Perturbations, RoadOptions, Undefined,
};
use backlit::saliency::{Map, MapOptions, Method, Objective, Progress, Run, Score, Subject, Target};
use backlit::{Request, Session};
use indicatif::ProgressBar;

use super::args::EvaluateArgs;
use crate::cli::failure::Failure;
use crate::cli::inputs::Loaded;
use crate::cli::interrupt;

/// A method's map, as the measures need it.
struct MethodMap {
    method: String,
    /// `[224, 224, 1]`: what is shown, ranked and pointed with.
    map: Map,
    /// `[224, 224, 1]` or `[224, 224, 3]`, with its sign and scale: what infidelity is about.
    attribution: Map,
    /// For methods that promise it.
    completeness: Option<Completeness>,
}

/// All maps of `[n, 224, 224, 3]` preprocessed images, copies of the subject, for one class: for every image, every
/// method with its own parameters. The only place that knows how maps are asked for.
fn maps_of(
    session: &Session,
    subject: Subject<'_>,
    tensor: &[f32],
    class: usize,
    methods: &[Method],
    sigma: f64,
) -> Result<Vec<Vec<MethodMap>>, Failure> {
    // There is nothing to smooth in a coarse map.
    let options = |&method: &Method| match MapOptions::for_method(method) {
        usual if method.is_coarse() => usual,
        usual => MapOptions { sigma, ..usual },
    };
    let request = Request {
        objectives: vec![Objective::logit(Target::class(class)?)],
        maps: methods.iter().map(options).collect(),
        ..Request::of(methods)
    };
    let copies: Vec<Subject<'_>> = tensor.chunks(IMAGE_LEN).map(|tensor| Subject { tensor, ..subject }).collect();
    let mut all = Vec::new();
    for explanation in session.explain_batch(&copies, &request, &Run::default().with_cancel(interrupt::flag()))? {
        let own = explanation?.maps.into_iter().map(|m| MethodMap {
            method: m.method().to_string(),
            completeness: m.attribution.completeness.map(|c| Completeness { sum: c.sum, difference: c.expected }),
            attribution: m.attribution.values,
            map: m.saliency.map,
        });
        all.push(own.collect());
    }
    Ok(all)
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

/// Where the object is: the boxes of the command line, which hold for every photograph.
///
/// Boxes from a file, by photograph, belong here too.
fn region(arguments: &EvaluateArgs, loaded: &Loaded, frame: &Frame) -> Result<Option<Region>, Failure> {
    let mut found: Option<Region> = None;
    for area in &arguments.measure.boxes {
        let region = area.region(loaded.photo.width, loaded.photo.height, frame)?;
        found = Some(found.map_or_else(|| region.clone(), |all| all.union(&region)));
    }
    Ok(found)
}

/// Passes that a photograph takes, not counting those that its maps take.
pub(super) fn passes(arguments: &EvaluateArgs, measures: &[Measure]) -> usize {
    let curve = 1 + (SIDE * SIDE).div_ceil(arguments.measure.step as usize);
    let samples = arguments.measure.samples as usize;
    let cost = |m: &Measure| match m {
        Measure::Insertion | Measure::Deletion => curve,
        Measure::Road => 2 * RoadOptions::default().percents.len(),
        Measure::Infidelity | Measure::Sensitivity => samples,
        _ => 0,
    };
    arguments.method.len() * measures.iter().map(cost).sum::<usize>()
}

/// Maps and measures of one photograph.
pub(super) fn judge(
    arguments: &EvaluateArgs,
    measures: &[Measure],
    session: &Session,
    loaded: &Loaded,
    bar: &ProgressBar,
) -> Result<(Confidence, Vec<Judged>), Failure> {
    let input = session.prepare(&loaded.photo);
    let subject = Subject::new(&input, session.preprocess().preprocessing);
    let region = region(arguments, loaded, &input.frame)?;
    let clean = measure::confidence(session.engine(), &subject, arguments.target)?;
    let judge = Judge { arguments, session, subject, clean, region, bar };
    let maps = maps_of(session, subject, subject.tensor, clean.class, &arguments.method, arguments.sigma)?.pop();
    let mut judged = Vec::new();
    for (map, &method) in maps.unwrap_or_default().iter().zip(&arguments.method) {
        let mut own = Judged { method: map.method.clone(), values: Vec::new(), curves: Vec::new() };
        for &measure in measures {
            let value = judge.value(measure, map, method, &mut own.curves)?;
            own.values.push((measure, value));
        }
        judged.push(own);
    }
    Ok((clean, judged))
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
        map: &MethodMap,
        method: Method,
        curves: &mut Vec<(CurveKind, Curve)>,
    ) -> Result<Measured, Failure> {
        let (engine, subject, class) = (self.session.engine(), &self.subject, self.clean.class);
        let options = &self.arguments.measure;
        let start = self.bar.position();
        let tell = |p: Progress| self.bar.set_position(start + p.done as u64);
        let run = Run::default().with_batch(self.arguments.network.batch.into()).with_progress(&tell);
        // Passes that cost next to nothing are not told of.
        let silent = Run::default();
        let area = |curve: &Measured<Curve>| curve.as_ref().map(Curve::area).map_err(|why| *why);
        let perturbations =
            Perturbations { samples: options.samples as usize, radius: options.radius, seed: options.seed };
        Ok(match measure {
            Measure::Insertion | Measure::Deletion => {
                let (take, kind) = match measure {
                    Measure::Insertion => (measure::insertion as CurveOf, CurveKind::Insertion),
                    _ => (measure::deletion as CurveOf, CurveKind::Deletion),
                };
                let curve = take(engine, subject, &map.map, class, options.step as usize, &run)?;
                let area = area(&curve);
                curves.extend(curve.ok().map(|c| (kind, c)));
                area
            }
            Measure::Road => {
                let road_options = RoadOptions { noise: options.noise, seed: options.seed, ..RoadOptions::default() };
                let road = measure::road(engine, subject, &map.map, class, &road_options, &run)?;
                let combined = road.as_ref().map(measure::Road::combined).map_err(|why| *why);
                if let Ok(road) = road {
                    curves.extend([(CurveKind::RoadMorf, road.morf), (CurveKind::RoadLerf, road.lerf)]);
                }
                combined
            }
            Measure::Drop | Measure::Increase => {
                let masked = measure::masked_confidence(engine, subject, &map.map, &self.clean, &silent)?;
                match measure {
                    Measure::Drop => masked.and_then(|m| m.drop()),
                    _ => masked.map(|m| m.increase()),
                }
            }
            Measure::Pointing => match &self.region {
                Some(region) => {
                    let hit = measure::points_at(&map.map, region, options.tolerance)?;
                    hit.map(|hit| f64::from(u8::from(hit)))
                }
                None => Err(Undefined::NoBox),
            },
            Measure::Mass => match &self.region {
                Some(region) => measure::mass_inside(&map.map, region)?,
                None => Err(Undefined::NoBox),
            },
            Measure::Infidelity => {
                let (attribution, clean) = (&map.attribution, &self.clean);
                measure::infidelity(engine, subject, attribution, clean, Score::Logit, perturbations, &run)?
                    .and_then(|found| found.scaled)
            }
            Measure::Sensitivity => measure::max_sensitivity(subject, perturbations, &run, |tensor| {
                let maps = maps_of(self.session, *subject, tensor, class, &[method], self.arguments.sigma)?;
                Ok::<_, Failure>(maps.into_iter().flatten().map(|m| m.map.values).collect())
            })?,
            Measure::Sparseness => measure::sparseness(&map.map)?,
            Measure::Complexity => measure::complexity(&map.map)?,
            Measure::Completeness => {
                map.completeness.map_or(Err(Undefined::NotClaimed), |completeness| completeness.relative())
            }
        })
    }
}

/// Insertion or deletion.
type CurveOf =
    fn(&dyn backlit::net::Engine, &Subject<'_>, &Map, usize, usize, &Run<'_>) -> Result<Measured<Curve>, MeasureError>;
