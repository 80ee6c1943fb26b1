//! Activations and gradients as the tiles read them: 32 channels of a pixel are a [`Line`], and the lines of neighbouring pixels
//! are neighbours in memory.
//!
//! ```text
//! [part][block of 32 channels][image][position]
//! ```
//!
//! A tile of sixteen pixels is then one kilobyte in one piece, whatever the number of channels: no power of two
//! between its rows that would map all of them to one set of the cache, and nothing for the prefetcher to guess. And
//! a task that makes 32 channels of some pixels writes one piece too.
//!
//! A 3x3 filter moves over the positions of a [`Layout`] with zeros where the map ends, so that a tap is a constant offset and no
//! pixel needs a branch. One column of zeros serves as the right border of a row and the left border of the
//! next; one row serves two images.

use super::Line;
use super::bf16::{split, widen};
use super::pool::{Loan, Pool};
use rayon::prelude::*;

/// Channels of a line.
pub(crate) const CHANNELS: usize = 32;

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

    /// What has to be added to the position of output (i, j) to get that of input `(step i + dr, step j + dc)`; the step
    /// is 2 for [`Layout::Split`], 1 for the others.
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
    fn for_each_gap(self, mut f: impl FnMut(std::ops::Range<usize>)) {
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

/// Lines behind the last image, which the last tile may read and whose products are dropped.
const SLACK: usize = 64;

/// A map of n images in one to three parts.
pub(crate) struct Map<'a> {
    pub(crate) layout: Layout,
    pub(crate) n: usize,
    /// Blocks of 32 channels.
    pub(crate) blocks: usize,
    parts: Vec<Loan<'a, Line>>,
}

impl<'a> Map<'a> {
    /// A map of no particular value, but zero where its layout wants zeros.
    pub(crate) fn take(pool: &'a Pool<Line>, layout: Layout, n: usize, channels: usize, parts: usize) -> Map<'a> {
        let blocks = channels / CHANNELS;
        let len = blocks * Map::stride(layout, n) + SLACK;
        let mut map = Map { layout, n, blocks, parts: (0..parts).map(|_| pool.take(len)).collect() };
        map.clear_gaps();
        map
    }

    fn stride(layout: Layout, n: usize) -> usize {
        layout.lead() + n * layout.positions()
    }

    fn clear_gaps(&mut self) {
        if let Layout::Dense { .. } = self.layout {
            return;
        }
        let (layout, n, stride) = (self.layout, self.n, self.block_stride());
        for part in &mut self.parts {
            part[..self.blocks * stride].par_chunks_mut(stride).for_each(|block| {
                block[..layout.lead()].fill(Line::ZERO);
                for image in 0..n {
                    let first = layout.lead() + image * layout.positions();
                    layout.for_each_gap(|gap| block[first + gap.start..first + gap.end].fill(Line::ZERO));
                }
            });
        }
    }

    /// All zero.
    pub(crate) fn clear(&mut self) {
        self.parts.iter_mut().for_each(|part| part.fill(Line::ZERO));
    }

    /// Lines from a block of channels to the next.
    pub(crate) fn block_stride(&self) -> usize {
        Map::stride(self.layout, self.n)
    }

    /// Number of parts.
    pub(crate) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// All lines of a part; block b, image i, position p is at `b * block_stride + lead + i * positions + p`.
    pub(crate) fn part(&self, part: usize) -> &[Line] {
        &self.parts[part]
    }

    /// The lines of every part that belong to blocks of channels, for those who write.
    pub(crate) fn parts_mut(&mut self) -> [&mut [Line]; 3] {
        let len = self.blocks * self.block_stride();
        let mut parts = self.parts.iter_mut();
        std::array::from_fn(|_| parts.next().map_or(Default::default(), |part| &mut part[..len]))
    }

    /// The pixels with even row and even column, as a dense map of half the side.
    pub(crate) fn even(&self, pool: &'a Pool<Line>) -> Map<'a> {
        let half = Layout::Dense { side: self.layout.side() / 2 };
        let mut even = Map::take(pool, half, self.n, self.blocks * CHANNELS, self.parts.len());
        let (side, stride) = (half.side(), even.block_stride());
        for (from, to) in self.parts.iter().zip(&mut even.parts) {
            to[..self.blocks * stride].par_chunks_mut(side).enumerate().for_each(|(row, to)| {
                // Row of a block of an image.
                let (plane, row) = (row / side, row % side);
                let (block, image) = (plane / self.n, plane % self.n);
                let first = block * self.block_stride() + self.layout.lead() + image * self.layout.positions();
                for (column, to) in to.iter_mut().enumerate() {
                    *to = from[first + self.layout.position(2 * row, 2 * column)];
                }
            });
        }
        even
    }

    /// From `[n, side, side, channels]`.
    pub(crate) fn pack(&mut self, values: &[f32]) {
        let (layout, n, channels) = (self.layout, self.n, self.blocks * CHANNELS);
        let (pixels, stride, blocks, count) = (layout.pixels(), self.block_stride(), self.blocks, self.parts.len());
        let [a, b, c] = self.parts_mut();
        // Parts that there are not are empty slices.
        let block = |(block, [mut a, mut b, mut c]): (usize, [&mut [Line]; 3])| {
            for image in 0..n {
                let first = layout.lead() + image * layout.positions();
                for pixel in 0..pixels {
                    let at = first + layout.position(pixel / layout.side(), pixel % layout.side());
                    let from = &values[(image * pixels + pixel) * channels + block * CHANNELS..][..CHANNELS];
                    let parts = [&mut a, &mut b, &mut c];
                    for (p, part) in parts.into_iter().enumerate().take(count) {
                        for (l, &x) in from.iter().enumerate() {
                            part[at].0[l] = split::<3>(x)[p];
                        }
                    }
                }
            }
        };
        let chunks = |part| -> Vec<&mut [Line]> { by_blocks(part, stride, blocks) };
        let all = chunks(a).into_par_iter().zip(chunks(b)).zip(chunks(c));
        all.map(|((a, b), c)| [a, b, c]).enumerate().for_each(block);
    }

    /// To `[n, side, side, channels]`, each image times its factor.
    pub(crate) fn unpack(&self, factors: &[f32], values: &mut [f32]) {
        let (layout, channels) = (self.layout, self.blocks * CHANNELS);
        let pixels = layout.pixels();
        values.par_chunks_mut(layout.side() * channels).enumerate().for_each(|(row, values)| {
            let (image, row) = (row / layout.side(), row % layout.side());
            for (column, values) in values.chunks_exact_mut(channels).enumerate() {
                let at = layout.lead() + image * layout.positions() + layout.position(row, column);
                for (block, values) in values.as_chunks_mut::<CHANNELS>().0.iter_mut().enumerate() {
                    *values = self.value(block * self.block_stride() + at).map(|v| v * factors[image]);
                }
            }
        });
        debug_assert_eq!(values.len(), self.n * pixels * channels);
    }

    /// The sum of the parts of a line, smallest first.
    #[inline(always)]
    pub(crate) fn value(&self, at: usize) -> [f32; CHANNELS] {
        let mut sum = [0f32; CHANNELS];
        for part in self.parts.iter().rev() {
            let line = &part[at].0;
            for l in 0..CHANNELS {
                sum[l] += widen(line[l]);
            }
        }
        sum
    }
}

/// Cuts a part into its blocks of channels; `blocks` empty slices of one that is not there.
fn by_blocks(part: &mut [Line], stride: usize, blocks: usize) -> Vec<&mut [Line]> {
    if part.is_empty() {
        return (0..blocks).map(|_| Default::default()).collect();
    }
    part.chunks_mut(stride).collect()
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

    #[test]
    fn packed_and_unpacked() {
        let pool = Pool::default();
        let (n, side, channels) = (2, 4, 64);
        let random = backlit_testkit::random::Random::new(1);
        let values: Vec<f32> = (0..n * side * side * channels).map(|i| random.signed(i)).collect();
        for layout in [Layout::Dense { side }, Layout::Padded { side }, Layout::Split { side }] {
            let mut map = Map::take(&pool, layout, n, channels, 3);
            map.pack(&values);
            let mut found = vec![f32::NAN; values.len()];
            map.unpack(&[1.0, 2.0], &mut found);
            let expected = values.iter().enumerate().map(|(i, v)| if i < values.len() / 2 { *v } else { 2.0 * v });
            assert!(expected.eq(found.iter().copied()), "{layout:?}");

            let mut found = vec![f32::NAN; values.len() / 4];
            map.even(&pool).unpack(&[1.0; 2], &mut found);
            for (i, &found) in found.iter().enumerate() {
                let (c, column, row, image) = (i % 64, i / 64 % 2, i / 128 % 2, i / 256);
                assert_eq!(found, values[((image * 4 + 2 * row) * 4 + 2 * column) * 64 + c]);
            }
        }
    }
}
