//! Boxes as Pascal VOC has them, and ImageNet's own localisation files: an XML file for every picture.
//!
//! Corners are counted from 1 and belong to the box, so that `xmin` 1 and `xmax` 10 are the first ten columns.

use std::path::Path;

use backlit_saliency::mask::PixelBox;
use roxmltree::{Document, Node, ParsingOptions};

use super::{Area, BoxesError, Entry, Found, Origin};

pub(super) fn read(file: &Path, text: &str, found: &mut Found) -> Result<(), BoxesError> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|e| BoxesError::malformed(Origin::line(file, e.pos().row), format!("is no XML: {e}")))?;
    let root = document.root_element();
    if root.tag_name().name() != "annotation" {
        let reason = format!("begins with <{}>, expected Pascal VOC's <annotation>", root.tag_name().name());
        return Err(BoxesError::malformed(Origin::line(file, 1), reason));
    }
    // Some tools leave the name out, or write a placeholder; the file's own name is the picture's then.
    let own = || file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let named = child(root, "filename").and_then(|n| n.text()).map(str::trim);
    let image = named.filter(|n| !n.is_empty() && *n != "%s").map_or_else(own, str::to_owned);
    for object in root.children().filter(|n| n.has_tag_name("object")) {
        let origin = Origin::line(file, document.text_pos_at(object.range().start).row);
        match area(object) {
            Ok(area) => {
                let label = child(object, "name").and_then(|n| n.text()).map(|t| t.trim().to_owned());
                let label = label.filter(|l| !l.is_empty());
                found.entries.push(Entry { image: image.clone(), area: Area::Pixels(area), label, origin });
            }
            Err(reason) => found.faults.push(BoxesError::malformed(origin, reason)),
        }
    }
    Ok(())
}

fn child<'a, 'b>(node: Node<'a, 'b>, name: &str) -> Option<Node<'a, 'b>> {
    node.children().find(|n| n.has_tag_name(name))
}

fn area(object: Node<'_, '_>) -> Result<PixelBox, String> {
    let corners = child(object, "bndbox").ok_or("the object has no <bndbox>")?;
    let number = |name: &str| {
        let text = child(corners, name).and_then(|n| n.text()).ok_or_else(|| format!("<bndbox> has no <{name}>"))?;
        text.trim().parse::<f64>().map_err(|_| format!("<{name}> is {text:?}, which is no number"))
    };
    let (left, top, right, bottom) = (number("xmin")?, number("ymin")?, number("xmax")?, number("ymax")?);
    if right < left || bottom < top {
        return Err(format!("the corners {left},{top} and {right},{bottom} enclose nothing"));
    }
    PixelBox::new(left - 1.0, top - 1.0, right - left + 1.0, bottom - top + 1.0).map_err(|e| e.to_string())
}
