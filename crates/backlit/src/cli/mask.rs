//! `backlit mask`: hide or keep parts of a photograph and see whether the answer survives.

use backlit::figure::{Guess, MaskSheet, MaskVariant, OverlayOptions, Picture, overlay};
use backlit::net::photo::Photo;
use backlit::net::preprocess::Frame;
use backlit::net::{CLASSES, Images, Rule, SIDE, Seeds};
use backlit::saliency::mask::{self, Experiment, Fill, Region};
use backlit::saliency::{Comparison, MapOptions, Objective, Reading, Target, saliency_map};
use backlit::{Session, output};
use serde_json::{Value, json};

use super::args::MaskArgs;
use super::failure::{Failure, Outcome};
use super::inputs::{self, Loaded};
use super::records::Manifest;
use super::{interrupt, maps, network, terminal};

pub(crate) fn run(arguments: &MaskArgs) -> Result<Outcome, Failure> {
    let wanted = [arguments.hide.len(), arguments.keep.len(), arguments.boxes.len(), arguments.masks.len()];
    if wanted.iter().sum::<usize>() == 0 {
        let message = "nothing to hide or keep: pass --hide, --keep, --box or --mask, for example --hide 32:55,116:146";
        return Err(Failure::Usage(message.into()));
    }
    let mut overlay = maps::overlay_options(&arguments.picture)?;
    overlay.coloring = arguments.picture.cmap.unwrap_or_default().into();
    let sources = inputs::resolve(&arguments.inputs.images)?;
    let masks = arguments.masks.iter().map(|p| Photo::open_with(p, arguments.network.orientation));
    let masks = masks.collect::<Result<Vec<Photo>, _>>()?;
    let mut manifest = Manifest::begin(&arguments.output.output)?;
    let session = network::load(&arguments.network)?;
    manifest.describe("mask", &session);

    let _watch = interrupt::Watch::begin();
    let bar = terminal::photograph_bar(sources.len());
    let (mut done, mut failed) = (0, 0);
    for source in &sources {
        let result = source.load(arguments.network.orientation).and_then(|loaded| {
            bar.suspend(|| experiment(arguments, &overlay, &masks, &session, &mut manifest, &loaded))
        });
        match result {
            Ok(()) => done += 1,
            Err(Failure::Pipe) => return Err(Failure::Pipe),
            Err(_) if interrupt::stopped() => return Err(Failure::Interrupted),
            Err(failure) => {
                failed += 1;
                inputs::explain(source, &failure);
            }
        }
        bar.inc(1);
        interrupt::check()?;
    }
    bar.finish_and_clear();
    let record = manifest.finish()?;
    if arguments.output.json {
        terminal::print_json(&record)?;
    }
    Outcome::of(done, failed)
}

/// One way to change the picture.
struct Variant {
    name: String,
    note: String,
    /// `[224, 224, 3]`, RGB.
    rgb: Vec<u8>,
}

/// All variants of one photograph, the untouched one first.
fn variants(
    arguments: &MaskArgs,
    masks: &[Photo],
    session: &Session,
    rgb: &[u8],
    photo: &Photo,
    frame: &Frame,
) -> Result<Vec<Variant>, Failure> {
    let (width, height) = (photo.width, photo.height);
    let mut regions: Vec<(&[Experiment], String, Region)> = Vec::new();
    let both = &[Experiment::Hide, Experiment::Keep];
    for slices in &arguments.hide {
        regions.push((&[Experiment::Hide], slices.to_string(), slices.region()));
    }
    for slices in &arguments.keep {
        regions.push((&[Experiment::Keep], slices.to_string(), slices.region()));
    }
    for area in &arguments.boxes {
        regions.push((both, format!("box {area}"), area.region(width, height, frame)?));
    }
    for (path, picture) in arguments.masks.iter().zip(masks) {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        regions.push((both, name, mask::from_picture(picture, width, height, frame)?));
    }

    let mut all = vec![Variant { name: "original".into(), note: String::new(), rgb: rgb.to_vec() }];
    for (experiments, name, region) in &regions {
        for &experiment in *experiments {
            for &fill in &arguments.fill {
                let fill_name = if arguments.fill == [Fill::Black] { "" } else { &format!(", {}", fill.as_str()) };
                all.push(Variant {
                    name: format!("{} {name}{fill_name}", experiment.as_str()),
                    note: region.describe(),
                    rgb: mask::apply(rgb, region, experiment, fill, session.preprocess().preprocessing)?,
                });
            }
        }
    }
    Ok(all)
}

fn experiment(
    arguments: &MaskArgs,
    overlay_options: &OverlayOptions,
    masks: &[Photo],
    session: &Session,
    manifest: &mut Manifest,
    loaded: &Loaded,
) -> Result<(), Failure> {
    let input = session.prepare(&loaded.photo);
    let variants = variants(arguments, masks, session, &input.rgb, &loaded.photo, &input.frame)?;
    let rgb: Vec<u8> = variants.iter().flat_map(|v| &v.rgb).copied().collect();
    let mut tensor = vec![0f32; rgb.len()];
    session.preprocess().preprocessing.apply(&rgb, &mut tensor);

    // The class is the untouched picture's; all variants are asked about that one.
    let original = session.engine().predict(Images::new(&input.tensor)?)?;
    let class = arguments.target.resolve(original.row(0));
    let objective = Objective::logit(Target::class(class)?);
    let mut logits: Vec<Vec<f32>> = Vec::new();
    let mut saliency = Vec::new();
    for chunk in tensor.chunks(usize::from(arguments.network.batch) * SIDE * SIDE * 3) {
        let write = |_: usize, logits: &[f32], row: &mut [f32]| objective.write_seed(logits, row);
        let seeds = Seeds::FromLogits { per_image: 1, write: &write };
        let images = Images::new(chunk)?;
        let found = session.engine().gradient(images, seeds, Rule::Plain)?;
        for i in 0..images.len() {
            logits.push(found.logits[i * CLASSES..][..CLASSES].to_vec());
            saliency.push(saliency_map(found.of(i, 0), &MapOptions::default())?);
        }
        interrupt::check()?;
    }
    let mut comparison = Comparison::about(class, &logits[0], arguments.output.top.into());
    for (variant, logits) in variants.iter().zip(&logits).skip(1) {
        comparison.add(&variant.name, logits);
    }

    let mut sheet = MaskSheet {
        title: loaded.source.stem.clone(),
        subtitle: format!("following {}", comparison.original.original.label().name),
        variants: Vec::new(),
    };
    for ((variant, reading), saliency) in variants.iter().zip(comparison.readings()).zip(&saliency) {
        let picture = Picture::new(SIDE, SIDE, variant.rgb.clone())?;
        let whole = Frame { x: 0.0, y: 0.0, width: SIDE as f64, height: SIDE as f64 };
        let overlay = overlay(&picture, &saliency.map, whole, overlay_options)?;
        let guess = |p: &backlit::saliency::Prediction| Guess::new(p.label().name, p.probability);
        sheet.variants.push(MaskVariant {
            name: variant.name.clone(),
            note: variant.note.clone(),
            picture,
            overlay,
            guesses: reading.predictions.iter().take(5).map(guess).collect(),
            subject: Some(guess(&reading.original)),
            subject_rank: reading.original.rank,
        });
    }
    let mut files = Vec::new();
    for (i, page) in sheet.pages()?.iter().enumerate() {
        let name = match i {
            0 => format!("{}.mask.png", loaded.source.stem),
            i => format!("{}.mask-{}.png", loaded.source.stem, i + 1),
        };
        output::write(&manifest.path(&name), &page.to_png()?)?;
        files.push(name);
    }
    if !arguments.output.json {
        let mut text = format!("{}\n{}", loaded.source.name, as_text(&comparison));
        files.iter().for_each(|f| text.push_str(&format!("wrote {}\n", manifest.path(f).display())));
        terminal::print(&(text + "\n"))?;
    }
    manifest.push(record(loaded, &comparison, &variants, files)?);
    Ok(())
}

/// Original and variants side by side: the followed class, and the best class of each.
fn as_text(comparison: &Comparison) -> String {
    let numbers = |p: &backlit::saliency::Prediction| [format!("{:.3}", p.logit), format!("{:.4}", p.probability)];
    let row = |reading: &Reading| {
        let [logit, probability] = numbers(&reading.original);
        let [top_logit, top_probability] = numbers(&reading.top1);
        let (followed, top) = (reading.original.label().name.into(), reading.top1.label().name.into());
        let rank = reading.original.rank.to_string();
        vec![reading.name.clone(), rank, followed, logit, probability, top, top_logit, top_probability]
    };
    let names =
        ["variant", ">rank", "followed class", ">logit", ">probability", "best class", ">logit", ">probability"];
    terminal::table(&names, &comparison.readings().map(row).collect::<Vec<_>>())
}

fn record(
    loaded: &Loaded,
    comparison: &Comparison,
    variants: &[Variant],
    files: Vec<String>,
) -> Result<Value, Failure> {
    let mut all = Vec::new();
    for (variant, reading) in variants.iter().zip(comparison.readings()) {
        let mut value = serde_json::to_value(reading)?;
        value["region"] = json!((!variant.note.is_empty()).then_some(&variant.note));
        value["survives"] = json!(reading.survives());
        all.push(value);
    }
    Ok(json!({
        "image": loaded.source.name,
        "image_sha256": loaded.sha256,
        "class_idx": comparison.class_idx,
        "predictions": comparison.original.predictions,
        "variants": all,
        "files": files,
    }))
}
