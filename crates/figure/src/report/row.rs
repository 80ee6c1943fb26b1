//! One row: its numbers as JSON, its pictures as text.

use backlit_net::SIDE;
use backlit_net::preprocess::Frame;
use backlit_saliency::Reading;
use backlit_saliency::audit::FillRecord;
use backlit_saliency::mask::Bounds;
use serde_json::{Value, json};

use super::ReportEntry;
use super::jpeg::jpeg;
use crate::resize::{fit, resize};
use crate::{Coloring, Colormap, FigureError, Outside, OverlayOptions, Picture, Range, View, overlay};

/// A row, drawn.
pub(super) struct Row {
    pub(super) numbers: Value,
    /// Photograph, map, hidden and alone, in base64, with blanks between.
    pub(super) pictures: String,
}

pub(super) fn draw(entry: &ReportEntry<'_>, side: usize) -> Result<Row, FigureError> {
    let seen = cut(entry.photo, entry.frame)?;
    let (width, height) = fit(seen.width, seen.height, side, side);
    let photo = resize(seen.view(), width, height)?;
    let whole = Frame { x: 0.0, y: 0.0, width: width as f64, height: height as f64 };
    let coloring = Coloring { colormap: Colormap::Viridis, range: Range::Auto };
    let options = OverlayOptions { coloring, opacity: 0.65, outside: Outside::Untouched };
    let mut pictures = vec![jpeg(&photo)?, jpeg(&overlay(&photo, &entry.audit.saliency.map, whole, &options)?)?];
    // One that was not tried has an empty text.
    for variant in [entry.hidden, entry.alone] {
        pictures.push(match variant {
            Some(rgb) => jpeg(&resize(View { width: SIDE, height: SIDE, rgb }, width, height)?)?,
            None => String::new(),
        });
    }
    Ok(Row { numbers: numbers(entry, width, height), pictures: pictures.join(" ") })
}

/// The part of a photograph that the network saw.
fn cut(photo: View<'_>, frame: Frame) -> Result<Picture, FigureError> {
    photo.check()?;
    crate::overlay::check_frame(frame)?;
    let range = |from: f64, side: f64, len: usize| {
        let first = (from.round().max(0.0) as usize).min(len - 1);
        first..((from + side).round().max(0.0) as usize).clamp(first + 1, len)
    };
    let (columns, rows) = (range(frame.x, frame.width, photo.width), range(frame.y, frame.height, photo.height));
    let line = |row: usize| &photo.rgb[(row * photo.width + columns.start) * 3..(row * photo.width + columns.end) * 3];
    let rgb = rows.clone().flat_map(line).copied().collect();
    Picture::new(columns.len(), rows.len(), rgb)
}

fn numbers(entry: &ReportEntry<'_>, width: usize, height: usize) -> Value {
    let (audit, judgement) = (entry.audit, &entry.audit.judgement);
    let object = audit.object.as_ref();
    let followed = &audit.original.original;
    let first = audit.fills.first();
    json!({
        "image": entry.name,
        "name": entry.name.rsplit(['/', '\\']).next().unwrap_or(entry.name),
        "size": [width, height],
        "class": audit.class_idx,
        "label": followed.label().name,
        "probability": short(followed.probability),
        "verdict": judgement.verdict,
        "doubt": judgement.doubt.map(|d| d.explain()),
        "confidence": short(judgement.confidence),
        "agreement": short(judgement.agreement),
        "support": judgement.support.map(short),
        "reliance": judgement.context_reliance.map(short),
        "hidden": judgement.hidden_keeps.map(short),
        "alone": judgement.alone_keeps.map(short),
        "control": judgement.control_keeps.map(short),
        "origin": object.map(|o| o.from),
        "slices": object.map(|o| o.bounds.to_string()),
        "box": object.map(|o| share(&o.bounds)),
        "area": object.map(|o| short(o.area_share)),
        "saliency": object.and_then(|o| o.saliency_share).map(short),
        "cam": object.and_then(|o| o.cam_share).map(short),
        "controls": audit.controls.iter().map(|c| share(&c.bounds)).collect::<Vec<_>>(),
        "top": top(&audit.original),
        "top_hidden": first.map_or(json!([]), |f| top(&f.hidden)),
        "top_alone": first.map_or(json!([]), |f| top(&f.alone)),
        "fills": audit.fills.iter().map(fill).collect::<Vec<_>>(),
    })
}

fn fill(record: &FillRecord) -> Value {
    json!({
        "fill": record.fill,
        "verdict": record.verdict,
        "hidden_keeps": short(record.hidden_keeps),
        "alone_keeps": short(record.alone_keeps),
        "control_keeps": record.control_keeps.map(short),
        "hidden": followed(&record.hidden),
        "alone": followed(&record.alone),
    })
}

/// Probability, rank and logit of the class followed.
fn followed(reading: &Reading) -> Value {
    let p = &reading.original;
    json!([short(p.probability), p.rank, short(f64::from(p.logit))])
}

fn top(reading: &Reading) -> Value {
    reading.predictions.iter().take(5).map(|p| json!([p.label().name, short(p.probability)])).collect()
}

/// Left, top, width and height as shares of the picture.
fn share(bounds: &Bounds) -> [f64; 4] {
    let Bounds { top, bottom, left, right } = *bounds;
    [left, top, right - left, bottom - top].map(|v| short(v as f64 / SIDE as f64))
}

/// Six decimals, or four digits of what is small: what a reader can use, and a third of the length.
fn short(value: f64) -> f64 {
    let rounded = match value.abs() {
        0.0..1e-3 => format!("{value:.3e}").parse().unwrap_or(0.0),
        _ => (value * 1e6).round() / 1e6,
    };
    if rounded.is_finite() { rounded } else { 0.0 }
}
