//! Boxes: where the objects are, from the files that labelling tools write.
//!
//! | format | what is given | a box |
//! |---|---|---|
//! | CSV | a `.csv` or `.tsv` file | `image,x,y,w,h[,label]`, or any order of columns under a header |
//! | COCO | a `.json` file | `annotations[].bbox`, `[x, y, width, height]` |
//! | YOLO | a folder of `.txt` files, or one | `class cx cy w h`, shares of the picture's width and height |
//! | Pascal VOC | a folder of `.xml` files, or one | `bndbox` with `xmin`, `ymin`, `xmax`, `ymax` from 1, inclusive |
//!
//! [`Boxes::open`] tells them apart. Boxes are in pixels of the photograph, as [`PixelBox`]. They are matched to
//! photographs by file name, and by the name without its extension where no file name fits. Where a list has one name in
//! several folders, the path that shares most folders with the photograph's counts; see [`Boxes::of`].
//!
//! A row that makes no sense does not spoil the rest: it becomes one of [`Boxes::faults`], with file and line.

mod coco;
mod csv;
mod error;
mod matching;
#[cfg(test)]
mod tests;
mod voc;
mod yolo;

use std::fs;
use std::path::{Path, PathBuf};

use backlit_net::labels;
use backlit_net::named;
use backlit_net::preprocess::Frame;
use backlit_saliency::mask::{PixelBox, Region};

pub use error::{BoxesError, Origin};
use matching::{Match, Names};

/// How a list of boxes is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Comma-separated values, or tabs or semicolons.
    Csv,
    /// COCO's `instances_*.json`.
    Coco,
    /// One text file a picture.
    Yolo,
    /// One XML file a picture.
    Voc,
}

named!(Format, "format of boxes", { Csv = "csv", Coco = "coco", Yolo = "yolo", Voc = "voc" | "pascal_voc" });

/// A rectangle as its file has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Area {
    /// In pixels of the photograph.
    Pixels(PixelBox),
    /// Centre and size as shares of the photograph's.
    Shares {
        /// Centre, 0 to 1 from the left.
        x: f64,
        /// Centre, 0 to 1 from the top.
        y: f64,
        /// Width, above 0 and at most 1.
        width: f64,
        /// Height, above 0 and at most 1.
        height: f64,
    },
}

/// One box of one photograph.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The photograph as the list calls it.
    pub image: String,
    /// Where in it.
    pub area: Area,
    /// What it shows, as it is written: an index, a WordNet id or a name.
    pub label: Option<String>,
    /// Where this was read.
    pub origin: Origin,
}

/// A list of boxes.
#[derive(Debug)]
pub struct Boxes {
    /// How it was written.
    pub format: Format,
    /// What could be read, in the order of the files.
    pub entries: Vec<Entry>,
    /// What could not.
    pub faults: Vec<BoxesError>,
    names: Names,
}

/// What a reader collects.
#[derive(Default)]
struct Found {
    entries: Vec<Entry>,
    faults: Vec<BoxesError>,
}

impl Boxes {
    /// Reads a list.
    ///
    /// # Errors
    /// [`BoxesError`] if there is no such file or folder, if it is none of the formats, or if not one box in it can be
    /// read; single rows that cannot be are [`Boxes::faults`].
    pub fn open(path: &Path) -> Result<Boxes, BoxesError> {
        let mut found = Found::default();
        let format = if path.is_dir() { of_folder(path, &mut found)? } else { of_file(path, &mut found)? };
        let Found { entries, mut faults } = found;
        if entries.is_empty() {
            let nothing = BoxesError::Nothing { path: path.to_owned() };
            return Err(if faults.len() == 1 { faults.remove(0) } else { nothing });
        }
        let names = Names::new(entries.iter().map(|e| e.image.as_str()));
        Ok(Boxes { format, entries, faults, names })
    }

    /// The boxes of a photograph, in their order; `name` is its path or file name.
    ///
    /// # Errors
    /// [`BoxesError::Ambiguous`] if the list has that name in several folders and several of these paths fit equally well.
    pub fn of<'a>(&'a self, name: &str) -> Result<impl Iterator<Item = &'a Entry>, BoxesError> {
        match self.names.find(name) {
            Match::Clear(places) => Ok(places.iter().map(|&i| &self.entries[i])),
            Match::Ambiguous(fits) => {
                let first = |fit: &&[usize]| fit.first().map(|&i| &self.entries[i]);
                let listed: Vec<&Entry> = fits.iter().filter_map(first).collect();
                Err(BoxesError::Ambiguous {
                    origin: listed[0].origin.clone(),
                    photograph: name.to_owned(),
                    listed: listed.iter().map(|entry| entry.image.clone()).collect(),
                })
            }
        }
    }

    /// The photographs of the list that are none of these, each once, as errors that say where they are listed.
    pub fn missing<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<BoxesError> {
        let mut used = vec![false; self.entries.len()];
        for name in names {
            match self.names.find(name) {
                Match::Clear(places) => places.iter().for_each(|&i| used[i] = true),
                Match::Ambiguous(fits) => fits.into_iter().flatten().for_each(|&i| used[i] = true),
            }
        }
        let mut said = std::collections::HashSet::new();
        let lost = self.entries.iter().zip(&used).filter(|(entry, used)| !**used && said.insert(&entry.image));
        lost.map(|(e, _)| BoxesError::NoSuchImage { origin: e.origin.clone(), image: e.image.clone() }).collect()
    }
}

impl Entry {
    /// The box in pixels of a photograph of this size.
    ///
    /// # Errors
    /// [`BoxesError::Outside`] if it is empty there.
    pub fn pixels(&self, photo_width: usize, photo_height: usize) -> Result<PixelBox, BoxesError> {
        match self.area {
            Area::Pixels(area) => Ok(area),
            Area::Shares { x, y, width, height } => {
                let (w, h) = (photo_width as f64, photo_height as f64);
                PixelBox::new((x - width / 2.0) * w, (y - height / 2.0) * h, width * w, height * h)
                    .map_err(|reason| BoxesError::Outside { origin: self.origin.clone(), reason })
            }
        }
    }

    /// The pixels of the network's grid that show the box; see [`PixelBox::region`].
    ///
    /// # Errors
    /// [`BoxesError::Outside`] if the box misses the photograph or what the grid shows of it.
    pub fn region(&self, photo_width: usize, photo_height: usize, frame: &Frame) -> Result<Region, BoxesError> {
        let outside = |reason| BoxesError::Outside { origin: self.origin.clone(), reason };
        self.pixels(photo_width, photo_height)?.region(photo_width, photo_height, frame).map_err(outside)
    }

    /// The class that the label names, if there is a label.
    ///
    /// # Errors
    /// [`BoxesError::Label`].
    pub fn class(&self) -> Result<Option<usize>, BoxesError> {
        let unknown = |reason| BoxesError::Label { origin: self.origin.clone(), reason };
        self.label.as_deref().map(|label| labels::find(label).map(|l| l.index).map_err(unknown)).transpose()
    }
}

fn of_folder(path: &Path, found: &mut Found) -> Result<Format, BoxesError> {
    let unreadable = |source| BoxesError::Unreadable { path: path.to_owned(), source };
    let entries = fs::read_dir(path).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|e| e.path()).filter(|p| p.is_file()).collect();
    files.sort();
    let of = |extension: &str| -> Vec<&PathBuf> {
        files.iter().filter(|p| has_extension(p, extension) && !yolo::is_list_of_names(p)).collect()
    };
    match (&of("xml")[..], &of("txt")[..]) {
        ([], []) => Err(BoxesError::Unknown { path: path.to_owned() }),
        (xml, []) => {
            xml.iter().for_each(|file| each(file, found, voc::read));
            Ok(Format::Voc)
        }
        ([], txt) => {
            let names = yolo::names(path)?;
            txt.iter().for_each(|file| each(file, found, |file, text, f| yolo::read(file, text, names.as_deref(), f)));
            Ok(Format::Yolo)
        }
        _ => Err(BoxesError::Mixed { path: path.to_owned() }),
    }
}

/// Reads one file of many; what is wrong with it is a fault.
fn each(file: &Path, found: &mut Found, read: impl FnOnce(&Path, &str, &mut Found) -> Result<(), BoxesError>) {
    if let Err(fault) = text_of(file).and_then(|text| read(file, &text, found)) {
        found.faults.push(fault);
    }
}

fn of_file(path: &Path, found: &mut Found) -> Result<Format, BoxesError> {
    let text = text_of(path)?;
    let first = text.trim_start().chars().next();
    let yolo = |line: &str| line.split_whitespace().count() >= 5 && !line.contains([',', ';']);
    let format = match first {
        Some('{') => Format::Coco,
        Some('<') => Format::Voc,
        None => return Err(BoxesError::Nothing { path: path.to_owned() }),
        Some(_) if has_extension(path, "json") => Format::Coco,
        Some(_) if has_extension(path, "xml") => Format::Voc,
        Some(_) if has_extension(path, "txt") && text.lines().find(|l| !l.trim().is_empty()).is_some_and(yolo) => {
            Format::Yolo
        }
        Some(_) if ["csv", "tsv", "txt"].iter().any(|e| has_extension(path, e)) => Format::Csv,
        Some(_) => return Err(BoxesError::Unknown { path: path.to_owned() }),
    };
    match format {
        Format::Csv => csv::read(path, &text, found)?,
        Format::Coco => coco::read(path, &text, found)?,
        Format::Voc => voc::read(path, &text, found)?,
        Format::Yolo => {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            yolo::read(path, &text, yolo::names(folder)?.as_deref(), found)?;
        }
    }
    Ok(format)
}

fn text_of(path: &Path) -> Result<String, BoxesError> {
    let unreadable = |source| BoxesError::Unreadable { path: path.to_owned(), source };
    let bytes = fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|_| BoxesError::NoText { path: path.to_owned() })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension))
}
