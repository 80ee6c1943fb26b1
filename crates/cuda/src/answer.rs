//! What is asked about a batch, and the room for what is found.

use backlit_net::arch::{BLOCKS, Network};
use backlit_net::{CLASSES, EngineError, IMAGE_LEN, Rule, Seeds};

use crate::copy::copy;

/// What is to be found out.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) seeds: Seeds<'a>,
    /// Blocks whose outputs are wanted.
    pub(crate) outputs: &'a [usize],
    /// What is sent back; the seeds are looked at only if there is something.
    pub(crate) passes: &'a [Pass<'a>],
}

/// One way back: under which rule, and what is to be met.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub(crate) rule: Rule,
    /// Blocks at whose outputs the gradient is read.
    pub(crate) taps: &'a [usize],
    /// Whether it goes down to the image; else it ends at the lowest tap.
    pub(crate) input: bool,
}

impl Pass<'_> {
    /// The block at whose output it ends, if it does not reach the image.
    pub(crate) fn ends_at(&self) -> Option<usize> {
        if self.input { None } else { Some(self.taps.iter().copied().min().unwrap_or(BLOCKS - 1)) }
    }
}

impl Question<'_> {
    /// Blocks whose whole output or gradient is looked at.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = usize> {
        let taps = self.passes.iter().flat_map(|pass| pass.taps);
        self.outputs.iter().chain(taps).copied()
    }
}

/// What was found out about a whole batch.
pub(crate) struct Found {
    /// `[n, 1000]`.
    pub(crate) logits: Vec<f32>,
    /// For each of [`Question::outputs`], `[n, side, side, channels]`.
    pub(crate) outputs: Vec<Vec<f32>>,
    /// For each of [`Question::passes`].
    pub(crate) back: Vec<Back>,
}

/// The gradients of one pass.
pub(crate) struct Back {
    /// For each tap of the pass, `[n, per_image, side, side, channels]`.
    pub(crate) taps: Vec<Vec<f32>>,
    /// `[n, per_image, 224, 224, 3]`, or empty.
    pub(crate) input: Vec<f32>,
}

/// Room for what is found out about some of the images.
pub(crate) struct Room<'a> {
    pub(crate) logits: &'a mut [f32],
    pub(crate) outputs: Vec<&'a mut [f32]>,
    pub(crate) back: Vec<BackRoom<'a>>,
}

/// Room for the gradients of one pass.
pub(crate) struct BackRoom<'a> {
    pub(crate) taps: Vec<&'a mut [f32]>,
    pub(crate) input: &'a mut [f32],
}

/// An answer of `factors` floats, or an error where a plain allocation would abort.
pub(crate) fn reserve(factors: &[usize]) -> Result<Vec<f32>, EngineError> {
    let len = factors.iter().try_fold(1usize, |len, &f| len.checked_mul(f));
    let bytes = len.and_then(|len| len.checked_mul(size_of::<f32>())).unwrap_or(usize::MAX);
    let too_much = |_| EngineError::OutOfMemory { bytes };
    Vec::<f32>::new().try_reserve_exact(bytes / size_of::<f32>()).map_err(too_much)?;
    // Zeros that the system gives need not be written.
    Ok(vec![0.0; bytes / size_of::<f32>()])
}

impl Found {
    /// Room for all that is asked about `n` images.
    pub(crate) fn reserve(network: &Network, n: usize, question: &Question<'_>) -> Result<Found, EngineError> {
        Found::reserve_for(|block| network.blocks[block].expand.output_len(), IMAGE_LEN, n, question)
    }

    /// The same for images and blocks' outputs of other sizes.
    pub(crate) fn reserve_for(
        block_len: impl Fn(usize) -> usize,
        image_len: usize,
        n: usize,
        question: &Question<'_>,
    ) -> Result<Found, EngineError> {
        let per_image = question.seeds.per_image();
        let back = |pass: &Pass<'_>| {
            let taps = pass.taps.iter().map(|&block| reserve(&[n, per_image, block_len(block)]));
            let input = if pass.input { reserve(&[n, per_image, image_len])? } else { Vec::new() };
            Ok(Back { taps: taps.collect::<Result<_, _>>()?, input })
        };
        Ok(Found {
            logits: reserve(&[n, CLASSES])?,
            outputs: question.outputs.iter().map(|&b| reserve(&[n, block_len(b)])).collect::<Result<_, _>>()?,
            back: question.passes.iter().map(back).collect::<Result<_, EngineError>>()?,
        })
    }

    /// All of it.
    pub(crate) fn room(&mut self) -> Room<'_> {
        Room {
            logits: &mut self.logits,
            outputs: self.outputs.iter_mut().map(|v| v.as_mut_slice()).collect(),
            back: self.back.iter_mut().map(Back::room).collect(),
        }
    }
}

impl Back {
    fn room(&mut self) -> BackRoom<'_> {
        BackRoom { taps: self.taps.iter_mut().map(|v| v.as_mut_slice()).collect(), input: &mut self.input }
    }
}

impl<'a> Room<'a> {
    /// Takes the room of the first `images` off; what is left is that of the others.
    pub(crate) fn split_off(&mut self, images: usize) -> Room<'a> {
        let total = self.logits.len() / CLASSES;
        let mut take = |slice: &mut &'a mut [f32]| -> &'a mut [f32] {
            let all = std::mem::take(slice);
            let (first, rest) = all.split_at_mut(all.len() / total * images);
            *slice = rest;
            first
        };
        Room {
            logits: take(&mut self.logits),
            outputs: self.outputs.iter_mut().map(&mut take).collect(),
            back: self
                .back
                .iter_mut()
                .map(|b| BackRoom { taps: b.taps.iter_mut().map(&mut take).collect(), input: take(&mut b.input) })
                .collect(),
        }
    }
}

/// Copies `values`, one stretch of `len` an image, to the places of seed `seed` of images `first`, `first + 1`, ... in
/// `room`, `[images, per_image, len]`.
pub(crate) fn scatter(values: &[f32], len: usize, room: &mut [f32], first: usize, (seed, per_image): (usize, usize)) {
    let rooms = room[first * per_image * len..].chunks_exact_mut(per_image * len);
    copy(rooms.zip(values.chunks_exact(len)).map(|(room, values)| (&mut room[seed * len..][..len], values)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use backlit_net::Variant;

    #[test]
    fn rooms_are_taken_off_in_order() {
        let network = Network::of(Variant::V1);
        let seeds = Seeds::Rows { data: &[], per_image: 2 };
        let passes = [Pass { rule: Rule::Plain, taps: &[15], input: true }];
        let mut found = Found::reserve(network, 3, &Question { seeds, outputs: &[15], passes: &passes }).unwrap();
        let mut room = found.room();
        let first = room.split_off(2);
        assert_eq!((first.logits.len(), room.logits.len()), (2 * CLASSES, CLASSES));
        assert_eq!((first.outputs[0].len(), room.outputs[0].len()), (2 * 49 * 2048, 49 * 2048));
        assert_eq!((first.back[0].taps[0].len(), first.back[0].input.len()), (4 * 49 * 2048, 4 * IMAGE_LEN));
        let last = room.split_off(1);
        assert_eq!((last.back[0].input.len(), room.logits.len()), (2 * IMAGE_LEN, 0));
    }

    #[test]
    fn seeds_go_to_their_places() {
        let mut room = [0.0; 8];
        scatter(&[1.0, 2.0, 3.0, 4.0], 2, &mut room, 0, (1, 2));
        assert_eq!(room, [0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 3.0, 4.0]);
    }
}
