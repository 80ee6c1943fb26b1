//! Room for what is found out about a batch, shared out among the GPUs.

use backlit_net::CLASSES;
use backlit_net::engine::question::{Back, Found};

use crate::copy::copy;

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

impl<'a> Room<'a> {
    /// All of the room for what is found.
    pub(crate) fn of(found: &'a mut Found) -> Room<'a> {
        let back = |back: &'a mut Back| BackRoom {
            taps: back.taps.iter_mut().map(|v| v.as_mut_slice()).collect(),
            input: &mut back.input,
        };
        Room {
            logits: &mut found.logits,
            outputs: found.outputs.iter_mut().map(|v| v.as_mut_slice()).collect(),
            back: found.back.iter_mut().map(back).collect(),
        }
    }

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
    use backlit_net::arch::Network;
    use backlit_net::engine::question::{Pass, Question};
    use backlit_net::{IMAGE_LEN, Rule, Seeds, Variant};

    #[test]
    fn rooms_are_taken_off_in_order() {
        let network = Network::of(Variant::V1);
        let seeds = Seeds::Rows { data: &[], per_image: 2 };
        let passes = [Pass { rule: Rule::Plain, taps: &[15], input: true }];
        let mut found = Found::reserve(network, 3, &Question { seeds, outputs: &[15], passes: &passes }).unwrap();
        let mut room = Room::of(&mut found);
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
