//! Activations and gradients as the tiles read them: 32 channels of a pixel are a [`Line`], and the lines of
//! neighbouring pixels are neighbours in memory.
//!
//! ```text
//! [part][block of 32 channels][image][position]
//! ```
//!
//! A tile of sixteen pixels is then one kilobyte in one piece, whatever the number of channels: no power of two
//! between its rows that would map all of them to one set of the cache, and nothing for the prefetcher to guess. And
//! a task that makes 32 channels of some pixels writes one piece too.

use super::Line;
use super::layout::Layout;
use super::parts;
use super::pool::{Loan, Pool};
use crate::isa::{Isa, Job, Portable, Token, Vectors};
use crate::lanes::LANES;
use rayon::prelude::*;

/// Channels of a line.
pub(crate) const CHANNELS: usize = 32;

/// Lines of one to three parts, the largest first; those that there are not are empty.
pub(crate) type Parts<'a> = [&'a [Line]; parts::MOST];

/// The same, to be written.
pub(crate) type PartsMut<'a> = [&'a mut [Line]; parts::MOST];

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

    /// All parts, from a line on.
    pub(crate) fn parts_from(&self, first: usize) -> Parts<'_> {
        let mut parts: Parts<'_> = Default::default();
        for (part, lines) in parts.iter_mut().zip(&self.parts) {
            *part = &lines[first..];
        }
        parts
    }

    /// The lines of every part that belong to blocks of channels, for those who write.
    pub(crate) fn parts_mut(&mut self) -> PartsMut<'_> {
        let len = self.blocks * self.block_stride();
        let mut parts = self.parts.iter_mut();
        std::array::from_fn(|_| parts.next().map_or(Default::default(), |part| &mut part[..len]))
    }

    /// The same, block by block; only the parts that there are.
    pub(super) fn blocks_mut(&mut self) -> Vec<Vec<&mut [Line]>> {
        let stride = self.block_stride();
        let mut blocks: Vec<Vec<&mut [Line]>> = (0..self.blocks).map(|_| Vec::new()).collect();
        for part in &mut self.parts {
            blocks.iter_mut().zip(part.chunks_mut(stride)).for_each(|(block, lines)| block.push(lines));
        }
        blocks
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
    pub(crate) fn pack(&mut self, token: Token, values: &[f32]) {
        let (layout, n, channels) = (self.layout, self.n, self.blocks * CHANNELS);
        self.blocks_mut().into_par_iter().enumerate().for_each(|(block, to)| {
            token.run(Pack { layout, n, channels, first: block * CHANNELS, values, to });
        });
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
                    let value = self.value(block * self.block_stride() + at);
                    *values = value.map(|v| v * factors[image]);
                }
            }
        });
        debug_assert_eq!(values.len(), self.n * pixels * channels);
    }

    /// The sum of the parts of a line, smallest first.
    fn value(&self, at: usize) -> [f32; CHANNELS] {
        let mut sums = [0.0; CHANNELS];
        for (half, sums) in sums.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            for part in 0..LANES / Portable::WIDTH {
                Portable.store(parts::load(Portable, &self.parts, at, half, part), sums, part);
            }
        }
        sums
    }
}

/// Packs 32 channels of all images.
struct Pack<'a> {
    layout: Layout,
    n: usize,
    channels: usize,
    /// The first of the 32.
    first: usize,
    /// `[n, side, side, channels]`.
    values: &'a [f32],
    /// Lines of every part.
    to: Vec<&'a mut [Line]>,
}

impl Job for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) {
        let (layout, pixels) = (self.layout, self.layout.pixels());
        for image in 0..self.n {
            let first = layout.lead() + image * layout.positions();
            for pixel in 0..pixels {
                let at = first + layout.position(pixel / layout.side(), pixel % layout.side());
                let from = &self.values[(image * pixels + pixel) * self.channels + self.first..][..CHANNELS];
                for (half, from) in from.as_chunks::<LANES>().0.iter().enumerate() {
                    for part in 0..LANES / I::WIDTH {
                        parts::store(isa, isa.load(from, part), &mut self.to, at, half, part);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Level;

    #[test]
    fn packed_and_unpacked() {
        let pool = Pool::default();
        let (n, side, channels) = (2, 4, 64);
        let random = backlit_testkit::random::Random::new(1);
        let values: Vec<f32> = (0..n * side * side * channels).map(|i| random.signed(i)).collect();
        for layout in [Layout::Dense { side }, Layout::Padded { side }, Layout::Split { side }] {
            let mut map = Map::take(&pool, layout, n, channels, 3);
            map.pack(Level::Portable.token().expect("any processor"), &values);
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
