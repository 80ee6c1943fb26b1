//! Boxes as comma-separated values.
//!
//! Without a header the columns are `image,x,y,w,h[,label]`. A header may name them in any order, and may give the
//! opposite corner instead of the size; columns of other names are passed over. Tabs and semicolons separate as well.

use std::path::Path;

use backlit_saliency::mask::PixelBox;

use super::{Area, BoxesError, Entry, Found, Origin};

/// Which column holds what.
#[derive(Clone, Debug, PartialEq)]
struct Columns {
    image: usize,
    x: usize,
    y: usize,
    across: usize,
    down: usize,
    /// `across` and `down` are the opposite corner instead of width and height.
    corners: bool,
    label: Option<usize>,
}

const BARE: Columns = Columns { image: 0, x: 1, y: 2, across: 3, down: 4, corners: false, label: Some(5) };

impl Columns {
    /// From a header, if all that is needed is named in it.
    fn of(header: &::csv::StringRecord) -> Option<Columns> {
        let names: Vec<String> = header.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        let find = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&name.as_str()));
        let image = find(&["image", "file", "filename", "file_name", "image_path", "path", "name", "image_id"])?;
        let (x, y) = (find(&["x", "xmin", "x_min", "left", "x1"])?, find(&["y", "ymin", "y_min", "top", "y1"])?);
        let label = find(&["label", "class", "category", "wnid", "class_name", "class_idx"]);
        // Where both are there, width and height are the photograph's.
        let far = find(&["xmax", "x_max", "right", "x2"]).zip(find(&["ymax", "y_max", "bottom", "y2"]));
        let size = find(&["w", "width"]).zip(find(&["h", "height"]));
        let (corners, (across, down)) = far.map(|far| (true, far)).or(size.map(|size| (false, size)))?;
        Some(Columns { image, x, y, across, down, corners, label })
    }

    fn entry(&self, row: &::csv::StringRecord, origin: Origin) -> Result<Entry, BoxesError> {
        let malformed = |reason: String| BoxesError::malformed(origin.clone(), reason);
        let field = |at: usize| row.get(at).unwrap_or_default();
        let needed = 1 + [self.image, self.x, self.y, self.across, self.down].into_iter().max().unwrap_or(0);
        if row.len() < needed {
            return Err(malformed(format!("expected image,x,y,w,h[,label], found {} of {needed} columns", row.len())));
        }
        if field(self.image).is_empty() {
            return Err(malformed("the image has no name".into()));
        }
        let number = |at: usize| {
            let text = field(at);
            text.parse::<f64>().map_err(|_| malformed(format!("{text:?} is no number: expected image,x,y,w,h[,label]")))
        };
        let (x, y, across, down) = (number(self.x)?, number(self.y)?, number(self.across)?, number(self.down)?);
        let (width, height) = if self.corners { (across - x, down - y) } else { (across, down) };
        let area = PixelBox::new(x, y, width, height).map_err(|e| malformed(e.to_string()))?;
        let label = self.label.map(field).filter(|label| !label.is_empty()).map(str::to_owned);
        Ok(Entry { image: field(self.image).to_owned(), area: Area::Pixels(area), label, origin })
    }
}

pub(super) fn read(file: &Path, text: &str, found: &mut Found) -> Result<(), BoxesError> {
    let first = text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default();
    let separator = [b',', b'\t', b';'].into_iter().find(|&s| first.contains(char::from(s))).unwrap_or(b',');
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(::csv::Trim::All)
        .comment(Some(b'#'))
        .delimiter(separator)
        .from_reader(text.as_bytes());
    let mut columns = None;
    for row in reader.records() {
        let row = row.map_err(|e| {
            let line = e.position().map_or(1, ::csv::Position::line);
            BoxesError::malformed(Origin::line(file, line), e)
        })?;
        let origin = Origin::line(file, row.position().map_or(1, ::csv::Position::line));
        let Some(columns) = &columns else {
            // A first row without a single number is a header, whatever it says.
            let numbers = row.iter().any(|field| field.parse::<f64>().is_ok());
            if numbers {
                columns = Some(BARE);
                add(found, BARE.entry(&row, origin));
            } else {
                let unknown = || {
                    let names = row.iter().collect::<Vec<_>>().join(",");
                    let reason = format!("the header {names:?} does not name image, x, y, and w, h or xmax, ymax");
                    BoxesError::malformed(origin.clone(), reason)
                };
                columns = Some(Columns::of(&row).ok_or_else(unknown)?);
            }
            continue;
        };
        add(found, columns.entry(&row, origin));
    }
    Ok(())
}

fn add(found: &mut Found, entry: Result<Entry, BoxesError>) {
    match entry {
        Ok(entry) => found.entries.push(entry),
        Err(fault) => found.faults.push(fault),
    }
}
