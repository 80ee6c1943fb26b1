//! `backlit activation`: the picture that has most of a class.

use std::path::PathBuf;

use backlit::Session;
use backlit::figure::Picture;
use backlit::net::{SIDE, labels, named};
use backlit::saliency::activation::{Ascent, ClassModel, KerasVis, Normalization, Step, maximise};
use backlit::saliency::{Cancelled, Run, Target};
use clap::Args;
use serde_json::{Value, json};

use super::args::NetworkArgs;
use super::failure::{Failure, Outcome};
use super::records::Manifest;
use super::{interrupt, network, terminal};

#[derive(Args, Debug)]
pub(crate) struct ActivationArgs {
    /// Class to draw: an index, a WordNet id or a name; several with commas or repeated, each its own picture
    #[arg(long, value_delimiter = ',', required = true)]
    pub(crate) target: Vec<Target>,
    /// How to climb: keras-vis (visualize_activation) or simonyan (class model)
    #[arg(long, default_value = "keras-vis")]
    pub(crate) method: Climb,
    /// Steps, each of them one gradient
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) steps: u32,
    /// Also write the picture after every so many steps; 0 for the last one only
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) every: u32,
    /// Folder for the files; made if missing
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub(crate) output: PathBuf,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// keras-vis: weight of the L_p norm [default: 10]
    #[arg(long, value_name = "WEIGHT", help_heading = "Climb")]
    pub(crate) lp_weight: Option<f64>,
    /// keras-vis: weight of the total variation [default: 10]
    #[arg(long, value_name = "WEIGHT", help_heading = "Climb")]
    pub(crate) tv_weight: Option<f64>,
    /// keras-vis: move the picture before every step by up to this share of a side; keras-vis' Jitter has 0.05
    /// [default: 0]
    #[arg(long, value_name = "SHARE", help_heading = "Climb")]
    pub(crate) jitter: Option<f64>,
    /// keras-vis: what the gradient is divided by, rms (0.4.1) or l2 (later) [default: rms]
    #[arg(long, value_name = "NORM", help_heading = "Climb")]
    pub(crate) normalization: Option<Normalization>,
    /// keras-vis: seed of the noise that it begins with, and of the jitter [default: 0]
    #[arg(long, help_heading = "Climb")]
    pub(crate) seed: Option<u64>,
    /// simonyan: weight of the squared norm [default: 1e-5]
    #[arg(long, help_heading = "Climb")]
    pub(crate) lambda: Option<f64>,
    /// simonyan: grey levels for a unit of the gradient [default: 1000]
    #[arg(long, help_heading = "Climb")]
    pub(crate) rate: Option<f64>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// A way to climb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Climb {
    KerasVis,
    Simonyan,
}

named!(Climb, "method", { KerasVis = "keras-vis" | "keras_vis", Simonyan = "simonyan" | "class_model" });

pub(crate) fn run(arguments: &ActivationArgs) -> Result<Outcome, Failure> {
    let ascent = ascent(arguments)?;
    let classes = classes(&arguments.target)?;
    let mut manifest = Manifest::begin(&arguments.output)?;
    let session = network::load(&arguments.network)?;
    manifest.describe("activation", &session);
    let _watch = interrupt::Watch::begin();
    for class in classes {
        let record = draw(arguments, &ascent, class, &session, &manifest)?;
        if !arguments.json {
            let mut text = format!("{}: {}\n", labels::label(class).name, outcome(&record));
            for file in files(&record) {
                text.push_str(&format!("wrote {}\n", manifest.path(file).display()));
            }
            terminal::print(&text)?;
        }
        manifest.push(record);
    }
    let record = manifest.finish()?;
    if arguments.json {
        terminal::print_json(&record)?;
    }
    Ok(Outcome::Done)
}

/// Climbs for one class, writes its pictures and returns the record.
fn draw(
    arguments: &ActivationArgs,
    ascent: &Ascent,
    class: usize,
    session: &Session,
    manifest: &Manifest,
) -> Result<Value, Failure> {
    let label = labels::label(class);
    let stem = format!("activation.{}.{class}", ascent.name());
    let preprocessing = session.preprocess().preprocessing;
    let save = |name: &str, rgb: Vec<u8>| -> Result<(), Failure> {
        Ok(Picture::new(SIDE, SIDE, rgb)?.save_png(&manifest.path(name))?)
    };
    let bar = terminal::step_bar(ascent.steps());
    let (mut on_the_way, mut failure) = (Vec::new(), None);
    let mut on_step = |step: &Step<'_>| {
        bar.set_position(step.step as u64);
        bar.set_message(format!("{} {:.1}", label.name, step.score));
        if arguments.every > 0 && step.step.is_multiple_of(arguments.every as usize) {
            let name = format!("{stem}.step-{:0width$}.png", step.step, width = ascent.steps().to_string().len());
            if let Err(error) = save(&name, ascent.picture(step.tensor, preprocessing)) {
                failure = Some(error);
                return Err(Cancelled);
            }
            on_the_way.push(name);
        }
        Ok(())
    };
    let run = Run::default().with_cancel(interrupt::flag());
    let found = maximise(session.engine(), &[class], ascent, preprocessing, &run, &mut on_step);
    bar.finish_and_clear();
    if let Some(failure) = failure {
        return Err(failure);
    }
    interrupt::check()?;
    let found = found?;
    let name = format!("{stem}.png");
    save(&name, found.rgb)?;
    Ok(json!({
        "method": ascent.name(),
        "params": parameters(ascent)?,
        "target": { "class_idx": class, "wnid": label.wnid, "label": label.name },
        "scores": found.scores,
        "losses": found.losses,
        "files": { "png": name, "steps": on_the_way },
    }))
}

/// The fields of the options, without the name of their kind.
fn parameters(ascent: &Ascent) -> Result<Value, Failure> {
    Ok(match ascent {
        Ascent::KerasVis(options) => serde_json::to_value(options)?,
        Ascent::ClassModel(options) => serde_json::to_value(options)?,
    })
}

/// `logit -1.2, then 310.5`.
fn outcome(record: &Value) -> String {
    let scores = record["scores"].as_array();
    let at = |score: Option<&Value>| score.and_then(Value::as_f64).unwrap_or_default();
    let (first, last) = (at(scores.and_then(|s| s.first())), at(scores.and_then(|s| s.last())));
    format!("logit {first:.2} at first, {last:.2} before the last step")
}

fn files(record: &Value) -> impl Iterator<Item = &str> {
    let steps = record["files"]["steps"].as_array().into_iter().flatten();
    steps.chain(std::iter::once(&record["files"]["png"])).filter_map(Value::as_str)
}

/// There is no photograph here whose best class could be meant.
fn classes(targets: &[Target]) -> Result<Vec<usize>, Failure> {
    let mut found = Vec::new();
    for target in targets {
        let name = target.to_string();
        let class: usize = name.parse().map_err(|_| {
            Failure::Usage(format!("--target {name} has no photograph to be the best class of: name a class"))
        })?;
        if !found.contains(&class) {
            found.push(class);
        }
    }
    Ok(found)
}

fn ascent(arguments: &ActivationArgs) -> Result<Ascent, Failure> {
    let refuse = |others: &[(&str, bool)]| match others.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((flag, _)) => {
            let method = arguments.method;
            Err(Failure::Usage(format!("--method {method} has no use for {flag}: leave it out")))
        }
    };
    let steps = arguments.steps as usize;
    match arguments.method {
        Climb::KerasVis => {
            refuse(&[("--lambda", arguments.lambda.is_some()), ("--rate", arguments.rate.is_some())])?;
            let default = KerasVis::default();
            Ok(Ascent::KerasVis(KerasVis {
                steps,
                lp_weight: arguments.lp_weight.unwrap_or(default.lp_weight),
                tv_weight: arguments.tv_weight.unwrap_or(default.tv_weight),
                jitter: arguments.jitter.unwrap_or(default.jitter),
                normalization: arguments.normalization.unwrap_or(default.normalization),
                seed: arguments.seed.unwrap_or(default.seed),
                ..default
            }))
        }
        Climb::Simonyan => {
            refuse(&[
                ("--lp-weight", arguments.lp_weight.is_some()),
                ("--tv-weight", arguments.tv_weight.is_some()),
                ("--jitter", arguments.jitter.is_some()),
                ("--normalization", arguments.normalization.is_some()),
                ("--seed", arguments.seed.is_some()),
            ])?;
            let default = ClassModel::default();
            let (lambda, rate) = (arguments.lambda.unwrap_or(default.lambda), arguments.rate.unwrap_or(default.rate));
            Ok(Ascent::ClassModel(ClassModel { steps, lambda, rate }))
        }
    }
}
