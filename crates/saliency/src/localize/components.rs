//! Connected components of a set of pixels.

use std::collections::VecDeque;

use backlit_net::named;

use crate::mask::Bounds;

/// Which pixels touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Connectivity {
    /// Those that share an edge.
    Four,
    /// Those that share an edge or a corner, as OpenCV and scikit-image do unless told otherwise.
    #[default]
    Eight,
}

named!(Connectivity, "connectivity", { Four = "4" | "four", Eight = "8" | "eight" });

/// Pixels that hang together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Their places, row by row, in ascending order.
    pub pixels: Vec<usize>,
    /// The smallest rectangle around them.
    pub bounds: Bounds,
}

impl Connectivity {
    /// Steps to the pixels that touch one, as rows and columns.
    fn steps(self) -> &'static [(isize, isize)] {
        const ALL: [(isize, isize); 8] = [(-1, 0), (0, -1), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)];
        match self {
            Connectivity::Four => &ALL[..4],
            Connectivity::Eight => &ALL,
        }
    }
}

/// The components of `inside`, `[height, width]`, in the order of their first pixels.
///
/// # Panics
/// If `inside` is shorter than `height * width`.
pub fn components(inside: &[bool], height: usize, width: usize, connectivity: Connectivity) -> Vec<Component> {
    let mut left = inside[..height * width].to_vec();
    let mut found = Vec::new();
    for first in 0..left.len() {
        if !std::mem::take(&mut left[first]) {
            continue;
        }
        let mut bounds = Bounds { top: height, bottom: 0, left: width, right: 0 };
        let (mut pixels, mut queue) = (Vec::new(), VecDeque::from([first]));
        while let Some(pixel) = queue.pop_front() {
            let (row, column) = (pixel / width, pixel % width);
            pixels.push(pixel);
            bounds.top = bounds.top.min(row);
            bounds.bottom = bounds.bottom.max(row + 1);
            bounds.left = bounds.left.min(column);
            bounds.right = bounds.right.max(column + 1);
            for &(dy, dx) in connectivity.steps() {
                let (Some(y), Some(x)) = (row.checked_add_signed(dy), column.checked_add_signed(dx)) else { continue };
                if y < height && x < width && std::mem::take(&mut left[y * width + x]) {
                    queue.push_back(y * width + x);
                }
            }
        }
        pixels.sort_unstable();
        found.push(Component { pixels, bounds });
    }
    found
}

/// The component with the most pixels; of equals the one that comes first, row by row.
///
/// # Panics
/// As [`components`].
pub fn largest_component(
    inside: &[bool],
    height: usize,
    width: usize,
    connectivity: Connectivity,
) -> Option<Component> {
    let all = components(inside, height, width, connectivity);
    all.into_iter().reduce(|best, next| if next.pixels.len() > best.pixels.len() { next } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(rows: &[&str]) -> (Vec<bool>, usize, usize) {
        (rows.iter().flat_map(|r| r.bytes().map(|b| b == b'#')).collect(), rows.len(), rows[0].len())
    }

    #[test]
    fn corners_count_with_eight_only() {
        let (inside, h, w) = picture(&["##...", "..#.#", "....#"]);
        let sizes = |c| components(&inside, h, w, c).iter().map(|c| c.pixels.len()).collect::<Vec<_>>();
        assert_eq!(sizes(Connectivity::Four), [2, 1, 2]);
        assert_eq!(sizes(Connectivity::Eight), [3, 2]);
        let best = largest_component(&inside, h, w, Connectivity::Eight).unwrap();
        assert_eq!(best.pixels, [0, 1, 7]);
        assert_eq!(best.bounds, Bounds { top: 0, bottom: 2, left: 0, right: 3 });
        let first = largest_component(&inside, h, w, Connectivity::Four).unwrap();
        assert_eq!(first.pixels, [0, 1], "of equals the first");
    }

    #[test]
    fn winding_shapes_and_edges() {
        let (spiral, h, w) = picture(&["#####", "....#", "###.#", "#...#", "#####"]);
        assert_eq!(components(&spiral, h, w, Connectivity::Four).len(), 1);
        // The right end of a row does not touch the left end of the next.
        let (ends, h, w) = picture(&["..#", "#.."]);
        assert_eq!(components(&ends, h, w, Connectivity::Eight).len(), 2);
        assert!(components(&[false; 6], 2, 3, Connectivity::Eight).is_empty());
        assert_eq!(largest_component(&[], 0, 0, Connectivity::Four), None);
    }

    #[test]
    fn every_pixel_is_in_exactly_one() {
        let inside: Vec<bool> = (0..40 * 50).map(|p| (p * 7919 / 13) % 5 < 2).collect();
        for &connectivity in Connectivity::ALL {
            let mut seen: Vec<usize> =
                components(&inside, 40, 50, connectivity).into_iter().flat_map(|c| c.pixels).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..2000).filter(|&p| inside[p]).collect::<Vec<_>>());
        }
    }
}
