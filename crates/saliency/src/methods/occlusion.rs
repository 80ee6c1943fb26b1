//! Occlusion: a patch slides over the picture.

mod copies;
mod windows;

use backlit_net::{CLASSES, IMAGE_LEN, Images, SIDE, named};
use serde::Serialize;

use self::copies::Copies;
use self::windows::{Windows, cover};
use crate::explain::{Attribute, Context};
use crate::mask::{Experiment, Fill};
use crate::{Attribution, Map, Method, MethodError};

/// What becomes of a patch that reaches past the edge of the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edge {
    /// It is cut off there: as many patches as it takes to cover the last pixel. captum's rule.
    #[default]
    Cut,
    /// There is none: whole patches only, so that the last pixels may be covered by none. PAIR's rule.
    Inside,
    /// It comes in again on the opposite side: one patch for every multiple of the stride. zennit's rule.
    Wrap,
}

named!(Edge, "edge", { Cut = "cut", Inside = "inside", Wrap = "wrap" });

/// What a pixel is given where several patches cover it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// The mean over the patches that cover it: captum's rule.
    #[default]
    Mean,
    /// The sum: PAIR's and zennit's rule, under which pixels near the edge, covered by fewer patches, get less.
    Sum,
}

named!(Overlap, "overlap", { Mean = "mean", Sum = "sum" });

/// `S(x) - S(x with the patch filled)`, averaged over the patches that cover a pixel
/// (Zeiler and Fergus 2013, arXiv:1311.2901): positive where the class loses by the patch.
///
/// The fill replaces values of the network's input. Black and blur are pictures that are preprocessed;
/// [`Fill::Mean`] is a tensor of zeros, exactly, rather than the nearest 8-bit colour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Occlusion {
    /// Rows and columns of the patch, 1 to 224.
    pub patch: usize,
    /// Step from patch to patch, 1 to `patch`.
    pub stride: usize,
    /// What is put in its place.
    pub fill: Fill,
    /// What happens at the edge.
    pub edge: Edge,
    /// What a pixel is given that several patches cover.
    pub overlap: Overlap,
    /// [`Experiment::Hide`] fills the patch. [`Experiment::Keep`] fills everything else, and the value of the patch is
    /// then `S(the patch alone)`, a score and no difference, as in zennit.
    pub experiment: Experiment,
}

impl Default for Occlusion {
    /// A patch of 32 every 16 pixels, filled with the mean colour; otherwise captum's rules.
    fn default() -> Self {
        let (edge, overlap) = (Edge::default(), Overlap::default());
        Occlusion { patch: 32, stride: 16, fill: Fill::Mean, edge, overlap, experiment: Experiment::Hide }
    }
}

impl Occlusion {
    /// PAIR's `Occlusion`: every whole patch of 15 x 15, zeros, summed. 44,100 passes a picture.
    pub fn pair() -> Occlusion {
        Occlusion { patch: 15, stride: 1, edge: Edge::Inside, overlap: Overlap::Sum, ..Occlusion::default() }
    }

    /// zennit's `Occlusion`: patches of 8 x 8 side by side, each shown alone on zeros; the value is the score.
    pub fn zennit() -> Occlusion {
        let (edge, overlap) = (Edge::Wrap, Overlap::Sum);
        Occlusion { patch: 8, stride: 8, edge, overlap, experiment: Experiment::Keep, fill: Fill::Mean }
    }

    fn check(&self) -> Result<(), MethodError> {
        let bad = |what, found: usize, expected: String| {
            Err(MethodError::Parameter { method: Method::Occlusion, what, found: found.to_string(), expected })
        };
        if !(1..=SIDE).contains(&self.patch) {
            return bad("patch", self.patch, format!("give 1 to {SIDE} pixels"));
        }
        if !(1..=self.patch).contains(&self.stride) {
            return bad("stride", self.stride, format!("give 1 to {} pixels, the side of the patch", self.patch));
        }
        Ok(())
    }
}

impl Attribute for Occlusion {
    fn attribute(&self, context: &Context<'_>) -> Result<Vec<Attribution>, MethodError> {
        self.check()?;
        let windows = Windows::new(SIDE, self.patch, self.stride, self.edge);
        let copies = Copies::new(&context.subject, self.fill, self.experiment)?;
        let base: Vec<f64> = context.objectives.iter().map(|o| o.value(context.logits)).collect();
        let mut sums = vec![vec![0f64; SIDE * SIDE]; base.len()];
        let mut tensor = vec![0f32; context.run.batch().min(windows.len()) * IMAGE_LEN];
        for first in (0..windows.len()).step_by(context.run.batch()) {
            let batch = first..windows.len().min(first + context.run.batch());
            let tensor = &mut tensor[..batch.len() * IMAGE_LEN];
            copies.write(&windows, batch.clone(), tensor)?;
            let logits = context.engine.predict(Images::new(tensor)?)?.data;
            for (window, logits) in batch.clone().zip(logits.chunks_exact(CLASSES)) {
                for ((objective, sum), base) in context.objectives.iter().zip(&mut sums).zip(&base) {
                    let score = objective.value(logits);
                    let value = if self.experiment == Experiment::Hide { base - score } else { score };
                    windows.pixels(window).for_each(|pixel| sum[pixel] += value);
                }
            }
            context.run.step(batch.end, windows.len())?;
        }
        let covered = match self.overlap {
            Overlap::Mean => cover(&windows),
            Overlap::Sum => vec![1; SIDE * SIDE],
        };
        let attribution = |sum: Vec<f64>| {
            // What no patch covers has no value: 0.
            let values = sum.iter().zip(&covered).map(|(sum, &n)| (sum / n.max(1) as f64) as f32).collect();
            let values = Map { height: SIDE, width: SIDE, channels: 1, values };
            Attribution { samples: windows.len(), ..Attribution::of(values) }
        };
        Ok(sums.into_iter().map(attribution).collect())
    }
}

#[cfg(test)]
mod tests;
