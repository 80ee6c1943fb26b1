//! `backlit evaluate`: how good are the maps?

mod args;
mod judge;
mod plots;
mod report;

use backlit::output;
use backlit::saliency::measure::{Bootstrap, Measure};
use backlit::saliency::smooth::{MAX_RADIUS, TRUNCATE};
use serde_json::json;

pub(crate) use args::EvaluateArgs;

use super::failure::{Failure, Outcome};
use super::records::Manifest;
use super::{inputs, network, terminal};
use args::Format;
use report::Report;

pub(crate) fn run(arguments: &EvaluateArgs) -> Result<Outcome, Failure> {
    let measures = check(arguments)?;
    let sources = inputs::resolve(&arguments.inputs.images)?;
    let mut manifest = Manifest::begin(&arguments.output)?;
    let session = network::load(&arguments.network)?;
    manifest.describe("evaluate", &session);

    let options = &arguments.measure;
    let passes = judge::passes(arguments, &measures);
    let bar = terminal::pass_bar(sources.len() * passes);
    let bootstrap = Bootstrap { resamples: options.resamples as usize, seed: options.seed };
    let mut report = Report::new(measures.clone(), bootstrap);
    let (mut done, mut failed) = (0, 0);
    for (i, source) in sources.iter().enumerate() {
        let result = source.load(arguments.network.orientation).and_then(|loaded| {
            let judged = judge::judge(arguments, &measures, &session, &loaded, &bar)?;
            Ok((loaded.sha256, judged))
        });
        match result {
            Ok((sha256, (class, judged))) => {
                done += 1;
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
            Err(failure) => {
                failed += 1;
                bar.suspend(|| inputs::explain(source, &failure));
            }
        }
        bar.set_position(((i + 1) * passes) as u64);
    }
    bar.finish_and_clear();
    if done == 0 {
        return Outcome::of(done, failed);
    }

    let curves = report.mean_curves();
    let settings = json!({
        "measures": measures,
        "target": arguments.target.to_string(),
        "sigma": arguments.sigma,
        "step": options.step,
        "noise": options.noise,
        "samples": options.samples,
        "radius": options.radius,
        "boxes": options.boxes,
        "tolerance": options.tolerance,
        "seed": options.seed,
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
    }
    if arguments.format.contains(&Format::Json) {
        let record = json!({ "photographs": done, "settings": settings, "methods": summary });
        let mut bytes = serde_json::to_vec_pretty(&record)?;
        bytes.push(b'\n');
        write("evaluation.json", &bytes)?;
    }
    if arguments.format.contains(&Format::Png) {
        for (name, picture) in plots::plots(&report, &curves)? {
            write(name, &picture.to_png()?)?;
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
    manifest.add_files(&files);
    let record = manifest.finish()?;
    if arguments.json {
        terminal::print_json(&record)?;
    }
    Outcome::of(done, failed)
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
    if let Some(measure) = measures.iter().find(|m| m.needs_box()).filter(|_| options.boxes.is_empty()) {
        return usage(format!("{measure} needs to know where the object is: pass --box X,Y,W,H"));
    }
    if arguments.method.iter().enumerate().any(|(i, m)| arguments.method[..i].contains(m)) {
        return usage("a method is named twice".into());
    }
    let largest = MAX_RADIUS as f64 / TRUNCATE;
    if !(0.0..=largest).contains(&arguments.sigma) {
        return usage(format!("--sigma is {:?}: it must lie between 0 and {largest}", arguments.sigma));
    }
    if !(0.0..=100.0).contains(&options.noise) {
        return usage(format!("--noise is {:?}: it must lie between 0 and 100", options.noise));
    }
    if !(options.radius > 0.0 && options.radius <= 1.0) {
        return usage(format!("--radius is {:?}: a share of the range lies above 0 and is at most 1", options.radius));
    }
    if !(0.0..=1000.0).contains(&options.tolerance) {
        return usage(format!("--tolerance is {:?}: it must lie between 0 and 1000", options.tolerance));
    }
    Ok(measures)
}
