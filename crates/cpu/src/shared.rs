//! Tiles of one matrix, written by many threads at once.
//!
//! Tasks that share a matrix by rows can each have a slice of it. Tasks that share it by columns as well cannot: their
//! parts interleave in memory. A [`Tile`] is such a part, and hands out one row of it at a time. Tiles are cut from an
//! exclusive borrow by one regular grid, and each is made once, so no two of them overlap.

use std::marker::PhantomData;
use std::ops::Range;

use rayon::prelude::*;

/// Some rows and some columns of a matrix.
pub(crate) struct Tile<'a, T> {
    matrix: *mut T,
    width: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: a tile is an exclusive borrow of its elements and of nothing else, like the `&mut [T]` of a row.
#[allow(unsafe_code)]
unsafe impl<T: Send> Send for Tile<'_, T> {}

impl<T> Tile<'_, T> {
    /// Its rows, counted in the whole matrix.
    pub(crate) fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// Its columns, counted in the whole matrix.
    pub(crate) fn columns(&self) -> Range<usize> {
        self.columns.clone()
    }

    /// `len` elements from a row and a column on, both counted in the whole matrix.
    ///
    /// # Panics
    /// If they are not all in the tile.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(crate) fn slice(&mut self, row: usize, column: usize, len: usize) -> &mut [T] {
        // Subtracted, because a sum might wrap.
        let room = self.columns.end.checked_sub(column);
        let inside = self.rows.contains(&row) && column >= self.columns.start && room.is_some_and(|room| len <= room);
        assert!(inside, "row {row}, columns {column}.. of a tile {:?} x {:?}", self.rows, self.columns);
        // SAFETY: the elements lie in this tile (checked above), which lies in the matrix, which is borrowed
        // exclusively for the tile's lifetime; `tiles` cuts no two tiles that overlap, and `&mut self` sees to it
        // that one tile's slices do not.
        unsafe { std::slice::from_raw_parts_mut(self.matrix.add(row * self.width + column), len) }
    }
}

/// How a matrix is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cut {
    /// Rows of a tile; the last ones may have fewer.
    pub(crate) rows: usize,
    /// Columns of a tile; the last ones may have fewer.
    pub(crate) columns: usize,
}

/// Every tile of a matrix of `width` columns, those of the same rows one after the other.
///
/// # Panics
/// If the matrix has no whole number of rows, or a tile would be empty.
pub(crate) fn tiles<'a, T: Send>(
    matrix: &'a mut [T],
    width: usize,
    cut: Cut,
) -> impl IndexedParallelIterator<Item = Tile<'a, T>> {
    assert!(width > 0 && matrix.len().is_multiple_of(width) && cut.rows > 0 && cut.columns > 0);
    let (height, across) = (matrix.len() / width, width.div_ceil(cut.columns));
    let start = Start(matrix.as_mut_ptr());
    // Each index is visited once, and the grid's tiles are disjoint.
    (0..height.div_ceil(cut.rows) * across).into_par_iter().map(move |index| {
        let (down, right) = (index / across * cut.rows, index % across * cut.columns);
        Tile {
            matrix: start.pointer(),
            width,
            rows: down..height.min(down + cut.rows),
            columns: right..width.min(right + cut.columns),
            borrow: PhantomData,
        }
    })
}

/// Where a matrix begins.
struct Start<T>(*mut T);

impl<T> Start<T> {
    /// A method, so that a closure captures the whole and not the bare pointer.
    fn pointer(&self) -> *mut T {
        self.0
    }
}

// SAFETY: only `tiles` makes one, from an exclusive borrow that may be sent; threads read the address alone.
#[allow(unsafe_code)]
unsafe impl<T: Send> Send for Start<T> {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl<T: Send> Sync for Start<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_in_one_tile() {
        for (height, width, rows, columns) in [(7, 5, 3, 2), (1, 1, 4, 4), (6, 4, 6, 1), (5, 8, 1, 8)] {
            let mut matrix = vec![0u32; height * width];
            tiles(&mut matrix, width, Cut { rows, columns }).for_each(|mut tile| {
                for row in tile.rows() {
                    let columns = tile.columns();
                    tile.slice(row, columns.start, columns.len()).iter_mut().for_each(|v| *v += 1);
                }
            });
            assert!(matrix.iter().all(|&v| v == 1), "{height}x{width} by {rows}x{columns}: {matrix:?}");
        }
    }

    #[test]
    #[should_panic(expected = "of a tile")]
    fn a_tile_keeps_to_itself() {
        let mut matrix = vec![0u8; 16];
        tiles(&mut matrix, 4, Cut { rows: 2, columns: 2 }).for_each(|mut tile| {
            let (row, column) = (tile.rows().start, tile.columns().start);
            tile.slice(row, column, 3);
        });
    }
}
