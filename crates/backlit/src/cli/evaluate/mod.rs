//! `backlit evaluate`: how good are the maps?

mod args;
mod judge;
mod plots;
mod report;
mod sanity;

use backlit::saliency::measure::{Bootstrap, Measure};
use backlit::saliency::{Compat, Recipe, Reduction};
use backlit::{Request, output};
use serde_json::{Value, json};

pub(crate) use args::EvaluateArgs;

use super::failure::{Failure, Outcome};
use super::records::Manifest;
use super::{inputs, interrupt, network, objects, requests, terminal};
use args::Format;
use judge::{Court, Photograph};
use report::Report;
use sanity::{Cascade, Waiting};

pub(crate) fn run(arguments: &EvaluateArgs) -> Result<Outcome, Failure> {
    let measures = check(arguments)?;
    let sources = inputs::resolve(&arguments.inputs.images)?;
    let options = &arguments.measure;
    let (boxes, faults) = match &options.boxes {
        Some(path) => objects::open(path, &arguments.inputs.images, &sources).map(|(list, n)| (Some(list), n))?,
        None => (None, 0),
    };
    let mut manifest = Manifest::begin(&arguments.output)?;
    let weights = network::weights(&arguments.network)?;
    let session = network::session(&weights, &arguments.network, &arguments.map.method)?;
    let request = requests::request(&arguments.map, &arguments.recipe, &session)?;
    manifest.describe("evaluate", &session);

    let passes = judge::passes(arguments, &measures);
    let _watch = interrupt::Watch::begin();
    let bar = terminal::pass_bar(sources.len() * passes);
    let bootstrap = Bootstrap { resamples: options.resamples as usize, seed: options.measure_seed };
    let mut report = Report::new(measures.clone(), bootstrap);
    let (mut done, mut failed) = (0, faults);
    let mut cascade = options.sanity.then(|| Cascade::new(arguments, &weights, &request));
    let court = Court {
        arguments,
        measures: &measures,
        session: &session,
        request: &request,
        boxes: boxes.as_ref(),
        bar: &bar,
    };
    for (i, source) in sources.iter().enumerate() {
        let result = source.load(arguments.network.orientation).and_then(|loaded| {
            let photograph = judge::judge(&court, &loaded)?;
            Ok((loaded.sha256, photograph))
        });
        match result {
            Ok((sha256, Photograph { class, judged, faults, input, maps })) => {
                (done, failed) = (done + 1, failed + faults);
                if let Some(cascade) = &mut cascade {
                    cascade.push(Waiting { input, class: class.class, trained: maps }).map_err(interrupt::reason)?;
                }
                let methods = report.push(&source.name, class, judged);
                let label = backlit::net::labels::label(class.class);
                manifest.push(json!({
                    "image": source.name,
                    "image_sha256": sha256,
                    "class_idx": class.class,
                    "wnid": label.wnid,
                    "label": label.name,
                    "logit": class.logit,
                    "probability": class.probability,
                    "methods": methods,
                }));
            }
            Err(Failure::Pipe) => return Err(Failure::Pipe),
            Err(_) if interrupt::stopped() => return Err(Failure::Interrupted),
            Err(failure) => {
                failed += 1;
                bar.suspend(|| inputs::explain(source, &failure));
            }
        }
        bar.set_position(((i + 1) * passes) as u64);
        interrupt::check()?;
    }
    bar.finish_and_clear();
    if done == 0 {
        return Outcome::of(done, failed);
    }

    if let Some(cascade) = &mut cascade {
        cascade.flush().map_err(interrupt::reason)?;
    }
    let curves = report.mean_curves();
    let sanity = cascade.as_ref().map(Cascade::as_json);
    let settings = json!({
        "measures": measures,
        "target": request.objectives[0].target.to_string(),
        "score": request.objectives[0].score,
        "compat": arguments.map.compat.map(Compat::as_str),
        "maps": recipes(&request),
        "step": options.step,
        "road_noise": options.road_noise,
        "perturbations": options.perturbations,
        "radius": options.radius,
        "box": options.areas,
        "boxes": options.boxes,
        "tolerance": options.tolerance,
        "measure_seed": options.measure_seed,
        "resamples": options.resamples,
    });
    let summary = report.as_json(&curves);
    let mut files: Vec<String> = Vec::new();
    let mut write = |name: &str, bytes: &[u8]| -> Result<(), Failure> {
        output::write(&manifest.path(name), bytes)?;
        files.push(name.to_owned());
        Ok(())
    };
    if arguments.format.contains(&Format::Csv) {
        write("evaluation.csv", &report.as_csv()?)?;
        if let Some(cascade) = &cascade {
            write("sanity.csv", &cascade.as_csv()?)?;
        }
    }
    if arguments.format.contains(&Format::Json) {
        let mut record = json!({ "photographs": done, "settings": settings, "methods": summary });
        if let Some(sanity) = &sanity {
            record["sanity"] = sanity.clone();
        }
        let mut bytes = serde_json::to_vec_pretty(&record)?;
        bytes.push(b'\n');
        write("evaluation.json", &bytes)?;
    }
    if arguments.format.contains(&Format::Png) {
        for (name, picture) in plots::plots(&report, &curves)? {
            write(name, &picture.to_png()?)?;
        }
        if let Some(cascade) = &cascade {
            write("sanity.png", &cascade.plot()?.to_png()?)?;
        }
    }
    if !arguments.json {
        let photographs = if done == 1 { "photograph" } else { "photographs" };
        let mut text = format!("{done} {photographs}, mean and 95 % interval\n{}", report.as_text());
        files.iter().for_each(|f| text.push_str(&format!("wrote {}\n", manifest.path(f).display())));
        terminal::print(&text)?;
    }
    manifest.add("settings", settings);
    manifest.add("summary", summary);
    if let Some(sanity) = sanity {
        manifest.add("sanity", sanity);
    }
    manifest.add_files(&files);
    let record = manifest.finish()?;
    if arguments.json {
        terminal::print_json(&record)?;
    }
    Outcome::of(done, failed)
}

/// Every recipe with its parameters, and how its maps are made.
fn recipes(request: &Request) -> Vec<Value> {
    let record = |(index, recipe): (usize, &Recipe)| json!({ "method": recipe.method(), "parameters": recipe, "options": request.map_options(index) });
    request.recipes.iter().enumerate().map(record).collect()
}

/// The measures, each once; what cannot be is refused before anything is loaded.
fn check(arguments: &EvaluateArgs) -> Result<Vec<Measure>, Failure> {
    let options = &arguments.measure;
    let mut measures: Vec<Measure> = Vec::new();
    for &measure in &options.measures {
        if !measures.contains(&measure) {
            measures.push(measure);
        }
    }
    let usage = |message: String| Err(Failure::Usage(message));
    if let Some(measure) =
        measures.iter().find(|m| m.needs_box()).filter(|_| options.areas.is_empty() && options.boxes.is_none())
    {
        return usage(format!("{measure} needs to know where the object is: pass --box X,Y,W,H or --boxes FILE"));
    }
    requests::check(&arguments.map, &arguments.recipe)?;
    match arguments.map.objectives()[..] {
        [only] if only.against.is_none() => (),
        _ => return usage("the measures follow one class: name one --target, and no --against or --contrast".into()),
    }
    if arguments.map.reduce == Some(Reduction::None) {
        return usage("the measures take maps of one channel: leave out --reduce none".into());
    }
    if arguments.map.compat == Some(Compat::KerasVis041) {
        let message = "--compat keras-vis-0.4.1 makes a picture, which cannot be measured: take keras-vis-master";
        return usage(message.into());
    }
    if !(0.0..=100.0).contains(&options.road_noise) {
        return usage(format!("--road-noise is {:?}: it must lie between 0 and 100", options.road_noise));
    }
    if !(options.radius > 0.0 && options.radius <= 1.0) {
        return usage(format!("--radius is {:?}: a share of the range lies above 0 and is at most 1", options.radius));
    }
    if !(0.0..=1000.0).contains(&options.tolerance) {
        return usage(format!("--tolerance is {:?}: it must lie between 0 and 1000", options.tolerance));
    }
    Ok(measures)
}
