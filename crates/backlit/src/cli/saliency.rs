//! `backlit saliency`: maps as pictures and as numbers.

use backlit::figure::{Picture, outline, with_caption};
use backlit::saliency::{Map, Method};
use backlit::{ExplainedMap, output};
use serde_json::{Value, json};

use super::animate::Animation;
use super::args::{Format, SaliencyArgs};
use super::drawn::{Drawn, Style};
use super::failure::{Failure, Outcome};
use super::frames::{self, Frames};
use super::locate::Location;
use super::maps::{self, Drawing, Explained};
use super::records::{self, Manifest};
use super::{inputs, network, predict, requests, terminal};

pub(crate) fn run(arguments: &SaliencyArgs) -> Result<Outcome, Failure> {
    requests::check(&arguments.map, &arguments.recipe)?;
    arguments.locate.check(&arguments.map)?;
    let overlay = maps::overlay_options(&arguments.picture)?;
    let frames = match arguments.view.animate {
        Some(_) => frames::unroll(inputs::resolve(&arguments.inputs.images)?)?,
        None => Frames::still(inputs::resolve(&arguments.inputs.images)?),
    };
    let sources = &frames.sources;
    let mut manifest = Manifest::begin(&arguments.output.output)?;
    let session = network::load_for(&arguments.network, &arguments.map.method)?;
    let request = requests::request(&arguments.map, &arguments.recipe, &session)?;
    manifest.describe("saliency", &session);

    let mut animation = arguments
        .view
        .animate
        .map(|kind| Animation::begin(kind, arguments.view.milliseconds(frames.milliseconds), &request));
    let style = Style {
        compat: arguments.map.compat,
        colormap: arguments.picture.cmap,
        view: &arguments.view,
        overlay,
        preprocessing: session.preprocess().preprocessing,
    };
    let drawing = Drawing { session: &session, network: &arguments.network, request: &request, style };
    let (done, failed) = maps::for_each(&drawing, sources, |explained| {
        let best = explained.explanation.predictions(arguments.output.top.into());
        let mut text = predict::as_text(&explained.loaded.source.name, &best);
        let mut records = Vec::new();
        for (index, (map, drawn)) in explained.explanation.maps.iter().zip(&explained.drawn).enumerate() {
            let values = maps::values(arguments.map.compat, map, drawn);
            let location = arguments.locate.find(values, explained.frame)?;
            let mut record = write(arguments, &manifest, &explained, map, drawn, location.as_ref())?;
            if let Some(location) = &location {
                text.push_str(&location.as_text(map.method().as_str()));
            }
            for file in record["files"].as_object().into_iter().flat_map(|files| files.values()) {
                let path = manifest.path(file.as_str().unwrap_or_default());
                text.push_str(&format!("wrote {}\n", path.display()));
            }
            if let Some(animation) = &mut animation {
                let picture = drawn.with_legend(overlay_with_box(drawn, &explained, location.as_ref())?)?;
                // All frames have one size, so they say only what holds for all.
                let picture = with_words(picture, map.method().caution().map(str::to_owned).into_iter().collect())?;
                record["files"]["animation"] = json!(animation.push(&manifest, index, picture)?);
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
    if let Some(animation) = &mut animation {
        manifest.add_files(&animation.finish()?);
    }
    let record = manifest.finish()?;
    if arguments.output.json {
        terminal::print_json(&record)?;
    }
    Outcome::of(done, failed)
}

/// The map over its photograph, and the box that was found in it.
fn overlay_with_box(drawn: &Drawn, explained: &Explained, location: Option<&Location>) -> Result<Picture, Failure> {
    let mut over = drawn.overlay(&explained.loaded.photo, explained.frame)?;
    if let Some(area) = location.and_then(|l| l.area) {
        outline(&mut over, area)?;
    }
    drawn.with_legend(over)
}

/// The picture with what must be said of its map below it, if anything: blank, near zero, or of a method that shows
/// edges more than the class.
fn captioned(picture: Picture, map: &ExplainedMap) -> Result<Picture, Failure> {
    with_words(picture, maps::faintness(map).into_iter().chain(map.method().caution().map(str::to_owned)).collect())
}

fn with_words(picture: Picture, words: Vec<String>) -> Result<Picture, Failure> {
    Ok(if words.is_empty() { picture } else { with_caption(&picture, &words.join("; "))? })
}

/// Writes the files of one map and returns its record.
fn write(
    arguments: &SaliencyArgs,
    manifest: &Manifest,
    explained: &Explained,
    map: &ExplainedMap,
    drawn: &Drawn,
    location: Option<&Location>,
) -> Result<Value, Failure> {
    let Explained { loaded, explanation, .. } = explained;
    let class = map.against_idx.map_or(map.class_idx.to_string(), |a| format!("{}-{a}", map.class_idx));
    let stem = format!("{}.{}.{class}", loaded.source.stem, map.method());
    let values = maps::values(arguments.map.compat, map, drawn);
    let shape = shape_of(values);
    let mut files = serde_json::Map::new();
    for format in &arguments.format {
        match format {
            // The animation shows them.
            Format::Png if arguments.view.animate.is_some() => (),
            Format::Png => {
                let name = format!("{stem}.png");
                captioned(drawn.heat()?, map)?.save_png(&manifest.path(&name))?;
                files.insert("png".into(), json!(name));
                let name = format!("{stem}.overlay.png");
                captioned(overlay_with_box(drawn, explained, location)?, map)?.save_png(&manifest.path(&name))?;
                files.insert("overlay".into(), json!(name));
                if let Some(location) = location {
                    let name = format!("{stem}.seeds.png");
                    location.picture(values)?.save_png(&manifest.path(&name))?;
                    files.insert("seeds".into(), json!(name));
                }
            }
            Format::Npy => {
                let name = format!("{stem}.npy");
                output::write(&manifest.path(&name), &output::npy(&shape, &values.values)?)?;
                files.insert("npy".into(), json!(name));
                if let Some(coarse) = &map.attribution.coarse {
                    let name = format!("{stem}.coarse.npy");
                    output::write(&manifest.path(&name), &output::npy(&shape_of(coarse), &coarse.values)?)?;
                    files.insert("coarse_npy".into(), json!(name));
                }
            }
            Format::Safetensors => {
                let name = format!("{stem}.safetensors");
                let (found, coarse) = (&map.attribution.values, &map.attribution.coarse);
                let (found_shape, logits_shape) = (shape_of(found), [explanation.logits.len()]);
                let coarse_shape = coarse.as_ref().map(shape_of).unwrap_or_default();
                let mut tensors: Vec<(&str, &[usize], &[f32])> = vec![
                    ("logits", &logits_shape, &explanation.logits),
                    (found_name(map.method()), &found_shape, &found.values),
                    ("map", &shape, &values.values),
                ];
                if let Some(coarse) = coarse {
                    tensors.push(("coarse", &coarse_shape, &coarse.values));
                }
                let bytes = output::safetensors(&tensors)?;
                output::write(&manifest.path(&name), &bytes)?;
                files.insert("safetensors".into(), json!(name));
            }
            // Written below, once all others are known.
            Format::Json => _ = files.insert("json".into(), json!(format!("{stem}.json"))),
        }
    }
    let record = records::map(arguments.map.compat, map, drawn, location, Value::Object(files));
    if let Some(name) = record["files"]["json"].as_str() {
        let mut own = record.clone();
        own["image"] = json!(loaded.source.name);
        own["predictions"] = json!(explanation.predictions(arguments.output.top.into()));
        output::write(&manifest.path(name), &serde_json::to_vec_pretty(&own)?)?;
    }
    Ok(record)
}

/// Rows and columns, and channels if there are several.
fn shape_of(map: &Map) -> Vec<usize> {
    let mut shape = vec![map.height, map.width, map.channels];
    shape.truncate(if map.channels == 1 { 2 } else { 3 });
    shape
}

/// What a file calls the values that a method found.
fn found_name(method: Method) -> &'static str {
    match method {
        Method::Gradient | Method::Guided | Method::Rectified => "gradient",
        _ => "attribution",
    }
}
