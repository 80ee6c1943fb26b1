//! One stretch of device memory for all activations and gradients that live only for a few steps.
//!
//! A plan is a row of steps; a tensor is alive from the step that writes it to the last that reads it. Tensors that
//! are never alive together share memory. The largest are placed first, each as low as it fits: with a network whose
//! tensors shrink from stage to stage, that comes within a few percent of the least possible, which is what the
//! busiest step holds.

/// Offsets are multiples of this: a cache line of L2, twice, and all that any vector access asks for.
pub(crate) const ALIGNMENT: usize = 256;

/// A tensor that wants a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// Its size.
    pub(crate) bytes: usize,
    /// The step that writes it.
    pub(crate) first: usize,
    /// The last step that reads it, at least `first`.
    pub(crate) last: usize,
}

impl Life {
    fn meets(&self, other: &Life) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// Where everything lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    /// For each tensor, in bytes from the start.
    pub(crate) offsets: Vec<usize>,
    /// Bytes in all.
    pub(crate) total: usize,
}

/// Places tensors so that no two that meet overlap. With `shared` off every tensor has memory of its own: a check that
/// the lives are right.
pub(crate) fn place(lives: &[Life], shared: bool) -> Places {
    let mut order: Vec<usize> = (0..lives.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(lives[i].bytes), i));
    let mut offsets = vec![0; lives.len()];
    let mut placed: Vec<usize> = Vec::with_capacity(lives.len());
    let mut total = 0;
    for i in order {
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|&&j| !shared || lives[i].meets(&lives[j]))
            .map(|&j| (offsets[j], offsets[j] + padded(lives[j].bytes)))
            .collect();
        taken.sort_unstable();
        let mut offset = 0;
        for (start, end) in taken {
            if offset + padded(lives[i].bytes) <= start {
                break;
            }
            offset = offset.max(end);
        }
        offsets[i] = offset;
        total = total.max(offset + padded(lives[i].bytes));
        placed.push(i);
    }
    Places { offsets, total }
}

fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGNMENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use backlit_testkit::random::Random;

    fn check(lives: &[Life], places: &Places) {
        for (i, a) in lives.iter().enumerate() {
            assert_eq!(places.offsets[i] % ALIGNMENT, 0);
            assert!(places.offsets[i] + a.bytes <= places.total);
            for (j, b) in lives.iter().enumerate().skip(i + 1) {
                let apart = places.offsets[i] + a.bytes <= places.offsets[j]
                    || places.offsets[j] + b.bytes <= places.offsets[i];
                assert!(apart || !a.meets(b), "{i} and {j} overlap");
            }
        }
    }

    /// What the busiest step holds: no arena can be smaller.
    fn busiest(lives: &[Life]) -> usize {
        let steps = lives.iter().map(|l| l.last + 1).max().unwrap_or(0);
        let held = |step| lives.iter().filter(|l| l.first <= step && step <= l.last).map(|l| padded(l.bytes)).sum();
        (0..steps).map(held).max().unwrap_or(0)
    }

    #[test]
    fn nothing_that_meets_overlaps() {
        for seed in 0..50 {
            let random = Random::new(seed);
            let pick = |n, below: usize| ((random.signed(n) + 1.0) / 2.0 * below as f32) as usize;
            let lives: Vec<Life> = (0..40)
                .map(|i| {
                    let first = pick(3 * i, 60);
                    Life { bytes: 1 + pick(3 * i + 1, 10_000), first, last: first + pick(3 * i + 2, 6) }
                })
                .collect();
            let places = place(&lives, true);
            check(&lives, &places);
            assert!(places.total >= busiest(&lives));
            let apart = place(&lives, false);
            assert_eq!(apart.total, lives.iter().map(|l| padded(l.bytes)).sum::<usize>());
        }
    }

    #[test]
    fn a_chain_takes_what_two_neighbours_take() {
        let lives: Vec<Life> = (0..20).map(|i| Life { bytes: 1024, first: i, last: i + 1 }).collect();
        assert_eq!(place(&lives, true).total, 2048);
        assert_eq!(place(&[], true).total, 0);
    }
}
