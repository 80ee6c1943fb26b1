//! Weights in the order in which the innermost loop reads them.

use backlit_net::arch::Conv;
use backlit_net::weights::FoldedConv;

use crate::isa::Token;
use crate::lanes::{LANES, Lanes};

/// Panels of one phase: positions of the filter are listed first, then all are packed in one go.
pub(super) struct Panels<'a> {
    /// Panels side by side.
    side_by_side: usize,
    c_write: usize,
    positions: Vec<Position<'a>>,
}

/// One position of a filter.
struct Position<'a> {
    /// `[c_in][c_out]`.
    filter: &'a [f64],
    c_out: usize,
    /// Whether it is read by output channel and written by input channel, as a gradient is.
    dgrad: bool,
}

impl<'a> Panels<'a> {
    pub(super) fn new(token: Token, c_write: usize) -> Panels<'a> {
        let side_by_side = token.panels();
        let group = LANES * side_by_side;
        assert!(c_write.is_multiple_of(group), "{c_write} channels in groups of {group}");
        Panels { side_by_side, c_write, positions: Vec::new() }
    }

    /// One position of the filter, read by input channel, written by output channel.
    pub(super) fn push_forward(&mut self, conv: &Conv, folded: &'a FoldedConv, position: usize) {
        self.positions.push(Position { filter: filter(conv, folded, position), c_out: conv.c_out, dgrad: false });
    }

    /// One position of the filter, read by output channel, written by input channel.
    pub(super) fn push_dgrad(&mut self, conv: &Conv, folded: &'a FoldedConv, position: usize) {
        self.positions.push(Position { filter: filter(conv, folded, position), c_out: conv.c_out, dgrad: true });
    }

    /// All groups of panels, one after the other.
    pub(super) fn finish(self) -> Vec<Lanes> {
        let weights: usize = self.positions.iter().map(|position| position.filter.len()).sum();
        let mut panels = Vec::with_capacity(weights / LANES);
        for first in (0..self.c_write).step_by(LANES * self.side_by_side) {
            for position in &self.positions {
                position.push(first, self.side_by_side, &mut panels);
            }
        }
        panels
    }
}

impl Position<'_> {
    /// Appends the panels of written channels `first`, `first + 1`, ...
    fn push(&self, first: usize, side_by_side: usize, panels: &mut Vec<Lanes>) {
        let of = |p: usize| first + p * LANES;
        if self.dgrad {
            for k in 0..self.c_out {
                let lane = |p: usize, l: usize| self.filter[(of(p) + l) * self.c_out + k] as f32;
                panels.extend((0..side_by_side).map(|p| Lanes(std::array::from_fn(|l| lane(p, l)))));
            }
        } else {
            for row in self.filter.chunks_exact(self.c_out) {
                let lane = |p: usize, l: usize| row[of(p) + l] as f32;
                panels.extend((0..side_by_side).map(|p| Lanes(std::array::from_fn(|l| lane(p, l)))));
            }
        }
    }
}

/// `[c_in][c_out]` of one position of the filter.
fn filter<'a>(conv: &Conv, folded: &'a FoldedConv, position: usize) -> &'a [f64] {
    let len = conv.c_in * conv.c_out;
    &folded.weight[position * len..][..len]
}
