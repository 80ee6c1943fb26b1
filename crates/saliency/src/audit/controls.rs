//! Controls: the object's shape, hidden where the object is not.

use std::collections::HashSet;

use backlit_net::SIDE;
use serde::Serialize;

use crate::keyed::Keyed;
use crate::mask::{Bounds, Region};

/// Places that are tried at random, besides the four corners.
const DRAWS: u64 = 256;

/// The object's shape, moved elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Control {
    /// Its pixels.
    #[serde(skip)]
    pub region: Region,
    /// The rectangle around it.
    pub bounds: Bounds,
    /// The share of it that lies on the object nevertheless: 0 unless the object is too large to be avoided.
    pub overlap: f64,
}

/// Up to `count` places for the shape of `region`, none of them on the object if there is any such place, else where
/// least of them is; controls keep clear of each other as well where they can.
///
/// Fewer come back if there are not as many places. The same region and stream always give the same places.
pub(super) fn place(region: &Region, count: usize, stream: Keyed) -> Vec<Control> {
    let home = region.bounds();
    let (last_top, last_left) = (SIDE - (home.bottom - home.top), SIDE - (home.right - home.left));
    let drawn = (0..DRAWS).map(|i| (stream.below(last_top + 1, 2 * i), stream.below(last_left + 1, 2 * i + 1)));
    let corners = [(0, 0), (0, last_left), (last_top, 0), (last_top, last_left)];
    let mut seen = HashSet::from([(home.top, home.left)]);
    let pixels: Vec<usize> = (0..SIDE * SIDE).filter(|&p| region.pixels()[p]).collect();
    let mut places: Vec<(usize, usize, usize)> = drawn
        .chain(corners)
        .filter(|&place| seen.insert(place))
        .map(|(top, left)| (shared(region, &pixels, &home, top, left), top, left))
        .collect();
    places.sort_by_key(|&(shared, ..)| shared); // stable: of equals the first drawn
    if places.first().is_some_and(|&(shared, ..)| shared == 0) {
        places.retain(|&(shared, ..)| shared == 0);
    }

    let mut chosen: Vec<Control> = Vec::new();
    for clear_of_each_other in [true, false] {
        for &(shared, top, left) in &places {
            if chosen.len() == count {
                break;
            }
            let bounds = moved(&home, top, left);
            let meets = |c: &Control| if clear_of_each_other { touch(&c.bounds, &bounds) } else { c.bounds == bounds };
            if !chosen.iter().any(meets) {
                let inside = |row: usize, column: usize| {
                    let (row, column) = (row + home.top, column + home.left);
                    row >= top && column >= left && {
                        let (row, column) = (row - top, column - left);
                        row < SIDE && column < SIDE && region.contains(row, column)
                    }
                };
                let region = Region::from_fn(inside).expect("a region that was moved within the grid");
                chosen.push(Control { region, bounds, overlap: shared as f64 / pixels.len() as f64 });
            }
        }
    }
    chosen
}

/// Pixels that the moved region shares with itself.
fn shared(region: &Region, pixels: &[usize], home: &Bounds, top: usize, left: usize) -> usize {
    if !touch(home, &moved(home, top, left)) {
        return 0;
    }
    let there = |&&p: &&usize| region.contains(p / SIDE - home.top + top, p % SIDE - home.left + left);
    pixels.iter().filter(there).count()
}

fn moved(home: &Bounds, top: usize, left: usize) -> Bounds {
    Bounds { top, bottom: top + home.bottom - home.top, left, right: left + home.right - home.left }
}

/// Whether two rectangles share a pixel.
fn touch(a: &Bounds, b: &Bounds) -> bool {
    a.top < b.bottom && b.top < a.bottom && a.left < b.right && b.left < a.right
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Slices;

    fn region(text: &str) -> Region {
        text.parse::<Slices>().unwrap().region()
    }

    fn at(text: &str, count: usize) -> Vec<Control> {
        place(&region(text), count, Keyed::new(&[1]))
    }

    #[test]
    fn same_shape_elsewhere() {
        let ball = region("32:55,116:146").union(&region("55:60,120:125"));
        let controls = place(&ball, 6, Keyed::new(&[9]));
        assert_eq!(controls.len(), 6);
        for (i, control) in controls.iter().enumerate() {
            assert_eq!((control.region.area(), control.overlap), (ball.area(), 0.0));
            assert_eq!(control.region.bounds(), control.bounds);
            let both = control.region.pixels().iter().zip(ball.pixels()).filter(|(a, b)| **a && **b).count();
            assert_eq!(both, 0);
            assert!(controls[..i].iter().all(|other| !touch(&other.bounds, &control.bounds)));
            let (t, l) = (control.bounds.top, control.bounds.left);
            assert!(
                ball.pixels()
                    .iter()
                    .enumerate()
                    .filter(|(_, v)| **v)
                    .all(|(p, _)| { control.region.contains(p / SIDE - 32 + t, p % SIDE - 116 + l) })
            );
        }
        assert_eq!(controls, place(&ball, 6, Keyed::new(&[9])));
        assert!(controls != place(&ball, 6, Keyed::new(&[10])));
        assert_eq!(controls[..3], place(&ball, 3, Keyed::new(&[9])));
    }

    #[test]
    fn large_objects_are_avoided_as_far_as_can_be() {
        let controls = at("20:200,20:200", 4);
        assert_eq!(controls.len(), 4);
        // Of 180 x 180 pixels the farthest corner shares 156 x 156.
        assert!((controls[0].overlap - 156.0 * 156.0 / (180.0 * 180.0)).abs() <= 1e-12, "{}", controls[0].overlap);
        assert!(controls.windows(2).all(|pair| pair[0].overlap <= pair[1].overlap));
        assert!(at(":,:", 4).is_empty(), "there is no elsewhere");
        assert!(at("5:10,5:10", 0).is_empty());
        let half = at("0:112,:", 3);
        assert!(half.iter().all(|c| c.overlap == 0.0) && half.len() == 1, "only the other half is clear of it");
    }
}
