//! Weights in the order in which the innermost loop reads them.

use backlit_net::arch::Conv;
use backlit_net::weights::FoldedConv;

use crate::isa::Token;
use crate::lanes::{LANES, Lanes};

/// Panels of one phase, tap by tap.
pub(super) struct Panels {
    /// Panels side by side.
    side_by_side: usize,
    /// One list for every group of panels.
    groups: Vec<Vec<Lanes>>,
}

impl Panels {
    pub(super) fn new(token: Token, c_write: usize) -> Panels {
        let side_by_side = token.panels();
        let group = LANES * side_by_side;
        assert!(c_write.is_multiple_of(group), "{c_write} channels in groups of {group}");
        Panels { side_by_side, groups: vec![Vec::new(); c_write / group] }
    }

    /// One position of the filter, read by input channel, written by output channel.
    pub(super) fn push_forward(&mut self, conv: &Conv, folded: &FoldedConv, position: usize) {
        let filter = filter(conv, folded, position);
        for (g, panels) in self.groups.iter_mut().enumerate() {
            for row in filter.chunks_exact(conv.c_out) {
                for p in 0..self.side_by_side {
                    let first = (g * self.side_by_side + p) * LANES;
                    panels.push(Lanes(std::array::from_fn(|l| row[first + l] as f32)));
                }
            }
        }
    }

    /// One position of the filter, read by output channel, written by input channel.
    pub(super) fn push_dgrad(&mut self, conv: &Conv, folded: &FoldedConv, position: usize) {
        let filter = filter(conv, folded, position);
        for (g, panels) in self.groups.iter_mut().enumerate() {
            for k in 0..conv.c_out {
                for p in 0..self.side_by_side {
                    let first = (g * self.side_by_side + p) * LANES;
                    panels.push(Lanes(std::array::from_fn(|l| filter[(first + l) * conv.c_out + k] as f32)));
                }
            }
        }
    }

    /// All groups, one after the other.
    pub(super) fn finish(self) -> Vec<Lanes> {
        self.groups.concat()
    }
}

/// `[c_in][c_out]` of one position of the filter.
fn filter<'a>(conv: &Conv, folded: &'a FoldedConv, position: usize) -> &'a [f64] {
    let len = conv.c_in * conv.c_out;
    &folded.weight[position * len..][..len]
}
