//! From probabilities to a verdict, and how far it can be trusted.

use backlit_net::{SIDE, named};
use serde::Serialize;

use super::{AuditOptions, FillRecord};
use crate::mask::Region;
use crate::{Reading, Subject};

/// What a class rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// It stays without the object and goes with it alone: the surroundings decide.
    ContextDriven,
    /// It stays either way: each suffices.
    Redundant,
    /// It goes either way: it takes both.
    Conjunctive,
    /// It goes without the object and stays with it alone: the object decides.
    ObjectDriven,
    /// The experiment cannot tell; [`Judgement::doubt`] says why.
    #[default]
    Undetermined,
}

named!(Verdict, "verdict", {
    ContextDriven = "context-driven" | "context_driven" | "context",
    Redundant = "redundant",
    Conjunctive = "conjunctive",
    ObjectDriven = "object-driven" | "object_driven" | "object",
    Undetermined = "undetermined",
});

impl Verdict {
    /// The verdict for a class that stays, or does not, without the object and with the object alone.
    pub fn of(stays_hidden: bool, stays_alone: bool) -> Verdict {
        match (stays_hidden, stays_alone) {
            (true, false) => Verdict::ContextDriven,
            (true, true) => Verdict::Redundant,
            (false, false) => Verdict::Conjunctive,
            (false, true) => Verdict::ObjectDriven,
        }
    }

    /// Whether the class stays when the object is hidden; none if undetermined.
    fn stays_hidden(self) -> Option<bool> {
        match self {
            Verdict::ContextDriven | Verdict::Redundant => Some(true),
            Verdict::Conjunctive | Verdict::ObjectDriven => Some(false),
            Verdict::Undetermined => None,
        }
    }
}

/// Why a picture cannot be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// The class activation map is nowhere positive.
    NoBox,
    /// The picture is one colour.
    OneColour,
    /// The box covers (nearly) all.
    WholePicture,
    /// The class is hardly there to begin with.
    WeakClass,
    /// The class stays whatever is hidden, even everything.
    NoEffect,
}

named!(Doubt, "doubt", {
    NoBox = "no-box" | "no_box",
    OneColour = "one-colour" | "one_colour",
    WholePicture = "whole-picture" | "whole_picture",
    WeakClass = "weak-class" | "weak_class",
    NoEffect = "no-effect" | "no_effect",
});

impl Doubt {
    /// One sentence for people.
    pub fn explain(self) -> &'static str {
        match self {
            Doubt::NoBox => "the class activation map is blank, so that there is no box: give one",
            Doubt::OneColour => "the picture is one colour: there is nothing in it to hide",
            Doubt::WholePicture => "the box covers the whole picture: there is nothing around it",
            Doubt::WeakClass => "the class is hardly there in the untouched picture: it has nothing to lose",
            Doubt::NoEffect => "the class stays whatever is hidden, even everything: it does not depend on the picture",
        }
    }
}

/// A verdict with the numbers behind it. All numbers lie between 0 and 1, `context_reliance` between -1 and 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Judgement {
    /// What the class rests on.
    pub verdict: Verdict,
    /// Why there is none.
    pub doubt: Option<Doubt>,
    /// `agreement * support`.
    pub confidence: f64,
    /// Share of the fills that say the same on their own.
    pub agreement: f64,
    /// What the controls say of it, mean over fills and controls. With d the probability that hiding the object cost
    /// beyond what hiding the control cost, as a share of the untouched one and of [`DECISIVE`], clipped to 0..1: d
    /// where the class goes with the object, 1 - d where it stays. None without controls, which leaves the confidence
    /// to the fills alone.
    pub support: Option<f64>,
    /// Mean share of the probability left without the object.
    pub hidden_keeps: Option<f64>,
    /// Mean share left of the object alone.
    pub alone_keeps: Option<f64>,
    /// Mean share left without a box elsewhere.
    pub control_keeps: Option<f64>,
    /// `hidden_keeps - alone_keeps`: 1 if the surroundings decide alone, -1 if the object does.
    pub context_reliance: Option<f64>,
}

/// A difference of this share of the untouched probability leaves no doubt that one box hurts more than another.
pub const DECISIVE: f64 = 0.5;

/// A region of this share of the picture leaves nothing around it.
const WHOLE: f64 = 0.98;

impl Judgement {
    pub(super) fn doubtful(doubt: Doubt) -> Judgement {
        Judgement { doubt: Some(doubt), ..Judgement::default() }
    }

    /// Takes the verdict back, and leaves the numbers.
    pub(super) fn doubt(&mut self, doubt: Doubt) {
        *self = Judgement {
            verdict: Verdict::Undetermined,
            doubt: Some(doubt),
            confidence: 0.0,
            agreement: 0.0,
            support: None,
            ..*self
        };
    }
}

/// The share of a probability that is left, 0 to 1; a class that gained kept all.
pub(super) fn retention(left: f64, untouched: f64) -> f64 {
    if untouched > 0.0 { (left / untouched).clamp(0.0, 1.0) } else { 0.0 }
}

/// Whether the class of the untouched picture is still there.
pub(super) fn stays(reading: &Reading, original: &Reading, keep: f64) -> bool {
    retention(reading.original.probability, original.original.probability) >= keep
}

/// Why it would be no use to go on.
pub(super) fn hopeless(
    subject: &Subject<'_>,
    region: &Region,
    original: &Reading,
    options: &AuditOptions,
) -> Option<Doubt> {
    let probability = original.original.probability;
    if subject.rgb.chunks_exact(3).all(|pixel| pixel == &subject.rgb[..3]) {
        Some(Doubt::OneColour)
    } else if region.area() as f64 >= WHOLE * (SIDE * SIDE) as f64 {
        Some(Doubt::WholePicture)
    } else if probability < options.least_probability || probability <= 0.0 {
        Some(Doubt::WeakClass)
    } else {
        None
    }
}

/// Judges by the mean over the fills.
pub(super) fn judge(original: &Reading, fills: &[FillRecord], keep: f64) -> Judgement {
    let n = fills.len() as f64;
    let mean = |of: &dyn Fn(&FillRecord) -> f64| fills.iter().map(of).sum::<f64>() / n;
    let (hidden, alone) = (mean(&|f| f.hidden_keeps), mean(&|f| f.alone_keeps));
    let controls = fills.iter().map(|f| f.control_keeps).collect::<Option<Vec<f64>>>();
    let verdict = Verdict::of(hidden >= keep, alone >= keep);
    let agreement = fills.iter().filter(|f| f.verdict == verdict).count() as f64 / n;
    let support = support(fills, original.original.probability, verdict);
    Judgement {
        verdict,
        doubt: None,
        confidence: agreement * support.unwrap_or(1.0),
        agreement,
        support,
        hidden_keeps: Some(hidden),
        alone_keeps: Some(alone),
        control_keeps: controls.map(|c| c.iter().sum::<f64>() / n),
        context_reliance: Some(hidden - alone),
    }
}

/// [`Judgement::support`].
fn support(fills: &[FillRecord], untouched: f64, verdict: Verdict) -> Option<f64> {
    let stays = verdict.stays_hidden()?;
    let (mut sum, mut pairs) = (0.0, 0usize);
    for fill in fills {
        for control in &fill.controls {
            let kept = retention(control.original.probability, untouched);
            let beyond = ((kept - fill.hidden_keeps) / DECISIVE).clamp(0.0, 1.0);
            sum += if stays { 1.0 - beyond } else { beyond };
            pairs += 1;
        }
    }
    (pairs > 0).then(|| sum / pairs as f64)
}
