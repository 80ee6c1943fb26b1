//! `backlit compare`: methods beside one another for several classes, and how far their maps agree.

use backlit::ExplainedMap;
use backlit::figure::{Cell, Colormap, Line, Picture, Row, Sheet, probability_text};
use backlit::net::labels;
use backlit::saliency::measure::spearman;
use backlit::saliency::{Prediction, rank_of, softmax};
use serde_json::{Value, json};

use super::args::CompareArgs;
use super::drawn::Style;
use super::failure::{Failure, Outcome};
use super::maps::{self, Drawing, Explained};
use super::records::{self, Manifest};
use super::{inputs, network, predict, requests, terminal};

pub(crate) fn run(arguments: &CompareArgs) -> Result<Outcome, Failure> {
    requests::check(&arguments.map, &arguments.recipe)?;
    if arguments.map.methods().len() * arguments.map.objectives().len() < 2 {
        let message = "one map compares with nothing: name several --methods or --targets, separated by commas";
        return Err(Failure::Usage(message.into()));
    }
    if arguments.view.animate.is_some() {
        return Err(Failure::Usage("--animate goes with explain and saliency".into()));
    }
    let overlay = maps::overlay_options(&arguments.picture)?;
    let sources = inputs::resolve(&arguments.inputs.images)?;
    let mut manifest = Manifest::begin(&arguments.output.output)?;
    let session = network::load_for(&arguments.network, &arguments.map.methods())?;
    let request = requests::request(&arguments.map, &arguments.recipe, &session)?;
    manifest.describe("compare", &session);
    let style = Style {
        compat: arguments.map.compat,
        colormap: arguments.picture.cmap,
        view: &arguments.view,
        overlay,
        preprocessing: session.preprocess().preprocessing,
    };
    let drawing = Drawing { session: &session, network: &arguments.network, request: &request, style };
    let (done, failed) = maps::for_each(&drawing, &sources, |explained| {
        let best = explained.explanation.predictions(arguments.output.top.into());
        let names: Vec<String> = explained.explanation.maps.iter().map(name).collect();
        let correlations = correlations(&explained.explanation.maps);
        let file = format!("{}.compare.png", explained.loaded.source.stem);
        let page = sheet(&explained, request.objectives.len(), &names, &correlations)?;
        let path = manifest.path(&file);
        page.save_png(&path)?;
        if !arguments.output.json {
            let mut text = predict::as_text(&explained.loaded.source.name, &best);
            text.push_str("rank correlation (Spearman) of the maps\n");
            text.push_str(&table(&names, &correlations));
            text.push_str(&format!("wrote {}\n\n", path.display()));
            terminal::print(&text)?;
        }
        let maps = explained.explanation.maps.iter().zip(&explained.drawn);
        manifest.push(json!({
            "image": explained.loaded.source.name,
            "image_sha256": explained.loaded.sha256,
            "predictions": best,
            "maps": maps.map(|(m, drawn)| records::map(arguments.map.compat, m, drawn, None, json!({}))).collect::<Vec<_>>(),
            "correlation": { "measure": "spearman", "maps": names, "matrix": correlations },
            "files": { "sheet": file },
        }));
        Ok(())
    })?;
    let record: Value = manifest.finish()?;
    if arguments.output.json {
        terminal::print_json(&record)?;
    }
    Outcome::of(done, failed)
}

/// `gradcam, tabby`.
fn name(map: &ExplainedMap) -> String {
    let label = |class: usize| labels::label(class).name;
    match map.against_idx {
        None => format!("{}, {}", map.method(), label(map.class_idx)),
        Some(against) => format!("{}, {} rather than {}", map.method(), label(map.class_idx), label(against)),
    }
}

/// Symmetric; `None` where a map is constant and has no ranks.
fn correlations(maps: &[ExplainedMap]) -> Vec<Vec<Option<f64>>> {
    let values = |i: usize| &maps[i].saliency.map.values[..];
    let mut all = vec![vec![None; maps.len()]; maps.len()];
    for a in 0..maps.len() {
        for b in a..maps.len() {
            let found = spearman(values(a), values(b)).ok();
            (all[a][b], all[b][a]) = (found, found);
        }
    }
    all
}

fn text_of(correlation: Option<f64>) -> String {
    correlation.map_or("-".into(), |c| format!("{c:.2}"))
}

fn table(names: &[String], correlations: &[Vec<Option<f64>>]) -> String {
    let columns: Vec<String> = (1..=names.len()).map(|i| format!(">{i}")).collect();
    let mut head = vec![">", "map"];
    head.extend(columns.iter().map(String::as_str));
    let rows = names.iter().zip(correlations).enumerate().map(|(i, (name, row))| {
        let mut cells = vec![(i + 1).to_string(), name.clone()];
        cells.extend(row.iter().map(|&c| text_of(c)));
        cells
    });
    terminal::table(&head, &rows.collect::<Vec<_>>())
}

/// Classes down, methods across, and the matrix of correlations below.
fn sheet(
    explained: &Explained,
    objectives: usize,
    names: &[String],
    correlations: &[Vec<Option<f64>>],
) -> Result<Picture, Failure> {
    let Explained { loaded, frame, explanation, drawn } = explained;
    let recipes = explanation.maps.len() / objectives;
    let mut rows = Vec::new();
    for objective in 0..objectives {
        let first = &explanation.maps[objective];
        let prediction = prediction(&explanation.logits, first.class_idx);
        let mut header = vec![
            Line::title(labels::label(first.class_idx).name),
            Line::quiet(format!("rank {}, {}", prediction.rank, probability_text(prediction.probability))),
        ];
        header.extend(first.against_idx.map(|a| Line::plain(format!("rather than {}", labels::label(a).name))));
        let mut cells = Vec::new();
        for recipe in 0..recipes {
            let at = recipe * objectives + objective;
            let (map, drawn) = (&explanation.maps[at], &drawn[at]);
            let caption = match (map.saliency.blank, map.saliency.is_near_zero(map.method())) {
                (true, _) => Line::quiet(format!("{}: blank map", at + 1)),
                (_, true) => Line::quiet(format!("{}: near zero", at + 1)),
                _ => Line::quiet(format!("{}: {:.2e} to {:.2e}", at + 1, map.saliency.raw_min, map.saliency.raw_max)),
            };
            // Made small first, so that the legend can be read.
            let small = drawn.overlay(&loaded.photo, *frame)?.fitted(224, 224)?;
            cells.push(Cell::Picture { picture: drawn.with_legend(small)?, caption: vec![caption] });
        }
        rows.push(Row { header, cells });
    }
    let methods: Vec<_> = explanation.maps.iter().step_by(objectives).map(ExplainedMap::method).collect();
    let mut title = vec![Line::title(&loaded.source.stem)];
    for method in &methods {
        title.extend(method.caution().map(|words| Line::quiet(format!("{method} {words}"))));
    }
    let columns = methods.iter().map(ToString::to_string).collect();
    let legend = Some(matrix(names, correlations)?);
    Ok(Sheet { title, columns, rows, legend, text_width: 150, ..Sheet::default() }.render()?)
}

/// The correlations as a small coloured table: red where maps agree, blue where they contradict each other.
fn matrix(names: &[String], correlations: &[Vec<Option<f64>>]) -> Result<Picture, Failure> {
    const CELL: (usize, usize) = (44, 20);
    let row = |(i, (name, row)): (usize, (&String, &Vec<Option<f64>>))| -> Result<Row, Failure> {
        let cell = |&c: &Option<f64>| -> Result<Cell, Failure> {
            let color = c.map_or([225; 3], |c| Colormap::Bwr.color((c as f32 + 1.0) / 2.0));
            let picture = Picture::filled(CELL.0, CELL.1, color)?;
            Ok(Cell::Picture { picture, caption: vec![Line::plain(text_of(c))] })
        };
        let header = vec![Line::plain(format!("{}  {name}", i + 1))];
        Ok(Row { header, cells: row.iter().map(cell).collect::<Result<_, _>>()? })
    };
    let rows = names.iter().zip(correlations).enumerate().map(row).collect::<Result<_, _>>()?;
    let columns = (1..=names.len()).map(|i| i.to_string()).collect();
    let title = vec![Line::plain("Rank correlation (Spearman) of the maps")];
    Ok(Sheet { title, columns, rows, cell: CELL, text_width: 230, ..Sheet::default() }.render()?)
}

fn prediction(logits: &[f32], class: usize) -> Prediction {
    Prediction {
        rank: rank_of(logits, class),
        class_idx: class,
        logit: logits[class],
        probability: softmax(logits)[class],
    }
}
