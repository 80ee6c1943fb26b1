//! Boxes as YOLO has them: a text file for every picture, a line `class cx cy w h` for every box, all but the class as
//! shares of the picture's width and height.
//!
//! The class is a number of a list of the data set's own: `classes.txt` or `obj.names`, one name a line, in the same
//! folder or the one above. Without such a list the boxes have no labels, as a number alone would be mistaken for one
//! of ImageNet's.

use std::path::{Path, PathBuf};

use super::{Area, BoxesError, Entry, Found, Origin, text_of};

const LISTS: [&str; 2] = ["classes.txt", "obj.names"];

pub(super) fn is_list_of_names(path: &Path) -> bool {
    path.file_name().is_some_and(|name| LISTS.iter().any(|list| name.eq_ignore_ascii_case(list)))
}

/// The names of the classes, if they are listed.
pub(super) fn names(folder: &Path) -> Result<Option<Vec<String>>, BoxesError> {
    let folders = [folder.to_owned(), folder.join("..")];
    let candidates: Vec<PathBuf> = folders.iter().flat_map(|f| LISTS.map(|list| f.join(list))).collect();
    let Some(list) = candidates.iter().find(|p| p.is_file()) else { return Ok(None) };
    Ok(Some(text_of(list)?.lines().map(|line| line.trim().to_owned()).collect()))
}

pub(super) fn read(file: &Path, text: &str, names: Option<&[String]>, found: &mut Found) -> Result<(), BoxesError> {
    let image = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let origin = Origin::line(file, i + 1);
        match entry(line, names) {
            Ok((area, label)) => found.entries.push(Entry { image: image.clone(), area, label, origin }),
            Err(reason) => found.faults.push(BoxesError::malformed(origin, reason)),
        }
    }
    Ok(())
}

fn entry(line: &str, names: Option<&[String]>) -> Result<(Area, Option<String>), String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    // A sixth number is the confidence of a detector.
    let (5 | 6) = fields.len() else {
        return Err(format!("expected `class cx cy w h`, found {} fields", fields.len()));
    };
    let class: usize = fields[0].parse().map_err(|_| format!("{:?} is no number of a class", fields[0]))?;
    let number = |at: usize| match fields[at].parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err(format!("{:?} is no share of the picture: expected 0 to 1", fields[at])),
    };
    let (x, y, width, height) = (number(1)?, number(2)?, number(3)?, number(4)?);
    if width <= 0.0 || height <= 0.0 {
        return Err(format!("a box of {width} x {height} is empty: width and height must be above 0"));
    }
    let name = |names: &[String]| match names.get(class) {
        Some(name) if !name.is_empty() => Ok(name.clone()),
        _ => Err(format!("class {class} is not among the {} names", names.len())),
    };
    Ok((Area::Shares { x, y, width, height }, names.map(name).transpose()?))
}
