//! `backlit explain`: the best classes, and the photograph beside its map.

use backlit::ExplainedMap;
use backlit::figure::{ContactSheet, ContactSheetOptions, Guess, Line, Picture, SideBySideOptions, side_by_side};
use backlit::net::labels;
use backlit::saliency::{MapOptions, Method, Score, Target};
use serde_json::{Value, json};

use super::animate::Animation;
use super::args::ExplainArgs;
use super::drawn::Style;
use super::failure::{Failure, Outcome};
use super::frames::{self, Frames};
use super::maps::{self, Drawing, Explained};
use super::records::{self, Manifest};
use super::{inputs, network, predict, requests, terminal};

/// Classes named in a picture.
const LABELS: usize = 5;

pub(crate) fn run(arguments: &ExplainArgs) -> Result<Outcome, Failure> {
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
    manifest.describe("explain", &session);
    let mut animation = arguments
        .view
        .animate
        .map(|kind| Animation::begin(kind, arguments.view.milliseconds(frames.milliseconds), &request));
    let mut sheet =
        Sheet::new(animation.is_none() && sources.len() * request.recipes.len() * request.objectives.len() > 1);

    let style = Style {
        compat: arguments.map.compat,
        colormap: arguments.picture.cmap,
        view: &arguments.view,
        overlay,
        preprocessing: session.preprocess().preprocessing,
    };
    let drawing = Drawing { session: &session, network: &arguments.network, request: &request, style };
    let (done, failed) = maps::for_each(&drawing, sources, |explained| {
        let Explained { loaded, frame, explanation, drawn } = &explained;
        let best = explanation.predictions(arguments.output.top.into());
        let guesses: Vec<Guess> =
            explanation.predictions(LABELS).iter().map(|p| Guess::new(p.label().name, p.probability)).collect();
        let mut text = predict::as_text(&loaded.source.name, &best);
        let mut records = Vec::new();
        for (index, (map, drawn)) in explanation.maps.iter().zip(drawn).enumerate() {
            let name = file_name(&loaded.source.stem, map, explanation.maps.len() == 1);
            let note = note(arguments, map);
            let location = arguments.locate.find(maps::values(arguments.map.compat, map, drawn), *frame)?;
            let options = SideBySideOptions {
                overlay: drawn.overlay,
                panel_width: None,
                note: note.clone(),
                mark: location.as_ref().and_then(|l| l.area),
            };
            if let Some(location) = &location {
                text.push_str(&location.as_text(map.method().as_str()));
            }
            let record = |files: Value| records::map(arguments.map.compat, map, drawn, location.as_ref(), files);
            let picture = side_by_side(&loaded.photo, &drawn.map, *frame, &guesses, &options)?;
            let picture = drawn.with_legend(picture)?;
            if let Some(animation) = &mut animation {
                let name = animation.push(&manifest, index, picture)?;
                records.push(record(json!({ "animation": name })));
                continue;
            }
            let path = manifest.path(&name);
            picture.save_png(&path)?;
            text.push_str(&format!("wrote {}\n", path.display()));
            sheet.push(&manifest, &picture, &loaded.source.stem, &guesses, note)?;
            records.push(record(json!({ "side_by_side": name })));
        }
        if !arguments.output.json {
            text.push('\n');
            terminal::print(&text)?;
        }
        manifest.push(json!({
            "image": loaded.source.name,
            "image_sha256": loaded.sha256,
            "predictions": best,
            "maps": records,
        }));
        Ok(())
    })?;
    let mut pages = if done > 0 { sheet.finish(&manifest)? } else { Vec::new() };
    if let Some(animation) = &mut animation {
        pages.extend(animation.finish()?);
    }
    manifest.add_files(&pages);
    let record: Value = manifest.finish()?;
    if arguments.output.json {
        terminal::print_json(&record)?;
    } else {
        let wrote = |name: &String| format!("wrote {}\n", arguments.output.output.join(name).display());
        terminal::print(&pages.iter().map(wrote).collect::<String>())?;
    }
    Outcome::of(done, failed)
}

fn file_name(stem: &str, map: &ExplainedMap, only: bool) -> String {
    match (only, map.against_idx) {
        (true, _) => format!("{stem}.explain.png"),
        (false, None) => format!("{stem}.{}.{}.explain.png", map.method(), map.class_idx),
        (false, Some(a)) => format!("{stem}.{}.{}-{a}.explain.png", map.method(), map.class_idx),
    }
}

/// What the picture must say about itself: whatever is not the default.
fn note(arguments: &ExplainArgs, map: &ExplainedMap) -> Option<String> {
    let mut words = Vec::new();
    if let Some(compat) = arguments.map.compat {
        words.push(format!("as {compat}"));
    }
    if map.method() != Method::Gradient {
        words.push(map.method().to_string());
    }
    let (options, usual) = (map.options, MapOptions::for_method(map.method()));
    if options.modifier != usual.modifier {
        words.push(format!("modifier {}", options.modifier));
    }
    if options.reduction != usual.reduction {
        words.push(format!("reduce {}", options.reduction));
    }
    if map.objective.score != Score::Logit {
        words.push(format!("score {}", map.objective.score.as_str()));
    }
    let name = |class: usize| labels::label(class).name;
    match map.against_idx {
        Some(against) => words.push(format!("{} rather than {}", name(map.class_idx), name(against))),
        None if map.objective.target != Target::TOP1 => words.push(name(map.class_idx).to_owned()),
        None => (),
    }
    words.extend(maps::faintness(map));
    if let Some(percent) = arguments.view.clip {
        words.push(format!("clipped at {percent} %"));
    }
    words.extend(map.method().caution().map(str::to_owned));
    (!words.is_empty()).then(|| words.join(", "))
}

/// The contact sheets of a run with more than one picture: `contact_sheet.png`, `contact_sheet-2.png`, ...
struct Sheet {
    sheet: Option<ContactSheet>,
    pages: Vec<String>,
}

impl Sheet {
    fn new(wanted: bool) -> Sheet {
        let options = ContactSheetOptions { columns: 2, cell: (512, 320), ..ContactSheetOptions::default() };
        Sheet { sheet: wanted.then(|| ContactSheet::new(options)), pages: Vec::new() }
    }

    fn push(
        &mut self,
        manifest: &Manifest,
        picture: &Picture,
        stem: &str,
        guesses: &[Guess],
        note: Option<String>,
    ) -> Result<(), Failure> {
        let Some(sheet) = &mut self.sheet else { return Ok(()) };
        let mut caption = vec![Line::title(stem)];
        caption.extend(guesses.first().map(|g| Line::guess(g, true)));
        caption.extend(note.map(Line::quiet));
        let page = sheet.push(picture, caption)?;
        self.save(manifest, page)
    }

    /// Writes what is left and returns the names of all pages.
    fn finish(mut self, manifest: &Manifest) -> Result<Vec<String>, Failure> {
        if let Some(sheet) = self.sheet.take() {
            let page = sheet.finish()?;
            self.save(manifest, page)?;
        }
        Ok(self.pages)
    }

    fn save(&mut self, manifest: &Manifest, page: Option<Picture>) -> Result<(), Failure> {
        let Some(page) = page else { return Ok(()) };
        let name = match self.pages.len() {
            0 => "contact_sheet.png".to_owned(),
            n => format!("contact_sheet-{}.png", n + 1),
        };
        page.save_png(&manifest.path(&name))?;
        self.pages.push(name);
        Ok(())
    }
}
