//! Planted cases: an engine whose class depends on what is in the box, around it, on either, on both, or on nothing.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use backlit_net::arch::Network;
use backlit_net::engine::{EngineInfo, Features, Gradients, Logits, Precision, TapGradients};
use backlit_net::preprocess::{Input, Preprocessing};
use backlit_net::{CLASSES, Engine, EngineError, IMAGE_LEN, Images, Rule, SIDE, Seeds, Tap, Variant};

use super::*;
use crate::localize::GRADCAM_THRESHOLD;
use crate::mask::{Fill, Slices};
use crate::{Progress, Target};

/// What the planted class needs to be there.
#[derive(Clone, Copy, PartialEq)]
enum Needs {
    Object,
    Context,
    Either,
    Both,
    Nothing,
}

/// Class 7 has a logit of 12 if what it needs is there, the others have 0. A part is there if at least half of its
/// pixels are as in the picture: those are striped, and no fill makes stripes.
struct Planted {
    needs: Needs,
    batches: Mutex<Vec<usize>>,
    images: AtomicUsize,
}

const BOX: &str = "40:90,60:120";

fn region() -> Region {
    BOX.parse::<Slices>().unwrap().region()
}

/// Stripes of one pixel; their colour differs inside and outside of the box.
fn picture() -> Vec<u8> {
    let object = region();
    (0..SIDE * SIDE)
        .flat_map(|p| match (object.pixels()[p], p % 2 == 0) {
            (true, even) => [if even { 250 } else { 10 }, 40, 90],
            (false, even) => [60, if even { 240 } else { 20 }, 130],
        })
        .collect()
}

impl Planted {
    fn new(needs: Needs) -> Planted {
        Planted { needs, batches: Mutex::default(), images: AtomicUsize::new(0) }
    }

    fn logit(&self, image: &[f32]) -> f32 {
        let (object, mut original) = (region(), vec![0f32; IMAGE_LEN]);
        Preprocessing::Torch.apply(&picture(), &mut original);
        let there = |inside: bool| {
            let part: Vec<usize> = (0..SIDE * SIDE).filter(|&p| object.pixels()[p] == inside).collect();
            let same = |p: &&usize| image[3 * **p..3 * **p + 3] == original[3 * **p..3 * **p + 3];
            2 * part.iter().filter(same).count() >= part.len()
        };
        let holds = match self.needs {
            Needs::Object => there(true),
            Needs::Context => there(false),
            Needs::Either => there(true) || there(false),
            Needs::Both => there(true) && there(false),
            Needs::Nothing => true,
        };
        if holds { 12.0 } else { 0.0 }
    }

    fn logits(&self, images: Images<'_>) -> Vec<f32> {
        let mut all = vec![0f32; images.len() * CLASSES];
        for i in 0..images.len() {
            all[i * CLASSES + 7] = self.logit(images.get(i).data());
        }
        all
    }
}

impl Engine for Planted {
    fn info(&self) -> EngineInfo {
        EngineInfo { name: "planted", precision: Precision::F32, isa: "none".into(), threads: 1 }
    }

    fn network(&self) -> &'static Network {
        Network::of(Variant::V1)
    }

    fn predict(&self, images: Images<'_>) -> Result<Logits, EngineError> {
        self.batches.lock().unwrap().push(images.len());
        self.images.fetch_add(images.len(), Ordering::Relaxed);
        Ok(Logits { data: self.logits(images) })
    }

    /// The gradient is 3 on the object and 1 elsewhere, or nothing at all.
    fn gradient(&self, images: Images<'_>, _: Seeds<'_>, _: Rule) -> Result<Gradients, EngineError> {
        let object = region();
        let value = |i: usize| match (self.needs, object.pixels()[i / 3]) {
            (Needs::Nothing, _) => 0.0,
            (_, true) => 3.0,
            (_, false) => 1.0,
        };
        let gradient = (0..IMAGE_LEN).map(value).collect();
        Ok(Gradients { logits: self.logits(images), gradient, seeds_per_image: 1 })
    }

    fn features(&self, _: Images<'_>) -> Result<Features, EngineError> {
        unreachable!("an audit asks for no features")
    }

    fn gradient_at(&self, images: Images<'_>, _: Seeds<'_>, _: Rule, _: Tap) -> Result<TapGradients, EngineError> {
        let mut activation = vec![0f32; 49];
        activation[15] = if self.needs == Needs::Nothing { 0.0 } else { 4.0 };
        let (side, channels, gradient) = (7, 1, vec![1.0; 49]);
        Ok(TapGradients { logits: self.logits(images), side, channels, activation, gradient, seeds_per_image: 1 })
    }
}

fn input(rgb: Vec<u8>) -> Input {
    let mut tensor = vec![0f32; IMAGE_LEN];
    Preprocessing::Torch.apply(&rgb, &mut tensor);
    let side = SIDE as f64;
    Input { rgb, tensor, frame: backlit_net::preprocess::Frame { x: 0.0, y: 0.0, width: side, height: side } }
}

fn run(engine: &Planted, rgb: Vec<u8>, region: Option<&Region>, options: &AuditOptions, run: &Run<'_>) -> Audit {
    let input = input(rgb);
    let found = audit(engine, &Subject::new(&input, Preprocessing::Torch), region, options, run).unwrap();
    let json = serde_json::to_string(&found).unwrap();
    assert!(!json.contains("NaN") && !json.contains("inf"), "{json}");
    let j = &found.judgement;
    for value in [Some(j.confidence), Some(j.agreement), j.support, j.hidden_keeps, j.alone_keeps].into_iter().flatten()
    {
        assert!((0.0..=1.0).contains(&value), "{j:?}");
    }
    found
}

fn planted(needs: Needs) -> Audit {
    run(&Planted::new(needs), picture(), Some(&region()), &AuditOptions::default(), &Run::default())
}

#[test]
fn planted_verdicts() {
    for (needs, verdict, reliance) in [
        (Needs::Object, Verdict::ObjectDriven, -1.0),
        (Needs::Context, Verdict::ContextDriven, 1.0),
        (Needs::Either, Verdict::Redundant, 0.0),
        (Needs::Both, Verdict::Conjunctive, 0.0),
    ] {
        let found = planted(needs);
        let j = &found.judgement;
        assert_eq!((j.verdict, j.doubt, j.agreement), (verdict, None, 1.0));
        assert!((j.context_reliance.unwrap() - reliance).abs() <= 0.02, "{j:?}");
        // No control touches the object, and each leaves most of the rest: hiding them changes nothing.
        assert_eq!(j.control_keeps, Some(1.0));
        assert!(j.confidence >= 0.99, "{j:?}");
        assert!(found.fills.iter().all(|f| f.verdict == verdict && f.controls.len() == 4));
        assert_eq!(found.fills.iter().map(|f| f.fill).collect::<Vec<_>>(), Fill::ALL);
        assert_eq!((found.class_idx, found.original.original.rank), (7, 1));
    }
}

#[test]
fn shares_of_the_saliency() {
    let object = planted(Needs::Object).object.unwrap();
    let (inside, all) = (50.0 * 60.0, (SIDE * SIDE) as f64);
    assert_eq!((object.from, object.pixels), (ObjectFrom::Given, 3000));
    assert!((object.area_share - inside / all).abs() <= 1e-12);
    assert!((object.saliency_share.unwrap() - 3.0 * inside / (3.0 * inside + all - inside)).abs() <= 1e-12);
}

#[test]
fn without_a_box_the_map_has_its_own() {
    let options = AuditOptions { threshold: GRADCAM_THRESHOLD, ..AuditOptions::default() };
    let found = run(&Planted::new(Needs::Object), picture(), None, &options, &Run::default());
    let object = found.object.unwrap();
    assert_eq!(object.from, ObjectFrom::Map);
    // Cell 15 is row 2, column 1: its centre is at 80 rows and 48 columns; 15 % of a tent 32 high reaches 27 pixels.
    let b = object.bounds;
    assert_eq!((b.top + b.bottom, b.left + b.right, b.bottom - b.top), (160, 96, b.right - b.left));
    assert!((53..=55).contains(&(b.bottom - b.top)), "{b}");
}

#[test]
fn what_cannot_be_told_is_not_told() {
    let doubt = |needs, rgb: Vec<u8>, region: Option<&Region>, options: &AuditOptions| {
        let j = run(&Planted::new(needs), rgb, region, options, &Run::default()).judgement;
        assert_eq!((j.verdict, j.confidence), (Verdict::Undetermined, 0.0));
        j.doubt
    };
    let usual = AuditOptions::default();
    let weak = AuditOptions { target: Target::class(8).unwrap(), ..usual.clone() };
    let whole = ":,:".parse::<Slices>().unwrap().region();
    assert_eq!(doubt(Needs::Nothing, picture(), Some(&region()), &usual), Some(Doubt::NoEffect));
    assert_eq!(doubt(Needs::Nothing, picture(), None, &usual), Some(Doubt::NoBox));
    assert_eq!(doubt(Needs::Object, vec![90; IMAGE_LEN], Some(&region()), &usual), Some(Doubt::OneColour));
    assert_eq!(doubt(Needs::Object, picture(), Some(&whole), &usual), Some(Doubt::WholePicture));
    assert_eq!(doubt(Needs::Object, picture(), Some(&region()), &weak), Some(Doubt::WeakClass));
}

#[test]
fn a_patch_that_hurts_anywhere_earns_no_confidence() {
    // The box is empty of meaning here: what counts is that nothing at all is hidden.
    let everywhere = FillRecord::new(
        Fill::Black,
        Reading::new("h", &one_hot(0.0), 7, 5),
        Reading::new("a", &one_hot(12.0), 7, 5),
        vec![Reading::new("c", &one_hot(0.0), 7, 5)],
        0.99,
        0.5,
    );
    let judged = judge::judge(&Reading::new("o", &one_hot(12.0), 7, 5), &[everywhere], 0.5);
    assert_eq!((judged.verdict, judged.support, judged.confidence), (Verdict::ObjectDriven, Some(0.0), 0.0));
}

fn one_hot(logit: f32) -> Vec<f32> {
    let mut logits = vec![0f32; CLASSES];
    logits[7] = logit;
    logits
}

#[test]
fn the_batch_changes_nothing_and_is_kept() {
    let with = |batch: usize| {
        let engine = Planted::new(Needs::Context);
        let found =
            run(&engine, picture(), Some(&region()), &AuditOptions::default(), &Run::default().with_batch(batch));
        let batches = engine.batches.into_inner().unwrap();
        assert!(batches.iter().all(|&n| n <= batch));
        assert_eq!(batches.iter().sum::<usize>(), 4 * (2 + 4), "every variant is asked about once");
        found
    };
    let one = with(1);
    assert!(one == with(7) && one == with(64));
}

#[test]
fn progress_and_cancellation() {
    let (seen, flag) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let tell = |p: Progress| {
        seen.lock().unwrap().push((p.done, p.total));
        flag.store(p.done > 10, Ordering::Relaxed);
    };
    let input = input(picture());
    let subject = Subject::new(&input, Preprocessing::Torch);
    let run = Run::default().with_progress(&tell).with_cancel(&flag);
    let engine = Planted::new(Needs::Object);
    let error = audit(&engine, &subject, Some(&region()), &AuditOptions::default(), &run).unwrap_err();
    assert!(matches!(error, AuditError::Cancelled(_)));
    assert_eq!(*seen.lock().unwrap(), [(2, 26), (10, 26), (18, 26)]);
    assert_eq!(engine.images.load(Ordering::Relaxed), 16);
}

#[test]
fn options_that_make_no_sense() {
    let input = input(picture());
    let subject = Subject::new(&input, Preprocessing::Torch);
    let refused = |options: AuditOptions| {
        audit(&Planted::new(Needs::Object), &subject, None, &options, &Run::default()).unwrap_err().to_string()
    };
    let usual = AuditOptions::default();
    assert!(refused(AuditOptions { fills: vec![], ..usual.clone() }).contains("no fill"));
    assert_eq!(refused(AuditOptions { keep: 1.5, ..usual.clone() }), "keep is 1.5: it must lie between 0 and 1");
    assert!(refused(AuditOptions { threshold: f64::NAN, ..usual }).contains("threshold is NaN"));
    let few = AuditOptions { controls: 0, fills: vec![Fill::Mean], ..AuditOptions::default() };
    let found = run(&Planted::new(Needs::Context), picture(), Some(&region()), &few, &Run::default());
    assert_eq!((found.judgement.verdict, found.judgement.support), (Verdict::ContextDriven, None));
    assert_eq!(found.judgement.confidence, 1.0);
}
