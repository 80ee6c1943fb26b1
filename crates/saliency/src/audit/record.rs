//! The record of an audit.

use backlit_net::named;
use serde::Serialize;

use super::judge::{Verdict, retention};
use super::{Control, Judgement};
use crate::mask::{Bounds, Fill, Region};
use crate::{Map, Reading, SaliencyMap, Target};

/// Where the object's box comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectFrom {
    /// The caller.
    Given,
    /// The class activation map's largest component.
    Map,
}

named!(ObjectFrom, "origin of a box", { Given = "given", Map = "map" });

/// The object: which pixels, and how much of the saliency lies on them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Object {
    /// Who says so.
    pub from: ObjectFrom,
    /// The rectangle around it, on the 224 x 224 grid.
    pub bounds: Bounds,
    /// Pixels of the grid.
    pub pixels: usize,
    /// Share of the picture's area.
    pub area_share: f64,
    /// Share of the gradient map (`|g|`, largest over the channels, not smoothed) on it; none of a blank map.
    pub saliency_share: Option<f64>,
    /// Share of the class activation map on it; none of a blank map.
    pub cam_share: Option<f64>,
    /// Its pixels.
    #[serde(skip)]
    pub region: Region,
}

/// What one fill has shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FillRecord {
    /// What stood in for hidden pixels.
    pub fill: Fill,
    /// Share of the class's probability left without the object, 0 to 1.
    pub hidden_keeps: f64,
    /// Share left of the object alone.
    pub alone_keeps: f64,
    /// Share left without a box of the same size elsewhere, mean over the controls; none without controls.
    pub control_keeps: Option<f64>,
    /// What this fill would say on its own.
    pub verdict: Verdict,
    /// The object hidden.
    pub hidden: Reading,
    /// The object alone.
    pub alone: Reading,
    /// Each control hidden.
    pub controls: Vec<Reading>,
}

impl FillRecord {
    /// `untouched` is the class's probability in the whole picture, above 0.
    pub(super) fn new(
        fill: Fill,
        hidden: Reading,
        alone: Reading,
        controls: Vec<Reading>,
        untouched: f64,
        keep: f64,
    ) -> FillRecord {
        let keeps = |reading: &Reading| retention(reading.original.probability, untouched);
        let (hidden_keeps, alone_keeps) = (keeps(&hidden), keeps(&alone));
        let sum: f64 = controls.iter().map(keeps).sum();
        FillRecord {
            fill,
            hidden_keeps,
            alone_keeps,
            control_keeps: (!controls.is_empty()).then_some(sum / controls.len() as f64),
            verdict: Verdict::of(hidden_keeps >= keep, alone_keeps >= keep),
            hidden,
            alone,
            controls,
        }
    }
}

/// One picture, audited.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audit {
    /// Index of the class followed.
    pub class_idx: usize,
    /// The same as a target.
    #[serde(skip)]
    pub target: Target,
    /// The judgement, with its numbers.
    #[serde(flatten)]
    pub judgement: Judgement,
    /// The untouched picture.
    pub original: Reading,
    /// The object, if there is one.
    pub object: Option<Object>,
    /// Where the controls lie.
    pub controls: Vec<Control>,
    /// What each fill has shown; empty if the picture could not be judged at all.
    pub fills: Vec<FillRecord>,
    /// Everything hidden under the mean colour; asked only about a class that survived all else.
    pub nothing: Option<Reading>,
    /// The gradient map of the class with the usual smoothing, for drawing.
    #[serde(skip)]
    pub saliency: SaliencyMap,
    /// Its class activation map, 224 x 224.
    #[serde(skip)]
    pub cam: Map,
}
