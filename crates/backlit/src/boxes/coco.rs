//! Boxes as COCO has them: `images`, `annotations` and `categories` in one JSON file.

use std::collections::HashMap;
use std::path::Path;

use backlit_saliency::mask::PixelBox;
use serde_json::Value;

use super::{Area, BoxesError, Entry, Found, Origin};

pub(super) fn read(file: &Path, text: &str, found: &mut Found) -> Result<(), BoxesError> {
    let root: Value = serde_json::from_str(text)
        .map_err(|e| BoxesError::malformed(Origin::line(file, e.line()), format!("is no JSON: {e}")))?;
    let list = |name: &str| {
        root.get(name).and_then(Value::as_array).ok_or_else(|| {
            BoxesError::malformed(Origin::line(file, 1), format!("has no list {name:?}: expected COCO's JSON"))
        })
    };
    let (images, annotations) = (list("images")?, list("annotations")?);
    let named = |items: &[Value], key: &str| -> HashMap<String, String> {
        let pair = |item: &Value| Some((id(item.get("id")?)?, item.get(key)?.as_str()?.to_owned()));
        items.iter().filter_map(pair).collect()
    };
    let images = named(images, "file_name");
    let categories = named(root.get("categories").and_then(Value::as_array).map_or(&[], Vec::as_slice), "name");
    for (i, annotation) in annotations.iter().enumerate() {
        let origin = Origin { file: file.to_owned(), place: format!("annotations[{i}]") };
        match entry(annotation, &images, &categories, &origin) {
            Ok(entry) => found.entries.push(entry),
            Err(reason) => found.faults.push(BoxesError::malformed(origin, reason)),
        }
    }
    Ok(())
}

fn entry(
    annotation: &Value,
    images: &HashMap<String, String>,
    categories: &HashMap<String, String>,
    origin: &Origin,
) -> Result<Entry, String> {
    let image_id = annotation.get("image_id").and_then(id).ok_or("has no image_id")?;
    let image = images.get(&image_id).ok_or_else(|| format!("image_id {image_id} is none of \"images\""))?;
    let numbers = annotation.get("bbox").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let numbers: Vec<f64> = numbers.iter().filter_map(Value::as_f64).collect();
    let [x, y, width, height] = numbers[..] else {
        return Err("has no bbox of four numbers [x, y, width, height]".into());
    };
    let area = PixelBox::new(x, y, width, height).map_err(|e| e.to_string())?;
    // Without a list of categories their numbers mean nothing here.
    let label = annotation.get("category_id").and_then(id).and_then(|id| categories.get(&id).cloned());
    Ok(Entry { image: image.clone(), area: Area::Pixels(area), label, origin: origin.clone() })
}

/// An id is a number, or a string with some tools.
fn id(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}
