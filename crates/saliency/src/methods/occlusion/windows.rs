//! Windows: where the patch stands.

use super::Edge;

/// All places of a square patch on a square picture, row by row.
pub(super) struct Windows {
    side: usize,
    /// For each place along one axis, the rows or columns that the patch covers.
    places: Vec<Vec<usize>>,
}

impl Windows {
    /// `1 <= stride <= patch <= side`.
    pub(super) fn new(side: usize, patch: usize, stride: usize, edge: Edge) -> Windows {
        let count = match edge {
            Edge::Cut => (side - patch).div_ceil(stride) + 1,
            Edge::Inside => (side - patch) / stride + 1,
            Edge::Wrap => side.div_ceil(stride),
        };
        let covered = |start: usize| -> Vec<usize> {
            match edge {
                Edge::Wrap => (start..start + patch).map(|i| i % side).collect(),
                Edge::Cut | Edge::Inside => (start..side.min(start + patch)).collect(),
            }
        };
        Windows { side, places: (0..count).map(|i| covered(i * stride)).collect() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.len() * self.places.len()
    }

    /// The pixels of a window, each once.
    pub(super) fn pixels(&self, window: usize) -> impl Iterator<Item = usize> + '_ {
        let (rows, columns) = (&self.places[window / self.places.len()], &self.places[window % self.places.len()]);
        rows.iter().flat_map(move |row| columns.iter().map(move |column| row * self.side + column))
    }
}

/// For every pixel, how many windows cover it.
pub(super) fn cover(windows: &Windows) -> Vec<u32> {
    let mut covered = vec![0; windows.side * windows.side];
    (0..windows.len()).flat_map(|window| windows.pixels(window)).for_each(|pixel| covered[pixel] += 1);
    covered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges() {
        for (edge, count, last) in [(Edge::Cut, 4, vec![6, 7, 8, 9]), (Edge::Inside, 4, vec![6, 7, 8, 9])] {
            let windows = Windows::new(10, 4, 2, edge);
            assert_eq!((windows.len(), windows.places.last()), (count * count, Some(&last)));
        }
        assert_eq!(Windows::new(10, 4, 4, Edge::Cut).places, [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]]);
        assert_eq!(Windows::new(10, 4, 4, Edge::Inside).places, [vec![0, 1, 2, 3], vec![4, 5, 6, 7]]);
        let wrapped = [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9, 0, 1]];
        assert_eq!(Windows::new(10, 4, 4, Edge::Wrap).places, wrapped);
        for edge in [Edge::Cut, Edge::Inside, Edge::Wrap] {
            assert_eq!(Windows::new(10, 10, 10, edge).len(), 1);
        }
    }

    #[test]
    fn all_is_covered_unless_only_whole_patches_count() {
        for (patch, stride) in [(1, 1), (3, 3), (4, 3), (10, 9), (7, 2)] {
            assert!(cover(&Windows::new(10, patch, stride, Edge::Cut)).iter().all(|&n| n >= 1));
            assert!(cover(&Windows::new(10, patch, stride, Edge::Wrap)).iter().all(|&n| n >= 1));
        }
        assert_eq!(cover(&Windows::new(4, 3, 3, Edge::Inside)), [1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0]);
    }
}
