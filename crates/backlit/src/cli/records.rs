//! Records: what a run did, as JSON, for `--json` and for `manifest.json`.

use std::path::{Path, PathBuf};

use backlit::saliency::{Compat, Recipe};
use backlit::{ExplainedMap, Session, output};
use serde_json::{Value, json};

use super::drawn::Drawn;
use super::failure::{Failure, note};
use super::locate::Location;

/// Name of the manifest in the folder of a run.
pub(crate) const MANIFEST: &str = "manifest.json";
/// Version of its layout.
const SCHEMA: u32 = 1;

/// Collects the records of a run and writes `manifest.json` last, as the sign that the run is complete.
pub(crate) struct Manifest {
    folder: PathBuf,
    /// The folders that were not there before, the innermost first.
    made: Vec<PathBuf>,
    head: Value,
    images: Vec<Value>,
}

impl Manifest {
    /// Begins a run that writes into `folder`, which is made if it is missing and must be writable.
    pub(crate) fn begin(folder: &Path) -> Result<Manifest, Failure> {
        let error = |what: &str, e: std::io::Error| {
            Failure::Message(format!(
                "cannot {what} the folder {}: {}: name another one with -o",
                folder.display(),
                e.kind()
            ))
        };
        if folder.exists() && !folder.is_dir() {
            let message = format!("{} is a file, expected a folder: name another one with -o", folder.display());
            return Err(Failure::Message(message));
        }
        let missing = folder.ancestors().take_while(|f| !f.as_os_str().is_empty() && !f.exists());
        // Made from here on, and taken away again if nothing comes of it.
        let manifest = Manifest {
            folder: folder.to_owned(),
            made: missing.map(Path::to_owned).collect(),
            head: Value::Null,
            images: Vec::new(),
        };
        std::fs::create_dir_all(folder).map_err(|e| error("make", e))?;
        // Better to know now than after the download and the work.
        tempfile::tempfile_in(folder).map_err(|e| error("write to", e))?;
        Ok(manifest)
    }

    /// Writes down what computes, and how. From here on files are written: an older run's manifest no longer holds.
    pub(crate) fn describe(&mut self, command: &str, session: &Session) {
        let _ = std::fs::remove_file(self.path(MANIFEST));
        let (model, preprocess, engine) = (session.model(), session.preprocess(), session.engine().info());
        self.head = json!({
            "schema_version": SCHEMA,
            "command": command,
            "model": {
                "name": "resnet50",
                "variant": model.variant.as_str(),
                "epsilon": model.epsilon,
                "source": model.source,
                "weights_sha256": model.weights_sha256,
            },
            "preprocess": {
                "mode": preprocess.preprocessing.as_str(),
                "resize": preprocess.grid.resize.as_str(),
                "filter": preprocess.grid.filter.as_str(),
                "size": [backlit::net::SIDE, backlit::net::SIDE],
                "channel_order": preprocess.preprocessing.channel_order(),
            },
            "engine": {
                "version": env!("CARGO_PKG_VERSION"),
                "kernel": format!("{}/{}/{}", engine.name, engine.precision.as_str(), engine.isa),
                "seed": null,
            },
        });
    }

    /// A file of the run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Adds files that belong to the run as a whole.
    pub(crate) fn add_files(&mut self, names: &[String]) {
        self.head["files"] = json!(names);
    }

    /// Adds what is known of the run as a whole.
    pub(crate) fn add(&mut self, key: &str, value: Value) {
        self.head[key] = value;
    }

    /// Adds the record of one photograph.
    pub(crate) fn push(&mut self, record: Value) {
        self.images.push(record);
    }

    /// Writes `manifest.json` and returns all that is in it; after a run without results there is none.
    pub(crate) fn finish(mut self) -> Result<Value, Failure> {
        if self.images.is_empty() {
            return Err(Failure::Reported);
        }
        faint(&mut self.images).into_iter().for_each(note);
        self.head["images"] = Value::Array(std::mem::take(&mut self.images));
        let mut bytes = serde_json::to_vec_pretty(&self.head)?;
        bytes.push(b'\n');
        output::write(&self.path(MANIFEST), &bytes)?;
        Ok(std::mem::take(&mut self.head))
    }
}

impl Drop for Manifest {
    /// A run that came to nothing leaves no empty folders behind; those with something in them cannot be removed.
    fn drop(&mut self) {
        for folder in &self.made {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// The record of a map; `files` are the files made from it, by kind.
pub(crate) fn map(
    compat: Option<Compat>,
    map: &ExplainedMap,
    drawn: &Drawn,
    location: Option<&Location>,
    files: Value,
) -> Value {
    let (saliency, options, found) = (&map.saliency, &map.options, &map.attribution);
    let label = backlit::net::labels::label(map.class_idx);
    json!({
        "method": map.method().as_str(),
        "params": {
            "score": map.objective.score.as_str(),
            "recipe": recipe(&map.recipe),
            "modifier": options.modifier.as_str(),
            "reduce": options.reduction.as_str(),
            "normalize": options.normalize,
            "sigma": options.sigma,
            "truncate": options.truncate,
            "compat": compat,
        },
        "target": {
            "asked": map.objective.target.to_string(),
            "class_idx": map.class_idx,
            "wnid": label.wnid,
            "label": label.name,
            "against": map.against_idx,
        },
        "min": saliency.raw_min,
        "max": saliency.raw_max,
        "blank": saliency.blank,
        "near_zero": saliency.is_near_zero(map.method()),
        "faint": false,
        "caution": map.method().caution(),
        "scale": drawn.scale,
        "location": location.map(Location::record),
        "samples": found.samples,
        "residual": found.completeness.map(|c| c.residual),
        "completeness": found.completeness,
        "files": files,
    })
}

/// All parameters of a method; an empty object if it has none.
fn recipe(recipe: &Recipe) -> Value {
    match json!(recipe) {
        Value::Object(parameters) => Value::Object(parameters),
        _ => json!({}),
    }
}

/// A map is faint if it spans less than this share of what the run's maps of its method span in the middle.
const FAINT: f64 = 0.01;
/// Maps of a method that it takes to say so.
const ENOUGH: usize = 3;

/// Marks the maps that are faint among the others of the run; returns what to say about them.
fn faint(images: &mut [Value]) -> Vec<String> {
    let span = |map: &Value| map["max"].as_f64().unwrap_or(0.0) - map["min"].as_f64().unwrap_or(0.0);
    let mut spans: std::collections::BTreeMap<String, Vec<f64>> = Default::default();
    let maps = |image: &Value| image["maps"].as_array().cloned().unwrap_or_default();
    for map in images.iter().flat_map(maps) {
        spans.entry(map["method"].to_string()).or_default().push(span(&map));
    }
    spans.values_mut().for_each(|all| all.sort_unstable_by(f64::total_cmp));
    let mut said = Vec::new();
    for image in images {
        let name = image["image"].as_str().unwrap_or_default().to_owned();
        for map in image.get_mut("maps").and_then(Value::as_array_mut).into_iter().flatten() {
            let all = &spans[&map["method"].to_string()];
            let (own, middle) = (span(map), all[all.len() / 2]);
            if all.len() >= ENOUGH && own < FAINT * middle {
                map["faint"] = json!(true);
                let method = map["method"].as_str().unwrap_or_default();
                said.push(format!(
                    "{name}: the {method} map is faint: its values span {own:.1e}, half of the run's span {middle:.1e} or more"
                ));
            }
        }
    }
    said
}
