//! keras-vis' `visualize_activation`.

use backlit_net::preprocess::Preprocessing;
use backlit_net::random::{Purpose, Random};
use backlit_net::{CHANNELS, IMAGE_LEN, SIDE, named};
use serde::Serialize;

use super::{ActivationError, Climb, lp_norm, picture, total_variation};

/// Keras' epsilon, added to divisors.
pub(super) const EPSILON: f64 = 1e-7;

/// What the gradient of the loss is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Normalization {
    /// The root of its mean square: keras-vis 0.4.1.
    #[default]
    Rms,
    /// Its L2 norm: keras-vis' later commits. RMSProp then hardly notices.
    L2,
}

named!(Normalization, "normalization", { Rms = "rms", L2 = "l2" });

/// Gradient descent on `-score + lp |x|_p / n + tv TV(x) / n` by RMSProp without a rate, with the defaults of
/// keras-vis 0.4.1 (`visualize_activation`, MIT licence).
///
/// x is the network's input as it is, with values about 0 to 255: keras-vis does not preprocess, nor does this subtract
/// a mean. (For networks of torchvision's preprocessing x is scaled and shifted to what they know; the losses are those
/// of the grey levels.) Every step: `g = gradient / (rms(gradient) + 1e-7)`, `cache = 0.95 cache + 0.05 g^2`,
/// `x = x - g / sqrt(cache + 1e-7)`. What is kept is the picture *after* the step whose loss *before* the step was the
/// lowest. The picture is standardised before it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct KerasVis {
    /// Steps.
    pub steps: usize,
    /// Weight of the score.
    pub activation_weight: f64,
    /// Weight of the L_p norm.
    pub lp_weight: f64,
    /// p of the L_p norm, at least 1.
    pub lp: f64,
    /// Weight of the total variation.
    pub tv_weight: f64,
    /// Exponent of the total variation, at least 1.
    pub tv_beta: f64,
    /// Decay of RMSProp's cache, 0 to below 1.
    pub decay: f64,
    /// What the gradient is divided by.
    pub normalization: Normalization,
    /// Before every step the picture is moved, around its edges, by up to this share of a side; keras-vis' `Jitter`
    /// has 0.05. It is not moved back. 0 for none, at most 1.
    pub jitter: f64,
    /// Seed of the noise that it begins with, and of the jitter.
    pub seed: u64,
}

impl Default for KerasVis {
    /// 200 steps; weights 1, 10 (p = 6) and 10 (beta = 2); no jitter.
    fn default() -> Self {
        KerasVis {
            steps: 200,
            activation_weight: 1.0,
            lp_weight: 10.0,
            lp: 6.0,
            tv_weight: 10.0,
            tv_beta: 2.0,
            decay: 0.95,
            normalization: Normalization::Rms,
            jitter: 0.0,
            seed: 0,
        }
    }
}

/// Mean and standard deviation of the noise that it begins with: the middle of 0 to 255, and 5 % of it.
const NOISE: (f64, f64) = (127.5, 12.75);

impl KerasVis {
    fn check(&self) -> Result<(), ActivationError> {
        for (what, value) in [
            ("activation_weight", self.activation_weight),
            ("lp_weight", self.lp_weight),
            ("tv_weight", self.tv_weight),
        ] {
            ActivationError::check_weight(what, value)?;
        }
        for (what, value) in [("lp", self.lp), ("tv_beta", self.tv_beta)] {
            if !(1.0..=1000.0).contains(&value) {
                return Err(ActivationError::parameter(what, value, "give 1 to 1000"));
            }
        }
        if !(0.0..1.0).contains(&self.decay) {
            return Err(ActivationError::parameter("decay", self.decay, "give 0 or more and less than 1"));
        }
        if !(0.0..=1.0).contains(&self.jitter) {
            return Err(ActivationError::parameter("jitter", self.jitter, "give a share of 0 to 1"));
        }
        Ok(())
    }

    /// Returns the tensor kept.
    pub(super) fn climb(&self, kind: Preprocessing, climb: &mut Climb<'_, '_>) -> Result<Vec<f32>, ActivationError> {
        self.check()?;
        let scale = picture::scale(kind);
        // The grey level that the network takes for zero.
        let zero = if kind == Preprocessing::Torch { NOISE.0 } else { 0.0 };
        let tensor_of = |x: &[f64]| x.iter().map(|v| ((v - zero) * scale) as f32).collect::<Vec<f32>>();
        let choice = Random::new(self.seed, 0, Purpose::Choice);
        let mut x = noise(self.seed);
        let mut cache = vec![0f64; x.len()];
        let mut best: Option<(f64, Vec<f32>)> = None;
        for step in 0..climb.steps {
            x = jittered(x, self.jitter, choice, step as u32);
            let (score, gradient) = climb.score(&tensor_of(&x))?;
            let (lp, lp_slope) = lp_norm(&x, self.lp);
            let (tv, tv_slope) = total_variation(&x, [SIDE, SIDE, CHANNELS], self.tv_beta);
            let loss = self.lp_weight * lp + self.tv_weight * tv - self.activation_weight * score;
            let mut slope: Vec<f64> =
                gradient.iter().map(|&g| -self.activation_weight * scale * f64::from(g)).collect();
            for ((slope, lp), tv) in slope.iter_mut().zip(lp_slope).zip(tv_slope) {
                *slope += self.lp_weight * lp + self.tv_weight * tv;
            }
            let squares: f64 = slope.iter().map(|g| g * g).sum();
            let divisor = EPSILON
                + match self.normalization {
                    Normalization::Rms => (squares / slope.len() as f64).sqrt(),
                    Normalization::L2 => squares.sqrt(),
                };
            for ((x, cache), slope) in x.iter_mut().zip(&mut cache).zip(slope) {
                let g = slope / divisor;
                *cache = self.decay * *cache + (1.0 - self.decay) * g * g;
                *x -= g / (*cache + EPSILON).sqrt();
            }
            let tensor = tensor_of(&x);
            climb.took(loss, score, &tensor)?;
            if best.as_ref().is_none_or(|(lowest, _)| loss < *lowest) {
                best = Some((loss, tensor));
            }
        }
        Ok(best.map(|(_, tensor)| tensor).unwrap_or_default())
    }
}

/// Uniform noise, standardised to [`NOISE`].
fn noise(seed: u64) -> Vec<f64> {
    let random = Random::new(seed, 0, Purpose::Picture);
    let values: Vec<f64> = (0..IMAGE_LEN).map(|element| random.uniform(0, element)).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    values.into_iter().map(|v| (v - mean) / (deviation + EPSILON) * NOISE.1 + NOISE.0).collect()
}

/// Moved by up to `share` of a side, down and right or up and left; what leaves comes in opposite.
fn jittered(x: Vec<f64>, share: f64, random: Random, step: u32) -> Vec<f64> {
    let most = (share * SIDE as f64) as u64;
    if most == 0 {
        return x;
    }
    // 0 to 2 most, read as -most to most.
    let offset = |axis: usize| (u64::from(random.bits(step, axis)) * (2 * most + 1) >> 32) as usize;
    let back = |at: usize, axis: usize| (at + offset(axis) + 2 * SIDE - most as usize) % SIDE;
    let (rows, columns): (Vec<_>, Vec<_>) = (0..SIDE).map(|at| (back(at, 0), back(at, 1))).unzip();
    let mut out = Vec::with_capacity(x.len());
    for &row in &rows {
        for &column in &columns {
            let at = (row * SIDE + column) * CHANNELS;
            out.extend_from_slice(&x[at..at + CHANNELS]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_its_moments_and_its_seed() {
        let found = noise(3);
        let n = found.len() as f64;
        let mean = found.iter().sum::<f64>() / n;
        let deviation = (found.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        assert!((mean - 127.5).abs() <= 1e-9 && (deviation - 12.75).abs() <= 1e-4, "{mean} {deviation}");
        assert!(found == noise(3) && found != noise(4));
    }

    #[test]
    fn jitter_moves_and_loses_nothing() {
        let x: Vec<f64> = (0..IMAGE_LEN).map(|i| i as f64).collect();
        let random = Random::new(1, 0, Purpose::Choice);
        assert!(jittered(x.clone(), 0.0, random, 0) == x && jittered(x.clone(), 0.004, random, 0) == x);
        let mut seen = std::collections::BTreeSet::new();
        for step in 0..400 {
            let moved = jittered(x.clone(), 0.05, random, step);
            let first = moved[0] as usize / CHANNELS;
            let distance = |at: usize| if at > SIDE / 2 { at as i64 - SIDE as i64 } else { at as i64 };
            let (down, right) = (distance(first / SIDE), distance(first % SIDE));
            assert!(down.abs() <= 11 && right.abs() <= 11, "{down}, {right}");
            seen.insert(down);
            let mut sorted = moved;
            sorted.sort_by(f64::total_cmp);
            assert!(step > 3 || sorted == x);
        }
        assert_eq!(seen.len(), 23, "all from -11 to 11");
    }
}
