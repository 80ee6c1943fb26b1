//! The solver: conjugate gradients, preconditioned by one multigrid cycle.
//!
//! The matrix is that of a weighted graph on a rectangle: every pixel has a diagonal and an edge to each of its eight
//! neighbours. Merging 2 x 2 pixels into one gives a matrix of the same kind at half the size (aggregation; Braess
//! 1995, "Towards algebraic multigrid for elliptic problems of second order"), and so on down to a handful of pixels.

use std::ops::Index;

/// Relative residual at which the solution is good enough.
const TOLERANCE: f64 = 1e-5;
/// More steps than any picture needs.
const STEPS: usize = 200;
/// What a coarse correction is multiplied by: merged pixels move in a block and so move too little.
const OVERCORRECTION: f32 = 1.6;

/// Three channels, and a fourth that keeps them aligned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quad([f32; 4]);

impl Quad {
    pub(super) const ZERO: Quad = Quad([0.0; 4]);

    pub(super) fn rgb(values: &[f32]) -> Quad {
        Quad([values[0], values[1], values[2], 0.0])
    }

    /// Adds `weight * other`.
    #[inline(always)]
    pub(super) fn add(&mut self, weight: f32, other: Quad) {
        for i in 0..4 {
            self.0[i] += weight * other.0[i];
        }
    }

    #[inline(always)]
    fn times(self, factor: f32) -> Quad {
        Quad(self.0.map(|v| v * factor))
    }
}

impl Index<usize> for Quad {
    type Output = f32;

    fn index(&self, channel: usize) -> &f32 {
        &self.0[channel]
    }
}

/// A symmetric matrix over the pixels of a rectangle; its arrays have a margin of one all round.
///
/// A pixel that is no unknown has diagonal 0 and no edges.
pub(super) struct Grid {
    height: usize,
    width: usize,
    pub(super) diagonal: Vec<f32>,
    /// Weights of the edges to the right, down left, down, and down right.
    edges: Vec<[f32; 4]>,
}

impl Grid {
    pub(super) fn empty(height: usize, width: usize) -> Grid {
        let len = (height + 2) * (width + 2);
        Grid { height, width, diagonal: vec![0.0; len], edges: vec![[0.0; 4]; len] }
    }

    /// Length of the arrays.
    pub(super) fn len(&self) -> usize {
        self.diagonal.len()
    }

    fn stride(&self) -> usize {
        self.width + 2
    }

    /// Gives the edge from `at` to its neighbour a weight; said once from either end, kept once.
    pub(super) fn connect(&mut self, at: usize, dy: isize, dx: isize, weight: f32) {
        match (dy, dx) {
            (0, 1) => self.edges[at][0] = weight,
            (1, -1..=1) => self.edges[at][(dx + 2) as usize] = weight,
            _ => (), // known from the other end
        }
    }

    /// Places of a row of the rectangle.
    fn row(&self, row: usize) -> std::ops::Range<usize> {
        let first = (row + 1) * self.stride() + 1;
        first..first + self.width
    }

    /// The weighted sum of the eight neighbours.
    #[inline(always)]
    fn neighbours(&self, x: &[Quad], at: usize) -> Quad {
        let s = self.stride();
        let e = &self.edges;
        let mut sum = x[at + 1].times(e[at][0]);
        sum.add(e[at][1], x[at + s - 1]);
        sum.add(e[at][2], x[at + s]);
        sum.add(e[at][3], x[at + s + 1]);
        sum.add(e[at - 1][0], x[at - 1]);
        sum.add(e[at - s + 1][1], x[at - s + 1]);
        sum.add(e[at - s][2], x[at - s]);
        sum.add(e[at - s - 1][3], x[at - s - 1]);
        sum
    }

    /// `out = diagonal x - weights x`.
    fn apply(&self, x: &[Quad], out: &mut [Quad]) {
        for row in 0..self.height {
            for at in self.row(row) {
                let mut value = x[at].times(self.diagonal[at]);
                value.add(-1.0, self.neighbours(x, at));
                out[at] = value;
            }
        }
    }

    /// One sweep of Gauss-Seidel.
    fn relax(&self, x: &mut [Quad], right: &[Quad], backwards: bool) {
        let mut solve = |at: usize| {
            let diagonal = self.diagonal[at];
            if diagonal > 0.0 {
                let mut value = right[at];
                value.add(1.0, self.neighbours(x, at));
                x[at] = value.times(1.0 / diagonal);
            }
        };
        for row in 0..self.height {
            match backwards {
                false => self.row(row).for_each(&mut solve),
                true => self.row(self.height - 1 - row).rev().for_each(&mut solve),
            }
        }
    }

    /// The same at half the size.
    fn coarser(&self) -> Grid {
        let mut coarse = Grid::empty(self.height.div_ceil(2), self.width.div_ceil(2));
        for row in 0..self.height {
            for column in 0..self.width {
                let at = self.row(row).start + column;
                let parent = coarse.place(row, column);
                coarse.diagonal[parent] += self.diagonal[at];
                for (edge, (dy, dx)) in self.edges[at].into_iter().zip([(0, 1), (1, -1), (1, 0), (1, 1)]) {
                    if edge == 0.0 {
                        continue;
                    }
                    // An edge ends inside the rectangle.
                    let (y, x) = (row + dy, column.wrapping_add_signed(dx));
                    let (down, across) = (y / 2 - row / 2, x as isize / 2 - column as isize / 2);
                    match (down, across) {
                        (0, 0) => coarse.diagonal[parent] -= 2.0 * edge,
                        (0, 1) => coarse.edges[parent][0] += edge,
                        (0, _) => coarse.edges[parent - 1][0] += edge,
                        (_, across) => coarse.edges[parent][(across + 2) as usize] += edge,
                    }
                }
            }
        }
        coarse
    }

    /// Place on this grid of a pixel of the grid twice as fine.
    fn place(&self, row: usize, column: usize) -> usize {
        (row / 2 + 1) * self.stride() + column / 2 + 1
    }
}

/// A grid with room to work on it.
struct Level {
    grid: Grid,
    x: Vec<Quad>,
    right: Vec<Quad>,
    residual: Vec<Quad>,
}

/// Writes an approximate solution of `levels[0].grid x = right` to `levels[0].x`: a symmetric operation, as
/// conjugate gradients demand.
fn cycle(levels: &mut [Level]) {
    let (level, below) = levels.split_first_mut().expect("at least one level");
    level.x.fill(Quad::ZERO);
    let Some(next) = below.first_mut() else {
        for _ in 0..8 {
            level.grid.relax(&mut level.x, &level.right, false);
            level.grid.relax(&mut level.x, &level.right, true);
        }
        return;
    };
    level.grid.relax(&mut level.x, &level.right, false);
    level.grid.apply(&level.x, &mut level.residual);
    next.right.fill(Quad::ZERO);
    for row in 0..level.grid.height {
        for (column, at) in level.grid.row(row).enumerate() {
            let mut left = level.right[at];
            left.add(-1.0, level.residual[at]);
            next.right[next.grid.place(row, column)].add(1.0, left);
        }
    }
    cycle(below);
    let next = &below[0];
    for row in 0..level.grid.height {
        for (column, at) in level.grid.row(row).enumerate() {
            if level.grid.diagonal[at] > 0.0 {
                level.x[at].add(OVERCORRECTION, next.x[next.grid.place(row, column)]);
            }
        }
    }
    level.grid.relax(&mut level.x, &level.right, true);
}

/// Solves `grid x = right` for each channel, beginning at `x`.
pub(super) fn conjugate_gradients(grid: Grid, right: Vec<Quad>, mut x: Vec<Quad>) -> Vec<Quad> {
    let mut levels = vec![level(grid)];
    while let Grid { height, width, .. } = levels[levels.len() - 1].grid
        && height.max(width) > 4
    {
        let coarse = levels[levels.len() - 1].grid.coarser();
        levels.push(level(coarse));
    }
    let goal = dot(&right, &right).map(|v| v * TOLERANCE * TOLERANCE);
    let mut image = vec![Quad::ZERO; right.len()];
    levels[0].grid.apply(&x, &mut image);
    let mut residual = right;
    residual.iter_mut().zip(&image).for_each(|(r, &v)| r.add(-1.0, v));
    let mut direction = vec![Quad::ZERO; x.len()];
    let mut before = [0.0; 3];
    for step in 0..STEPS {
        let size = dot(&residual, &residual);
        if (0..3).all(|c| size[c] <= goal[c]) {
            break;
        }
        levels[0].right.copy_from_slice(&residual);
        cycle(&mut levels);
        let z = &levels[0].x;
        let now = dot(&residual, z);
        let beta = factors(|c| if step == 0 { 0.0 } else { now[c] / before[c] });
        for (d, z) in direction.iter_mut().zip(z) {
            *d = Quad(std::array::from_fn(|c| z.0[c] + beta[c] * d.0[c]));
        }
        levels[0].grid.apply(&direction, &mut image);
        let curvature = dot(&direction, &image);
        let alpha = factors(|c| now[c] / curvature[c]);
        for ((x, r), (d, v)) in x.iter_mut().zip(&mut residual).zip(direction.iter().zip(&image)) {
            for c in 0..4 {
                x.0[c] += alpha[c] * d.0[c];
                r.0[c] -= alpha[c] * v.0[c];
            }
        }
        before = now;
    }
    x
}

fn level(grid: Grid) -> Level {
    let empty = || vec![Quad::ZERO; grid.len()];
    Level { x: empty(), right: empty(), residual: empty(), grid }
}

/// One factor a channel; a channel that is solved already has 0 / 0 and stays as it is.
fn factors(of: impl Fn(usize) -> f64) -> [f32; 4] {
    std::array::from_fn(|c| if c < 3 && of(c).is_finite() { of(c) as f32 } else { 0.0 })
}

/// Products channel by channel, summed in double precision and in order.
fn dot(a: &[Quad], b: &[Quad]) -> [f64; 3] {
    let mut sums = [0f64; 3];
    for (a, b) in a.iter().zip(b) {
        for c in 0..3 {
            sums[c] += f64::from(a.0[c]) * f64::from(b.0[c]);
        }
    }
    sums
}
