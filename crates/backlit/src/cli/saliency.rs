//! `backlit saliency`: maps as pictures and as numbers.

use backlit::figure::OverlayOptions;
use backlit::net::SIDE;
use backlit::{ExplainedMap, Request, output};
use serde_json::{Value, json};

use super::args::{Format, SaliencyArgs};
use super::failure::{Failure, Outcome};
use super::maps::{self, Drawing, Drawn, Explained};
use super::records::{self, Manifest};
use super::{inputs, network, predict, terminal};

pub(crate) fn run(arguments: &SaliencyArgs) -> Result<Outcome, Failure> {
    let request = maps::request(&arguments.map)?;
    let overlay = maps::overlay_options(&arguments.picture)?;
    let sources = inputs::resolve(&arguments.inputs.images)?;
    let mut manifest = Manifest::begin(&arguments.output.output)?;
    let session = network::load(&arguments.network)?;
    manifest.describe("saliency", &session);

    let (network, map) = (&arguments.network, &arguments.map);
    let drawing = Drawing { session: &session, network, map, request: &request, overlay };
    let (done, failed) = maps::for_each(&drawing, &sources, |explained| {
        let best = explained.explanation.predictions(arguments.output.top.into());
        let mut text = predict::as_text(&explained.loaded.source.name, &best);
        let mut records = Vec::new();
        for (map, drawn) in explained.explanation.maps.iter().zip(&explained.drawn) {
            let record = write(arguments, &request, &overlay, &manifest, &explained, map, drawn)?;
            for file in record["files"].as_object().into_iter().flat_map(|files| files.values()) {
                let path = manifest.path(file.as_str().unwrap_or_default());
                text.push_str(&format!("wrote {}\n", path.display()));
            }
            records.push(record);
        }
        if !arguments.output.json {
            text.push('\n');
            terminal::print(&text)?;
        }
        manifest.push(json!({
            "image": explained.loaded.source.name,
            "image_sha256": explained.loaded.sha256,
            "predictions": best,
            "maps": records,
        }));
        Ok(())
    })?;
    let record = manifest.finish()?;
    if arguments.output.json {
        terminal::print_json(&record)?;
    }
    Outcome::of(done, failed)
}

/// Writes the files of one map and returns its record.
fn write(
    arguments: &SaliencyArgs,
    request: &Request,
    overlay: &OverlayOptions,
    manifest: &Manifest,
    explained: &Explained,
    map: &ExplainedMap,
    drawn: &Drawn,
) -> Result<Value, Failure> {
    let Explained { loaded, input, explanation, .. } = explained;
    let class = map.against_idx.map_or(map.class_idx.to_string(), |a| format!("{}-{a}", map.class_idx));
    let stem = format!("{}.{}.{class}", loaded.source.stem, map.method.as_str());
    // Numbers keep the network's channel order; only pictures are RGB.
    let values = match arguments.map.compat {
        Some(_) => &drawn.map,
        None => &map.saliency.map,
    };
    let shape: &[usize] = if values.channels == 1 { &[SIDE, SIDE] } else { &[SIDE, SIDE, 3] };
    let mut files = serde_json::Map::new();
    for format in &arguments.format {
        match format {
            Format::Png => {
                let name = format!("{stem}.png");
                drawn.heat(overlay)?.save_png(&manifest.path(&name))?;
                files.insert("png".into(), json!(name));
                let name = format!("{stem}.overlay.png");
                drawn.overlay(&loaded.photo, input.frame, overlay)?.save_png(&manifest.path(&name))?;
                files.insert("overlay".into(), json!(name));
            }
            Format::Npy => {
                let name = format!("{stem}.npy");
                output::write(&manifest.path(&name), &output::npy(shape, &values.values)?)?;
                files.insert("npy".into(), json!(name));
            }
            Format::Safetensors => {
                let name = format!("{stem}.safetensors");
                let bytes = output::safetensors(&[
                    ("logits", &[explanation.logits.len()], &explanation.logits),
                    ("gradient", &[SIDE, SIDE, 3], &map.gradient),
                    ("map", shape, &values.values),
                ])?;
                output::write(&manifest.path(&name), &bytes)?;
                files.insert("safetensors".into(), json!(name));
            }
            // Written below, once all others are known.
            Format::Json => _ = files.insert("json".into(), json!(format!("{stem}.json"))),
        }
    }
    let record = records::map(request, arguments.map.compat, map, Value::Object(files));
    if let Some(name) = record["files"]["json"].as_str() {
        let mut own = record.clone();
        own["image"] = json!(loaded.source.name);
        own["predictions"] = json!(explanation.predictions(arguments.output.top.into()));
        output::write(&manifest.path(name), &serde_json::to_vec_pretty(&own)?)?;
    }
    Ok(record)
}
