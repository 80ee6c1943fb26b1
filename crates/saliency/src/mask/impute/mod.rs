//! Noisy linear imputation: missing pixels become what their neighbours suggest, plus a little noise.
//!
//! Rong et al. 2022, "A Consistent and Efficient Evaluation Strategy for Attribution Methods" (ROAD,
//! arXiv:2202.00449): every missing pixel is the weighted mean of its eight neighbours, a direct neighbour counting
//! 1/6 and a diagonal one 1/12; where some of them lie outside the picture the others share their weight. Those are as
//! many linear equations as pixels are missing, the same for every channel. The noise hides that the pixels are
//! smoother than any photograph. Unlike a flat colour, such a patch has no outline that could pass for a shape.

mod multigrid;

use multigrid::{Grid, Quad, conjugate_gradients};

use super::MaskError;
use crate::keyed::Keyed;

/// Weight of a neighbour above, below, left or right.
const DIRECT: f32 = 1.0 / 6.0;
/// Weight of a neighbour across a corner.
const DIAGONAL: f32 = 1.0 / 12.0;
/// What ROAD adds to a picture of values 0 to 1: the standard deviation of the noise.
pub const ROAD_NOISE: f64 = 0.01;

/// The noise of an imputation. Which numbers come out depends on `seed`, `key` and the place in the picture only.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Noise {
    /// Standard deviation, in units of the picture's values; 0 for none.
    pub sigma: f64,
    /// Chosen by the user.
    pub seed: u64,
    /// Belongs to the picture, see [`Subject::key`](crate::Subject::key).
    pub key: u64,
}

/// Fills the missing pixels of `image`, `[height, width, 3]`, in place; `missing` is `[height, width]`.
///
/// The equations are solved to a relative residual of 1e-5; what is not missing is left as it is. Even where nearly
/// everything is missing from a 224 x 224 picture this takes less time than one forward pass.
///
/// # Errors
/// [`MaskError::ImputeShape`] if the lengths do not agree, [`MaskError::ImputeNothing`] if all pixels are missing,
/// [`MaskError::ImputeNonFinite`] for a NaN or an infinity among those that are not.
pub fn impute(image: &mut [f32], height: usize, width: usize, missing: &[bool], noise: Noise) -> Result<(), MaskError> {
    let pixels = height.checked_mul(width).unwrap_or(0);
    if pixels == 0 || missing.len() != pixels || image.len() != 3 * pixels {
        return Err(MaskError::ImputeShape { height, width, flags: missing.len(), values: image.len() });
    }
    if !missing.contains(&true) {
        return Ok(());
    }
    if !missing.contains(&false) {
        return Err(MaskError::ImputeNothing);
    }
    let known = |p: usize| !missing[p] && image[3 * p..3 * p + 3].iter().any(|v| !v.is_finite());
    if let Some(pixel) = (0..pixels).find(|&p| known(p)) {
        return Err(MaskError::ImputeNonFinite { row: pixel / width, column: pixel % width });
    }

    let window = Window::around(missing, width);
    let (grid, right, start) = equations(image, height, width, missing, &window);
    let solution = conjugate_gradients(grid, right, start);
    let stream = Keyed::new(&[noise.seed, noise.key]);
    for row in window.rows.clone() {
        for column in window.columns.clone() {
            let pixel = row * width + column;
            if missing[pixel] {
                let found = solution[window.at(row, column)];
                for channel in 0..3 {
                    let place = 3 * pixel + channel;
                    let extra = if noise.sigma > 0.0 { noise.sigma * stream.normal(place as u64) } else { 0.0 };
                    image[place] = (f64::from(found[channel]) + extra) as f32;
                }
            }
        }
    }
    Ok(())
}

/// The rectangle around all missing pixels.
struct Window {
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
}

impl Window {
    /// At least one pixel is missing.
    fn around(missing: &[bool], width: usize) -> Window {
        let lines = missing.chunks_exact(width);
        let rows: Vec<usize> = lines.enumerate().filter(|(_, line)| line.contains(&true)).map(|(r, _)| r).collect();
        let used = |c: &usize| missing.iter().skip(*c).step_by(width).any(|&m| m);
        let columns: Vec<usize> = (0..width).filter(used).collect();
        Window { rows: rows[0]..rows[rows.len() - 1] + 1, columns: columns[0]..columns[columns.len() - 1] + 1 }
    }

    /// Place of a pixel in the arrays of a [`Grid`], which have a margin of one all round.
    fn at(&self, row: usize, column: usize) -> usize {
        (row - self.rows.start + 1) * (self.columns.len() + 2) + column - self.columns.start + 1
    }
}

/// The equations `diagonal x - weights x = right` of the missing pixels, and where to start from: the mean of what
/// is known around.
fn equations(
    image: &[f32],
    height: usize,
    width: usize,
    missing: &[bool],
    window: &Window,
) -> (Grid, Vec<Quad>, Vec<Quad>) {
    let mut grid = Grid::empty(window.rows.len(), window.columns.len());
    let mut right = vec![Quad::ZERO; grid.len()];
    let (mut sum, mut weights) = (Quad::ZERO, 0.0);
    for row in window.rows.clone() {
        for column in window.columns.clone().filter(|&c| missing[row * width + c]) {
            let at = window.at(row, column);
            for (dy, dx) in [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)] {
                let (Some(y), Some(x)) = (row.checked_add_signed(dy), column.checked_add_signed(dx)) else { continue };
                if y >= height || x >= width {
                    continue;
                }
                let weight = if dy == 0 || dx == 0 { DIRECT } else { DIAGONAL };
                grid.diagonal[at] += weight;
                let neighbour = y * width + x;
                if missing[neighbour] {
                    grid.connect(at, dy, dx, weight);
                } else {
                    let value = Quad::rgb(&image[3 * neighbour..3 * neighbour + 3]);
                    right[at].add(weight, value);
                    sum.add(weight, value);
                    weights += weight;
                }
            }
        }
    }
    let mut mean = Quad::ZERO;
    mean.add(1.0 / weights, sum);
    let start = grid.diagonal.iter().map(|&d| if d > 0.0 { mean } else { Quad::ZERO }).collect();
    (grid, right, start)
}

#[cfg(test)]
mod tests;
