//! One level of the multigrid: a symmetric nine-point operator on a grid of pixels, some of which are unknown.

use backlit_net::CHANNELS;

/// One number a colour channel: the channels share their matrix and are solved together.
pub(super) type Pixel = [f64; CHANNELS];

/// The operator. Rows and columns have a border of one pixel that is never unknown, so that neighbours need no check.
pub(super) struct Level {
    height: usize,
    width: usize,
    /// Places of the unknown pixels, ascending.
    pub(super) unknown: Vec<usize>,
    /// For every place the nine coefficients, row by row, the pixel's own in the middle; zero where nothing is unknown.
    pub(super) stencil: Vec<[f64; 9]>,
}

/// A coarse pixel that a fine one is interpolated from, along one axis, and its weight.
type Parent = (usize, f64);

/// Linear interpolation: an even pixel is a coarse one, an odd one lies between two. `n` is the coarse length.
#[inline(always)]
fn parents(fine: usize, n: usize) -> impl Iterator<Item = Parent> {
    let half = fine / 2;
    let (first, second) = match fine.is_multiple_of(2) || half + 1 == n {
        true => (1.0, None),
        false => (0.5, Some((half + 1, 0.5))),
    };
    std::iter::once((half, first)).chain(second)
}

impl Level {
    /// A grid without unknowns.
    pub(super) fn empty(height: usize, width: usize) -> Level {
        Level { height, width, unknown: Vec::new(), stencil: vec![[0.0; 9]; (height + 2) * (width + 2)] }
    }

    /// Place of a pixel.
    pub(super) fn at(&self, row: usize, column: usize) -> usize {
        (row + 1) * (self.width + 2) + column + 1
    }

    /// Row and column of a place.
    fn position(&self, place: usize) -> (usize, usize) {
        (place / (self.width + 2) - 1, place % (self.width + 2) - 1)
    }

    /// One pixel of zeros for every place.
    pub(super) fn zeros(&self) -> Vec<Pixel> {
        vec![[0.0; CHANNELS]; self.stencil.len()]
    }

    /// Whether it is small enough to be solved by iteration alone.
    fn is_coarsest(&self) -> bool {
        self.height.max(self.width) <= 4
    }

    /// The sum over all nine of the operator at a place.
    #[inline(always)]
    fn row(&self, place: usize, x: &[Pixel]) -> Pixel {
        let stride = self.width + 2;
        let a = &self.stencil[place];
        let mut sum = [0.0; CHANNELS];
        for (line, first) in [place - stride - 1, place - 1, place + stride - 1].into_iter().enumerate() {
            for (j, v) in x[first..first + 3].iter().enumerate() {
                for c in 0..CHANNELS {
                    sum[c] += a[3 * line + j] * v[c];
                }
            }
        }
        sum
    }

    /// `out = A x` at the unknown places.
    pub(super) fn apply(&self, x: &[Pixel], out: &mut [Pixel]) {
        for &place in &self.unknown {
            out[place] = self.row(place, x);
        }
    }

    /// One pass of Gauss and Seidel over `places`.
    fn relax<'a>(&self, places: impl Iterator<Item = &'a usize>, right: &[Pixel], x: &mut [Pixel]) {
        for &place in places {
            let sum = self.row(place, x);
            let diagonal = self.stencil[place][4];
            for c in 0..CHANNELS {
                x[place][c] += (right[place][c] - sum[c]) / diagonal;
            }
        }
    }

    /// The operator on every second pixel of every second row, `P' A P` with P the bilinear interpolation: symmetric,
    /// and nine-point again.
    fn coarser(&self) -> Level {
        let mut coarse = Level::empty(self.height.div_ceil(2), self.width.div_ceil(2));
        for &place in &self.unknown {
            let (row, column) = self.position(place);
            for (k, &a) in self.stencil[place].iter().enumerate().filter(|&(_, &a)| a != 0.0) {
                // Unknown pixels have unknown neighbours only within the grid.
                let (y, x) = (row + k / 3 - 1, column + k % 3 - 1);
                for (ty, u) in parents(row, coarse.height) {
                    for (wy, v) in parents(y, coarse.height) {
                        for (tx, s) in parents(column, coarse.width) {
                            for (wx, t) in parents(x, coarse.width) {
                                let to = coarse.at(ty, tx);
                                coarse.stencil[to][(wy + 1 - ty) * 3 + wx + 1 - tx] += u * v * s * t * a;
                            }
                        }
                    }
                }
            }
        }
        coarse.unknown = (0..coarse.stencil.len()).filter(|&place| coarse.stencil[place][4] > 0.0).collect();
        coarse
    }

    /// The places of this, coarser, level that a pixel of the finer one is interpolated from, and their weights.
    #[inline(always)]
    fn places(&self, row: usize, column: usize) -> impl Iterator<Item = Parent> {
        parents(row, self.height)
            .flat_map(move |(r, u)| parents(column, self.width).map(move |(c, v)| (self.at(r, c), u * v)))
    }
}

/// All levels, with room for the cycle.
pub(super) struct Cycle {
    levels: Vec<Level>,
    /// For every level below the first: right-hand side and correction.
    rooms: Vec<(Vec<Pixel>, Vec<Pixel>)>,
}

impl Cycle {
    /// Coarsens until little is left.
    pub(super) fn new(finest: Level) -> Cycle {
        let mut levels = vec![finest];
        while !levels[levels.len() - 1].is_coarsest() {
            levels.push(levels[levels.len() - 1].coarser());
        }
        let rooms = levels[1..].iter().map(|l| (l.zeros(), l.zeros())).collect();
        Cycle { levels, rooms }
    }

    /// The finest level.
    pub(super) fn finest(&self) -> &Level {
        &self.levels[0]
    }

    /// An approximate solution of `A x = right`: one V-cycle from zero, a pass of Gauss and Seidel forward on the way
    /// down and backward on the way up, which makes it a symmetric positive definite function of `right`.
    pub(super) fn solve(&mut self, right: &[Pixel], x: &mut [Pixel]) {
        descend(&self.levels, &mut self.rooms, right, x);
    }
}

fn descend(levels: &[Level], rooms: &mut [(Vec<Pixel>, Vec<Pixel>)], right: &[Pixel], x: &mut [Pixel]) {
    let level = &levels[0];
    level.unknown.iter().for_each(|&place| x[place] = [0.0; CHANNELS]);
    level.relax(level.unknown.iter(), right, x);
    let Some(((their_right, their_x), deeper)) = rooms.split_first_mut() else {
        for _ in 0..4 {
            level.relax(level.unknown.iter(), right, x);
        }
        for _ in 0..5 {
            level.relax(level.unknown.iter().rev(), right, x);
        }
        return;
    };
    let coarse = &levels[1];
    their_right.fill([0.0; CHANNELS]);
    for &place in &level.unknown {
        let sum = level.row(place, x);
        let (row, column) = level.position(place);
        for (to, weight) in coarse.places(row, column) {
            for c in 0..CHANNELS {
                their_right[to][c] += weight * (right[place][c] - sum[c]);
            }
        }
    }
    descend(&levels[1..], deeper, their_right, their_x);
    for &place in &level.unknown {
        let (row, column) = level.position(place);
        for (with, weight) in coarse.places(row, column) {
            for c in 0..CHANNELS {
                x[place][c] += weight * their_x[with][c];
            }
        }
    }
    level.relax(level.unknown.iter().rev(), right, x);
}
