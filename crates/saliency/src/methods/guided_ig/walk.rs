//! The path of guided integrated gradients, one step at a time.

use super::GuidedIg;

/// How close two distances are that count as the same, relative and absolute: PAIR's constant.
const EPSILON: f64 = 1e-9;

/// A walk from a baseline to a picture, of any shape; in double precision, as PAIR's.
pub(super) struct Walk {
    input: Vec<f64>,
    baseline: Vec<f64>,
    /// Where it is.
    x: Vec<f64>,
    attribution: Vec<f64>,
    /// L1 distance between the two ends.
    total: f64,
    /// Sizes of the gradient, as bits: they order as the numbers do. Those of values that may not go on are infinite.
    sizes: Vec<u32>,
    sorted: Vec<u32>,
}

const INFINITE: u32 = f32::INFINITY.to_bits();

impl Walk {
    pub(super) fn new(input: &[f32], baseline: &[f32]) -> Walk {
        let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&v| v.into()).collect() };
        let (input, baseline) = (wide(input), wide(baseline));
        let total = input.iter().zip(&baseline).map(|(x, b)| (x - b).abs()).sum();
        let (attribution, x) = (vec![0.0; input.len()], baseline.clone());
        Walk { input, baseline, x, attribution, total, sizes: Vec::new(), sorted: Vec::new() }
    }

    /// Where the gradient is to be taken.
    pub(super) fn copy(&self) -> impl Iterator<Item = f32> {
        self.x.iter().map(|&v| v as f32)
    }

    pub(super) fn finish(self) -> Vec<f32> {
        self.attribution.into_iter().map(|v| v as f32).collect()
    }

    /// Takes step `step` of those of the recipe, with the gradient at [`Walk::copy`].
    pub(super) fn step(&mut self, recipe: &GuidedIg, step: usize, gradient: &[f32]) {
        if self.total == 0.0 {
            return;
        }
        let alpha = (step as f64 + 1.0) / recipe.steps as f64;
        let (behind, ahead) = ((alpha - recipe.max_distance).max(0.0), (alpha + recipe.max_distance).min(1.0));
        let target = self.total * (1.0 - alpha);
        let mut distance = self.catch_up(behind, gradient);
        self.sizes.clear();
        self.sizes.extend(gradient.iter().map(|g| g.abs().to_bits()));
        // Every move but the last takes at least one value to its limit, so that this ends.
        while (target - distance).abs() > EPSILON * target.abs().max(distance.abs()).max(1.0) {
            let (threshold, reach) = self.choose(recipe.fraction, ahead);
            let gamma = (distance - target) / reach;
            // Nothing may move, or there is nothing to be gained: rounding is all that is left.
            if !(reach > 0.0 && gamma > 0.0) {
                break;
            }
            distance = self.go(threshold, gamma.min(1.0), ahead, gradient);
            if gamma <= 1.0 {
                break;
            }
        }
    }

    /// Takes values that are behind the straight path by too much to where they may be, and adds up what is left.
    fn catch_up(&mut self, behind: f64, gradient: &[f32]) -> f64 {
        let mut left = 0.0;
        for i in 0..self.x.len() {
            let (input, baseline, x) = (self.input[i], self.baseline[i], self.x[i]);
            // Where both ends are the same, the quotient is a NaN and not behind.
            if (x - baseline) / (input - baseline) < behind {
                self.x[i] = between(baseline, input, behind);
                self.attribution[i] += (self.x[i] - x) * f64::from(gradient[i]);
            }
            left += (self.x[i] - input).abs();
        }
        left
    }

    /// Takes out the values that have gone as far as they may. The size of gradient up to which the others are chosen,
    /// and how much nearer all of those may come.
    fn choose(&mut self, fraction: f64, ahead: f64) -> (u32, f64) {
        for i in 0..self.x.len() {
            if self.x[i] == between(self.baseline[i], self.input[i], ahead) {
                self.sizes[i] = INFINITE;
            }
        }
        self.sorted.clone_from(&self.sizes);
        // NumPy's quantile of method `lower`.
        let rank = (fraction * (self.sorted.len() - 1) as f64) as usize;
        // The infinite ones are never chosen, not even if they are all that is left.
        let threshold = (*self.sorted.select_nth_unstable(rank).1).min(INFINITE - 1);
        let mut reach = 0.0;
        for i in 0..self.x.len() {
            if self.sizes[i] <= threshold {
                reach += (self.x[i] - between(self.baseline[i], self.input[i], ahead)).abs();
            }
        }
        (threshold, reach)
    }

    /// Moves the chosen values by the share `gamma` of what they may move. The distance that is left.
    fn go(&mut self, threshold: u32, gamma: f64, ahead: f64, gradient: &[f32]) -> f64 {
        let mut left = 0.0;
        for i in 0..self.x.len() {
            if self.sizes[i] <= threshold {
                let (x, limit) = (self.x[i], between(self.baseline[i], self.input[i], ahead));
                self.x[i] = if gamma < 1.0 { between(x, limit, gamma) } else { limit };
                self.attribution[i] += (self.x[i] - x) * f64::from(gradient[i]);
            }
            left += (self.x[i] - self.input[i]).abs();
        }
        left
    }
}

/// The point at `alpha` between two others.
fn between(from: f64, to: f64, alpha: f64) -> f64 {
    from + (to - from) * alpha
}

#[cfg(test)]
mod tests;
