//! Copies on the host, by several threads where that pays: a GPU takes in and gives back images faster than one core
//! can copy them.
//!
//! Threads of their own, and not those of a pool: whoever waits in a pool may be given other work, and that work may
//! ask the very engine that is waiting.

use std::thread;

/// Floats that one thread copies at a time: a megabyte.
const PIECE: usize = 1 << 18;

/// From here on another thread pays.
const LARGE: usize = 8 * PIECE;

/// More do not copy faster than memory is.
const MOST_THREADS: usize = 8;

/// A stretch to be written, and what goes there; both are of one length.
pub(crate) type Pair<'a> = (&'a mut [f32], &'a [f32]);

/// Copies all of them.
pub(crate) fn copy<'a>(pairs: impl Iterator<Item = Pair<'a>>) {
    let pairs: Vec<Pair<'a>> = pairs.collect();
    let floats: usize = pairs.iter().map(|(_, from)| from.len()).sum();
    if floats < LARGE {
        return pairs.into_iter().for_each(|(to, from)| to.copy_from_slice(from));
    }
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS).min(floats.div_ceil(LARGE));
    let mut pieces: Vec<Pair<'_>> =
        pairs.into_iter().flat_map(|(to, from)| to.chunks_mut(PIECE).zip(from.chunks(PIECE))).collect();
    let share = pieces.len().div_ceil(threads);
    thread::scope(|scope| {
        for share in pieces.chunks_mut(share) {
            scope.spawn(|| share.iter_mut().for_each(|(to, from)| to.copy_from_slice(from)));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_and_small_copies_are_whole() {
        for len in [1, PIECE + 1, LARGE, 3 * LARGE + 5] {
            let from: Vec<f32> = (0..len).map(|i| (i % 1021) as f32).collect();
            let mut to = vec![f32::NAN; len];
            let (first, rest) = to.split_at_mut(len / 3);
            copy([(first, &from[..len / 3]), (rest, &from[len / 3..])].into_iter());
            assert!(to == from, "{len}");
        }
    }
}
