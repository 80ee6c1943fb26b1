//! Lists of boxes on the command line: read, matched to photographs, and brought to the network's grid.

use std::path::Path;

use backlit::boxes::{Boxes, BoxesError, Entry};
use backlit::net::photo::Photo;
use backlit::net::preprocess::Frame;
use backlit::saliency::mask::{PixelBox, Region};

use super::failure::{Failure, report};
use super::inputs::Source;

/// A box of a photograph, as far as it can be used.
pub(crate) struct Object {
    /// What it is labelled, if it was asked for and is.
    pub(crate) class: Option<usize>,
    /// In pixels of the photograph.
    pub(crate) area: PixelBox,
    /// On the network's grid.
    pub(crate) region: Region,
}

/// What a list says of one photograph.
#[derive(Default)]
pub(crate) struct Objects {
    /// The boxes that can be used, in their order.
    pub(crate) usable: Vec<Object>,
    /// How many cannot, each reported.
    pub(crate) faults: usize,
}

impl Objects {
    /// Whether the photograph is in the list at all.
    pub(crate) fn is_listed(&self) -> bool {
        !self.usable.is_empty() || self.faults > 0
    }
}

/// Reads a list; returns how many things in it could not be used, each reported. `images` are the arguments that became
/// `sources`.
///
/// # Errors
/// Those of [`Boxes::open`].
pub(crate) fn open(path: &Path, images: &[String], sources: &[Source]) -> Result<(Boxes, usize), Failure> {
    let mut boxes = Boxes::open(path)?;
    let mut faults = std::mem::take(&mut boxes.faults);
    // Of a folder all photographs are meant; single files may well be a few of a long list.
    if images.iter().any(|a| Path::new(a).is_dir()) {
        faults.extend(boxes.missing(sources.iter().map(|s| s.name.as_str())));
    }
    faults.iter().for_each(report);
    Ok((boxes, faults.len()))
}

/// The boxes of a photograph; `labelled` asks for their classes too, so that a label that is none is a fault.
pub(crate) fn of(list: &Boxes, source: &Source, photo: &Photo, frame: &Frame, labelled: bool) -> Objects {
    let read = |entry: &Entry| -> Result<Object, BoxesError> {
        let class = if labelled { entry.class()? } else { None };
        let area = entry.pixels(photo.width, photo.height)?;
        Ok(Object { class, area, region: entry.region(photo.width, photo.height, frame)? })
    };
    let mut found = Objects::default();
    let entries = match list.of(&source.name) {
        Ok(entries) => entries,
        Err(fault) => {
            report(fault);
            return Objects { faults: 1, ..found };
        }
    };
    for entry in entries {
        match read(entry) {
            Ok(object) => found.usable.push(object),
            Err(fault) => {
                found.faults += 1;
                report(fault);
            }
        }
    }
    found
}
