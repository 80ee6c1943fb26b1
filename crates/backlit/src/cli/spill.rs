//! Explanations on disk: what a scale shared by a folder needs before the first picture can be drawn.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};

use backlit::Explanation;
use backlit::net::preprocess::Frame;

use super::failure::Failure;
use super::inputs::Source;

/// A queue of explanations whose numbers wait in a temporary file, which has no name and vanishes with the program.
pub(crate) struct Spill {
    file: BufWriter<File>,
    waiting: Vec<Kept>,
}

/// An explanation without its numbers.
pub(crate) struct Kept {
    pub(crate) source: Source,
    pub(crate) frame: Frame,
    pub(crate) explanation: Explanation,
    lengths: Vec<usize>,
}

impl Spill {
    pub(crate) fn new() -> Result<Spill, Failure> {
        Ok(Spill { file: BufWriter::new(tempfile::tempfile()?), waiting: Vec::new() })
    }

    /// Puts an explanation aside.
    pub(crate) fn push(&mut self, source: Source, frame: Frame, mut explanation: Explanation) -> Result<(), Failure> {
        let mut lengths = Vec::new();
        for values in numbers(&mut explanation) {
            lengths.push(values.len());
            for value in std::mem::take(values) {
                self.file.write_all(&value.to_le_bytes())?;
            }
        }
        self.waiting.push(Kept { source, frame, explanation, lengths });
        Ok(())
    }

    /// Hands them back, whole, in their order.
    pub(crate) fn drain(self, mut each: impl FnMut(Kept) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut file = self.file.into_inner().map_err(|e| Failure::from(e.into_error()))?;
        file.rewind()?;
        let mut file = BufReader::new(file);
        for mut kept in self.waiting {
            for (values, &length) in numbers(&mut kept.explanation).into_iter().zip(&kept.lengths) {
                let mut bytes = vec![0; length * 4];
                file.read_exact(&mut bytes)?;
                *values = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            }
            each(kept)?;
        }
        Ok(())
    }
}

/// All its arrays, always in one order.
fn numbers(explanation: &mut Explanation) -> Vec<&mut Vec<f32>> {
    let mut all = vec![&mut explanation.logits];
    for map in &mut explanation.maps {
        all.push(&mut map.attribution.values.values);
        all.extend(map.attribution.coarse.as_mut().map(|coarse| &mut coarse.values));
        all.push(&mut map.saliency.map.values);
    }
    all
}
