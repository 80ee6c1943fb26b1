//! Where the pixels of a map are, and where there must be zeros.
//!
//! A 3x3 filter moves over the positions of a [`Layout`] with zeros where the map ends, so that a tap is a constant
//! offset and no pixel needs a branch. One column of zeros serves as the right border of a row and the left border of
//! the next; one row serves two images.

/// What a table holds for a position without a pixel, or a pixel without a position.
pub(crate) const NONE: u32 = u32::MAX;

/// Where the pixels of a square map are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Row by row, nothing between.
    Dense {
        /// Rows and columns.
        side: usize,
    },
    /// A zero behind every row, a row of zeros behind the last: for a 3x3 of stride 1.
    Padded {
        /// Rows and columns.
        side: usize,
    },
    /// Four padded maps, of the pixels with even row and even column, even and odd, odd and even, odd and odd: for a
    /// 3x3 of stride 2, which then moves over each with stride 1.
    Split {
        /// Rows and columns, even.
        side: usize,
    },
}

impl Layout {
    pub(crate) fn side(self) -> usize {
        match self {
            Layout::Dense { side } | Layout::Padded { side } | Layout::Split { side } => side,
        }
    }

    /// Pixels of an image.
    pub(crate) fn pixels(self) -> usize {
        self.side() * self.side()
    }

    /// Positions from a row to the next.
    pub(crate) fn pitch(self) -> usize {
        match self {
            Layout::Dense { side } => side,
            Layout::Padded { side } => side + 1,
            Layout::Split { side } => side / 2 + 1,
        }
    }

    /// Positions of one of the maps that it consists of.
    fn part_len(self) -> usize {
        match self {
            Layout::Dense { side } => side * side,
            Layout::Padded { .. } | Layout::Split { .. } => self.pitch() * self.pitch(),
        }
    }

    /// Positions of an image.
    pub(crate) fn positions(self) -> usize {
        match self {
            Layout::Split { .. } => 4 * self.part_len(),
            _ => self.part_len(),
        }
    }

    /// Zeros before the first image: a row and one more, for the tap up and to the left.
    pub(crate) fn lead(self) -> usize {
        match self {
            Layout::Dense { .. } => 0,
            _ => self.pitch() + 1,
        }
    }

    /// Position of a pixel within its image.
    pub(crate) fn position(self, row: usize, column: usize) -> usize {
        match self {
            Layout::Split { .. } => {
                let part = row % 2 * 2 + column % 2;
                part * self.part_len() + row / 2 * self.pitch() + column / 2
            }
            _ => row * self.pitch() + column,
        }
    }

    /// Position of every pixel, row by row.
    pub(crate) fn places(self) -> Vec<u32> {
        let side = self.side();
        (0..side * side).map(|pixel| self.position(pixel / side, pixel % side) as u32).collect()
    }

    /// What has to be added to the position of output (i, j) to get that of input `(step i + dr, step j + dc)`; the
    /// step is 2 for [`Layout::Split`], 1 for the others.
    pub(crate) fn offset(self, (dr, dc): (isize, isize)) -> isize {
        let pitch = self.pitch() as isize;
        match self {
            Layout::Split { .. } => {
                let part = dr.rem_euclid(2) * 2 + dc.rem_euclid(2);
                part * self.part_len() as isize + dr.div_euclid(2) * pitch + dc.div_euclid(2)
            }
            _ => dr * pitch + dc,
        }
    }

    /// Whether pixels in their order are positions in theirs.
    pub(crate) fn in_order(self) -> bool {
        !matches!(self, Layout::Split { .. })
    }

    /// Calls `f` with every range of positions of an image that must hold zeros.
    pub(super) fn for_each_gap(self, mut f: impl FnMut(std::ops::Range<usize>)) {
        let (pitch, parts) = match self {
            Layout::Dense { .. } => return,
            Layout::Padded { .. } => (self.pitch(), 1),
            Layout::Split { .. } => (self.pitch(), 4),
        };
        for part in 0..parts {
            let first = part * self.part_len();
            for row in 0..pitch - 1 {
                f(first + row * pitch + pitch - 1..first + (row + 1) * pitch);
            }
            f(first + (pitch - 1) * pitch..first + pitch * pitch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_meet_the_right_pixels_and_zeros_outside() {
        for side in [1, 2, 4, 7, 14] {
            for (layout, step) in [(Layout::Padded { side }, 1), (Layout::Split { side }, 2)] {
                if side % step != 0 {
                    continue;
                }
                let mut pixel_at = vec![None; layout.lead() + 2 * layout.positions()];
                let mut zero = vec![false; pixel_at.len()];
                zero[..layout.lead()].fill(true);
                for image in 0..2 {
                    let first = layout.lead() + image * layout.positions();
                    layout.for_each_gap(|gap| zero[first + gap.start..first + gap.end].fill(true));
                    for (pixel, &at) in layout.places().iter().enumerate() {
                        pixel_at[first + at as usize] = Some((image, pixel / side, pixel % side));
                    }
                }
                assert!(pixel_at.iter().zip(&zero).all(|(p, &z)| p.is_some() != z), "{layout:?}: pixel or zero");
                for image in 0..2 {
                    for (i, j) in (0..side / step).flat_map(|i| (0..side / step).map(move |j| (i, j))) {
                        for (dr, dc) in (-1..=1).flat_map(|dr| (-1..=1).map(move |dc| (dr, dc))) {
                            let base = layout.lead() + image * layout.positions() + i * layout.pitch() + j;
                            let at = base.checked_add_signed(layout.offset((dr, dc))).expect("the lead is enough");
                            let (r, c) = ((step * i) as isize + dr, (step * j) as isize + dc);
                            let inside = (0..side as isize).contains(&r) && (0..side as isize).contains(&c);
                            let expected = inside.then_some((image, r as usize, c as usize));
                            assert_eq!(pixel_at[at], expected, "{layout:?} {i} {j} {dr} {dc}");
                        }
                    }
                }
            }
        }
    }
}
