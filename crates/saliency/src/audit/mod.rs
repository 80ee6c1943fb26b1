//! The audit: does the network look at the object, or at what is around it?
//!
//! The post "Where the Machines are Looking" hid the ball in one photograph of basketball and found that the class
//! stayed; it kept the ball alone and the class was gone. [`audit`] does both to any picture, and more, so that the
//! answer can be trusted:
//!
//! - the object is hidden, and shown alone, under several [fills](crate::mask::Fill), so that a verdict does not hang
//!   on the colour of the patch;
//! - [control](Control) boxes of the same size are hidden elsewhere, so that "a patch hurts" is not mistaken for
//!   "the object mattered";
//! - the share of the saliency that lies on the object stands beside the object's share of the picture.
//!
//! | | alone the class stays | alone the class goes |
//! |---|---|---|
//! | **hidden the class goes** | object-driven | conjunctive: it takes both |
//! | **hidden the class stays** | redundant: either will do | context-driven |
//!
//! A class *stays* if the probability that is left, as a share of the untouched picture's, averaged over the fills, is
//! at least [`AuditOptions::keep`].

mod controls;
mod error;
mod evidence;
mod judge;
mod options;
mod record;
#[cfg(test)]
mod tests;

use backlit_net::{Engine, IMAGE_LEN, Images};
use rayon::prelude::*;

pub use controls::Control;
pub use error::AuditError;
pub use judge::{DECISIVE, Doubt, Judgement, Verdict};
pub use options::AuditOptions;
pub use record::{Audit, FillRecord, Object, ObjectFrom};

use crate::keyed::Keyed;
use crate::mask::{self, Experiment, Fill, Filler, Region};
use crate::{Reading, Run, Subject};
use evidence::Evidence;

/// Audits one picture. `region` is the object; without one it is the box of the class activation map.
///
/// Takes one gradient, one forward pass to the last block, and `fills * (2 + controls)` forward passes, in batches of
/// [`Run::batch`], and one more for a class that nothing shakes. The result depends on the picture and the options only.
///
/// # Errors
/// [`AuditError`]. A picture that cannot be judged is no error: its verdict is undetermined and says why.
pub fn audit(
    engine: &dyn Engine,
    subject: &Subject<'_>,
    region: Option<&Region>,
    options: &AuditOptions,
    run: &Run<'_>,
) -> Result<Audit, AuditError> {
    options.check()?;
    let evidence = Evidence::gather(engine, subject, options)?;
    let passes = 2 + options.fills.len() * (2 + options.controls);
    run.step(2, passes)?;

    let (from, region) = match region {
        Some(region) => (ObjectFrom::Given, Some(region.clone())),
        None => (ObjectFrom::Map, evidence.own_box(options)?),
    };
    let mut audit = evidence.begin(options);
    let Some(region) = region else {
        audit.judgement = Judgement::doubtful(Doubt::NoBox);
        return Ok(audit);
    };
    audit.object = Some(evidence.object(from, &region));
    if let Some(doubt) = judge::hopeless(subject, &region, &audit.original, options) {
        audit.judgement = Judgement::doubtful(doubt);
        return Ok(audit);
    }

    let stream = Keyed::new(&[options.seed, subject.key(), 0xc0_47]);
    audit.controls = controls::place(&region, options.controls, stream);
    let logits = ask(engine, subject, &region, &audit.controls, options, run)?;
    audit.fills = records(&audit, options, &logits);
    audit.judgement = judge::judge(&audit.original, &audit.fills, options.keep);
    if audit.judgement.verdict == Verdict::Redundant {
        // A class that survives everything may have nothing to do with the picture at all.
        let nothing = nothing(engine, subject, &audit, options)?;
        if judge::stays(&nothing, &audit.original, options.keep) {
            audit.judgement.doubt(Doubt::NoEffect);
        }
        audit.nothing = Some(nothing);
    }
    Ok(audit)
}

/// What is said of a picture that is the mean colour all over.
fn nothing(
    engine: &dyn Engine,
    subject: &Subject<'_>,
    audit: &Audit,
    options: &AuditOptions,
) -> Result<Reading, AuditError> {
    let all = Region::from_fn(|_, _| true)?;
    let rgb = mask::apply(subject.rgb, &all, Experiment::Hide, Fill::Mean, subject.preprocessing)?;
    let found = engine.predict(Images::new(&subject.preprocess(&rgb))?)?;
    Ok(Reading::new("everything hidden, mean", found.row(0), audit.class_idx, options.top))
}

/// Logits of every variant: for every fill the object hidden, the object alone, and each control hidden.
fn ask(
    engine: &dyn Engine,
    subject: &Subject<'_>,
    region: &Region,
    controls: &[Control],
    options: &AuditOptions,
    run: &Run<'_>,
) -> Result<Vec<Vec<f32>>, AuditError> {
    let filler = |&fill| Filler::new(subject.rgb, fill, subject.preprocessing, options.seed);
    let fillers = options.fills.par_iter().map(filler).collect::<Result<Vec<_>, _>>()?;
    let mut variants: Vec<(&Filler, &Region, Experiment)> = Vec::new();
    for filler in &fillers {
        variants.extend([(filler, region, Experiment::Hide), (filler, region, Experiment::Keep)]);
        variants.extend(controls.iter().map(|c| (filler, &c.region, Experiment::Hide)));
    }
    let mut logits = Vec::with_capacity(variants.len());
    for batch in variants.chunks(run.batch()) {
        let mut tensor = vec![0f32; batch.len() * IMAGE_LEN];
        let made = batch.par_iter().zip(tensor.par_chunks_exact_mut(IMAGE_LEN));
        made.try_for_each(|((filler, region, experiment), copy)| -> Result<(), AuditError> {
            subject.preprocessing.apply(&filler.apply(region, *experiment)?, copy);
            Ok(())
        })?;
        let found = engine.predict(Images::new(&tensor)?)?;
        logits.extend((0..batch.len()).map(|i| found.row(i).to_vec()));
        run.step(2 + logits.len(), 2 + variants.len())?;
    }
    Ok(logits)
}

/// The logits of [`ask`], read with regard to the class.
fn records(audit: &Audit, options: &AuditOptions, logits: &[Vec<f32>]) -> Vec<FillRecord> {
    let each = 2 + audit.controls.len();
    let read = |name: String, logits: &[f32]| Reading::new(name, logits, audit.class_idx, options.top);
    let record = |(&fill, logits): (&Fill, &[Vec<f32>])| {
        let controls = logits[2..].iter().enumerate();
        let hidden = read(format!("hidden, {fill}"), &logits[0]);
        let alone = read(format!("alone, {fill}"), &logits[1]);
        let controls = controls.map(|(i, z)| read(format!("control {}, {fill}", i + 1), z)).collect();
        FillRecord::new(fill, hidden, alone, controls, audit.original.original.probability, options.keep)
    };
    options.fills.iter().zip(logits.chunks_exact(each)).map(record).collect()
}
