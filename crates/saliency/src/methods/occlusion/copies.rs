//! Copies of the picture with a patch filled, or with all but the patch filled.

use std::ops::Range;

use backlit_net::{CHANNELS, IMAGE_LEN, SIDE};

use super::windows::Windows;
use crate::mask::{Experiment, Fill, Filler, Region};
use crate::{Method, MethodError, Subject};

/// Makes them.
pub(super) struct Copies<'a> {
    subject: Subject<'a>,
    experiment: Experiment,
    with: With<'a>,
}

enum With<'a> {
    /// A whole picture to take values from, as the network's input.
    Tensor(Vec<f32>),
    /// What depends on the patch is worked out for each.
    Each(Filler<'a>),
}

impl<'a> Copies<'a> {
    pub(super) fn new(subject: &Subject<'a>, fill: Fill, experiment: Experiment) -> Result<Self, MethodError> {
        let filler = || Filler::new(subject.rgb, fill, subject.preprocessing, 0).map_err(refused);
        let with = match fill {
            Fill::Mean => With::Tensor(vec![0.0; IMAGE_LEN]),
            Fill::Black | Fill::Blur => {
                let everything = Region::new(vec![true; SIDE * SIDE]).map_err(refused)?;
                let rgb = filler()?.apply(&everything, Experiment::Hide).map_err(refused)?;
                With::Tensor(subject.preprocess(&rgb))
            }
            Fill::Impute => With::Each(filler()?),
        };
        Ok(Copies { subject: *subject, experiment, with })
    }

    /// Writes the copies for some windows, `[windows, 224, 224, 3]`.
    pub(super) fn write(&self, windows: &Windows, which: Range<usize>, out: &mut [f32]) -> Result<(), MethodError> {
        for (window, out) in which.zip(out.chunks_exact_mut(IMAGE_LEN)) {
            match (&self.with, self.experiment) {
                (With::Tensor(filled), Experiment::Hide) => patch(self.subject.tensor, filled, windows, window, out),
                (With::Tensor(filled), Experiment::Keep) => patch(filled, self.subject.tensor, windows, window, out),
                (With::Each(filler), experiment) => {
                    let mut inside = vec![false; SIDE * SIDE];
                    windows.pixels(window).for_each(|pixel| inside[pixel] = true);
                    let region = Region::new(inside).map_err(refused)?;
                    let rgb = filler.apply(&region, experiment).map_err(refused)?;
                    out.copy_from_slice(&self.subject.preprocess(&rgb));
                }
            }
        }
        Ok(())
    }
}

/// `ground` with the window taken from `other`.
fn patch(ground: &[f32], other: &[f32], windows: &Windows, window: usize, out: &mut [f32]) {
    out.copy_from_slice(ground);
    for pixel in windows.pixels(window) {
        let values = pixel * CHANNELS..(pixel + 1) * CHANNELS;
        out[values.clone()].copy_from_slice(&other[values]);
    }
}

/// The subject was checked before, so this is not expected.
fn refused(error: crate::mask::MaskError) -> MethodError {
    let expected = "give a whole picture of 224 x 224 pixels".into();
    MethodError::Parameter { method: Method::Occlusion, what: "picture", found: error.to_string(), expected }
}
