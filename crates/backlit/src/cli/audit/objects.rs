//! What is to be audited in a photograph: which object, and which class.

use backlit::boxes::Boxes;
use backlit::net::photo::Photo;
use backlit::net::preprocess::Frame;
use backlit::saliency::Target;
use backlit::saliency::mask::{PixelBox, Region};

use super::args::AuditArgs;
use crate::cli::failure::{Failure, note};
use crate::cli::inputs::Source;
use crate::cli::objects;

/// Where objects come from.
pub(super) enum Objects {
    /// The maps' own boxes.
    Maps,
    /// One box for one photograph.
    One(PixelBox),
    /// A list.
    List(Boxes),
}

/// One audit of one photograph.
pub(super) struct Task {
    pub(super) target: Target,
    /// `None` takes the map's own box.
    pub(super) region: Option<Region>,
    /// The boxes it was made of, in pixels of the photograph.
    pub(super) boxes: Vec<PixelBox>,
}

impl Objects {
    /// Reads the list, if there is one; returns how many things in it could not be used, each reported.
    pub(super) fn read(arguments: &AuditArgs, sources: &[Source]) -> Result<(Objects, usize), Failure> {
        if let Some(area) = arguments.area {
            if sources.len() != 1 {
                let message = format!("--box is for one photograph, found {}: list boxes with --boxes", sources.len());
                return Err(Failure::Usage(message));
            }
            return Ok((Objects::One(area), 0));
        }
        let Some(path) = &arguments.boxes else { return Ok((Objects::Maps, 0)) };
        let (boxes, faults) = objects::open(path, &arguments.inputs.images, sources)?;
        Ok((Objects::List(boxes), faults))
    }

    /// What to do about a photograph: an audit for each class that is labelled in it. Also returns how many boxes
    /// could not be used, each reported.
    pub(super) fn tasks(
        &self,
        arguments: &AuditArgs,
        source: &Source,
        photo: &Photo,
        frame: &Frame,
    ) -> Result<(Vec<Task>, usize), Failure> {
        let target = arguments.target.unwrap_or_default();
        let own = || Task { target, region: None, boxes: Vec::new() };
        match self {
            Objects::Maps => Ok((vec![own()], 0)),
            Objects::One(area) => {
                let region = Some(area.region(photo.width, photo.height, frame)?);
                Ok((vec![Task { target, region, boxes: vec![*area] }], 0))
            }
            Objects::List(list) => {
                let found = objects::of(list, source, photo, frame, arguments.target.is_none());
                let (listed, faults) = (found.is_listed(), found.faults);
                let mut tasks = Vec::<Task>::new();
                for object in found.usable {
                    // Every class of the label set is a target.
                    let target = object.class.and_then(|c| Target::class(c).ok()).unwrap_or(target);
                    add(&mut tasks, target, object.area, object.region);
                }
                if !listed {
                    note(format!("{}: no box is listed, so that its map's own box is taken", source.name));
                    tasks.push(own());
                }
                Ok((tasks, faults))
            }
        }
    }
}

/// Several boxes of one class are one object.
fn add(tasks: &mut Vec<Task>, target: Target, area: PixelBox, region: Region) {
    match tasks.iter_mut().find(|task| task.target == target) {
        Some(task) => {
            task.region = task.region.as_ref().map(|all| all.union(&region));
            task.boxes.push(area);
        }
        None => tasks.push(Task { target, region: Some(region), boxes: vec![area] }),
    }
}
