//! `backlit audit`: does the network look at the object, or at what is around it?

pub(super) mod args;
mod objects;
mod table;

use backlit::figure::{Report, ReportEntry, ReportHead};
use backlit::net::preprocess::Input;
use backlit::saliency::audit::{Audit, AuditError, AuditOptions, audit};
use backlit::saliency::mask::{Experiment, Fill, Filler};
use backlit::saliency::{Progress, Run, Subject};
use backlit::{Session, output};
use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::inputs::{self, Loaded, Source};
use super::records::Manifest;
use super::{interrupt, network, terminal};
use args::AuditArgs;
use objects::{Objects, Task};
use table::Line;

/// The report, beside the manifest.
const REPORT: &str = "report.html";
/// The same numbers as a table.
const TABLE: &str = "audit.csv";

pub(crate) fn run(arguments: &AuditArgs) -> Result<Outcome, Failure> {
    let mut fills: Vec<Fill> = Vec::new();
    for &fill in &arguments.fills {
        if !fills.contains(&fill) {
            fills.push(fill);
        }
    }
    let options = AuditOptions {
        fills,
        controls: arguments.controls.into(),
        seed: arguments.seed,
        keep: arguments.keep,
        threshold: arguments.threshold,
        top: arguments.output.top.into(),
        ..AuditOptions::default()
    };
    options.check().map_err(|e| Failure::Usage(format!("--{e}")))?;
    let sources = inputs::resolve(&arguments.inputs.images)?;
    let (objects, faults) = Objects::read(arguments, &sources)?;
    let mut manifest = Manifest::begin(&arguments.output.output)?;
    let session = network::load(&arguments.network)?;
    manifest.describe("audit", &session);
    manifest.add("audit", json!(&options));
    let report = Report::new(head(&session, &options), sources.len())?;

    let _watch = interrupt::Watch::begin();
    let bar = terminal::pass_bar(sources.len() * passes(&options));
    let mut desk = Desk { arguments, session: &session, options, manifest, report, lines: Vec::new(), bar: &bar };
    let (mut done, mut failed) = (0, faults);
    for (i, source) in sources.iter().enumerate() {
        bar.set_message(format!("{} of {}", i + 1, sources.len()));
        match desk.photograph(source, &objects) {
            Ok(faults) => (done, failed) = (done + 1, failed + faults),
            Err(Failure::Pipe) => return Err(Failure::Pipe),
            Err(_) if interrupt::stopped() => return Err(Failure::Interrupted),
            Err(failure) => {
                failed += 1;
                bar.suspend(|| inputs::explain(source, &failure));
            }
        }
        bar.set_position(((i + 1) * passes(&desk.options)) as u64);
        interrupt::check()?;
    }
    bar.finish_and_clear();
    desk.finish(done, failed)
}

/// Passes of one picture through the network: gradient, features, and the variants.
fn passes(options: &AuditOptions) -> usize {
    2 + options.fills.len() * (2 + options.controls)
}

fn head(session: &Session, options: &AuditOptions) -> ReportHead {
    let (model, info) = (session.model(), session.engine().info());
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let fills = options.fills.iter().map(|f| f.as_str()).collect::<Vec<_>>().join(", ");
    ReportHead {
        facts: vec![
            fact("Model", format!("ResNet-50 {}", model.variant.as_str())),
            fact("Weights", model.source.clone()),
            fact("SHA-256 of the weights", model.weights_sha256.clone()),
            fact("Fills", fills),
            fact("Boxes elsewhere", options.controls.to_string()),
            fact("A class stays at", format!("{} of its probability", options.keep)),
            fact("Seed", options.seed.to_string()),
            fact("Backlit", format!("{} ({}, {})", env!("CARGO_PKG_VERSION"), info.name, info.precision.as_str())),
        ],
        fills: options.fills.clone(),
    }
}

/// Where results are gathered.
struct Desk<'a> {
    arguments: &'a AuditArgs,
    session: &'a Session,
    options: AuditOptions,
    manifest: Manifest,
    report: Report,
    lines: Vec<Line>,
    bar: &'a indicatif::ProgressBar,
}

impl Desk<'_> {
    /// Audits one photograph and returns how many of its boxes could not be used.
    fn photograph(&mut self, source: &Source, objects: &Objects) -> Result<usize, Failure> {
        let loaded = source.load(self.arguments.network.orientation)?;
        let input = self.session.prepare(&loaded.photo);
        let find = || objects.tasks(self.arguments, source, &loaded.photo, &input.frame);
        let (tasks, faults) = self.bar.suspend(find)?;
        if tasks.is_empty() {
            return Err(Failure::Message("none of its boxes can be used".into()));
        }
        for task in &tasks {
            let found = self.audit(&input, task)?;
            self.record(&loaded, &input, task, &found)?;
        }
        Ok(faults)
    }

    fn audit(&self, input: &Input, task: &Task) -> Result<Audit, AuditError> {
        let subject = Subject::new(input, self.session.preprocess().preprocessing);
        let options = AuditOptions { target: task.target, ..self.options.clone() };
        let (bar, before) = (self.bar, self.bar.position());
        let tell = |p: Progress| bar.set_position(before + p.done as u64);
        let batch = usize::from(self.arguments.network.batch);
        let run = Run::default().with_batch(batch).with_cancel(interrupt::flag()).with_progress(&tell);
        audit(self.session.engine(), &subject, task.region.as_ref(), &options, &run)
    }

    fn record(&mut self, loaded: &Loaded, input: &Input, task: &Task, audit: &Audit) -> Result<(), Failure> {
        let name = &loaded.source.name;
        // The pictures of the first fill, if the experiment was made at all.
        let region = audit.object.as_ref().filter(|_| !audit.fills.is_empty()).map(|o| &o.region);
        let preprocessing = self.session.preprocess().preprocessing;
        let filler = Filler::new(&input.rgb, self.options.fills[0], preprocessing, self.options.seed)?;
        let variant = |experiment| region.map(|r| filler.apply(r, experiment)).transpose();
        let (hidden, alone) = (variant(Experiment::Hide)?, variant(Experiment::Keep)?);
        self.report.push(&ReportEntry {
            name,
            photo: (&loaded.photo).into(),
            frame: input.frame,
            audit,
            hidden: hidden.as_deref(),
            alone: alone.as_deref(),
        })?;
        self.lines.push(Line::new(name, task, audit));
        self.manifest.push(record(loaded, task, audit)?);
        Ok(())
    }

    /// Writes the files, and the table to the terminal.
    fn finish(mut self, done: usize, failed: usize) -> Result<Outcome, Failure> {
        if self.lines.is_empty() {
            return Err(Failure::Reported);
        }
        table::rank(&mut self.lines);
        output::write(&self.manifest.path(TABLE), &table::csv(&self.lines, &self.options.fills)?)?;
        self.report.save(&self.manifest.path(REPORT))?;
        self.manifest.add_files(&[REPORT.to_owned(), TABLE.to_owned()]);
        if !self.arguments.output.json {
            let mut text = table::text(&self.lines);
            for file in [REPORT, TABLE] {
                text.push_str(&format!("wrote {}\n", self.manifest.path(file).display()));
            }
            terminal::print(&text)?;
        }
        let record = self.manifest.finish()?;
        if self.arguments.output.json {
            terminal::print_json(&record)?;
        }
        Outcome::of(done, failed)
    }
}

/// The record of one audit: all of it, but of the controls only the class followed.
fn record(loaded: &Loaded, task: &Task, audit: &Audit) -> Result<Value, Failure> {
    let mut value = json!({
        "image": loaded.source.name,
        "image_sha256": loaded.sha256,
        "boxes": task.boxes,
    });
    let mut found = serde_json::to_value(audit)?;
    for fill in found["fills"].as_array_mut().into_iter().flatten() {
        for reading in fill["controls"].as_array_mut().into_iter().flatten() {
            *reading = reading["original"].take();
        }
    }
    if let (Some(all), Value::Object(found)) = (value.as_object_mut(), found) {
        all.extend(found);
    }
    Ok(value)
}
