//! Where the number of each point stands, so that none covers another.

use crate::plot::stroke::Point;
use crate::text;

/// A place of the page, pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Block {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) right: f32,
    pub(super) bottom: f32,
}

impl Block {
    /// A square around a point.
    pub(super) fn around((x, y): Point, reach: f32) -> Block {
        Block { left: x - reach, top: y - reach, right: x + reach, bottom: y + reach }
    }

    /// The point of it that is nearest to `to`.
    pub(super) fn nearest(&self, (x, y): Point) -> Point {
        (x.clamp(self.left, self.right), y.clamp(self.top, self.bottom))
    }

    /// Pixels that both cover.
    fn overlap(&self, other: &Block) -> f32 {
        let across = self.right.min(other.right) - self.left.max(other.left);
        let down = self.bottom.min(other.bottom) - self.top.max(other.top);
        across.max(0.0) * down.max(0.0)
    }

    fn area(&self) -> f32 {
        (self.right - self.left) * (self.bottom - self.top)
    }
}

/// A number at its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    pub(super) block: Block,
    /// Whether it stands so far off that a line has to lead to it.
    pub(super) far: bool,
}

/// How numbers are placed.
pub(super) struct Tags {
    /// Pixels to the em.
    pub(super) size: f32,
    /// Half the size of a point.
    pub(super) reach: f32,
    /// Where they must stay.
    pub(super) bounds: Block,
}

impl Tags {
    /// Places one after the other where it costs least: what is covered first, then the distance. `taken` grows by
    /// the places given.
    pub(super) fn place(&self, points: &[(Point, String)], taken: &mut Vec<Block>) -> Vec<Tag> {
        let one = |(at, words): &(Point, String)| {
            let (wide, tall) = (text::measure(words, self.size), self.size * 1.15);
            let mut best: Option<(f32, Tag)> = None;
            for ring in 0..6u8 {
                for direction in 0..16u8 {
                    let angle = f32::from(direction) * std::f32::consts::TAU / 16.0;
                    let away = self.reach + 2.0 + f32::from(ring) * self.size * 0.6;
                    // The tag touches the ring from outside.
                    let x = at.0 + angle.cos() * (away + wide / 2.0) - wide / 2.0;
                    let y = at.1 - angle.sin() * (away + tall / 2.0) - tall / 2.0;
                    let block = Block { left: x, top: y, right: x + wide, bottom: y + tall };
                    let outside = block.area() - block.overlap(&self.bounds);
                    let covered: f32 = taken.iter().map(|other| block.overlap(other)).sum();
                    let cost = 20.0 * outside + 4.0 * covered + f32::from(ring) * self.size;
                    if best.is_none_or(|(least, _)| cost < least) {
                        best = Some((cost, Tag { block, far: ring > 0 }));
                    }
                }
            }
            let tag = best.map_or(Tag { block: Block::around(*at, 1.0), far: false }, |(_, tag)| tag);
            taken.push(tag.block);
            tag
        };
        points.iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_crowded_points_do_not_cover_each_other() {
        let points: Vec<(Point, String)> = (0..12u8)
            .map(|i| ((200.0 + f32::from(i % 4) * 9.0, 200.0 + f32::from(i / 4) * 9.0), i.to_string()))
            .collect();
        let bounds = Block { left: 0.0, top: 0.0, right: 400.0, bottom: 400.0 };
        let mut taken = Vec::new();
        let tags = Tags { size: 15.0, reach: 5.0, bounds }.place(&points, &mut taken);
        assert_eq!((tags.len(), taken.len()), (12, 12));
        for (i, a) in tags.iter().enumerate() {
            assert!(a.block.overlap(&bounds) >= 0.99 * a.block.area(), "{a:?}");
            assert!(tags[..i].iter().all(|b| a.block.overlap(&b.block) < 1.0), "{i}");
        }
    }
}
