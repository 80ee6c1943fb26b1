//! Reductions: from three channels to one.

use backlit_net::named;

/// What becomes of the channels of a pixel, after the modifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// The largest; with [`Modifier::None`](crate::Modifier::None) the most positive, not the largest in size.
    #[default]
    Max,
    /// The sum, in double precision and rounded once.
    Sum,
    /// The mean, in double precision and rounded once.
    Mean,
    /// All channels stay, in the network's order (BGR for the Keras weights), and are normalised jointly.
    None,
}

named!(Reduction, "reduction", { Max = "max", Sum = "sum", Mean = "mean", None = "none" });

impl Reduction {
    /// Channels that are left of `channels`.
    pub fn channels(self, channels: usize) -> usize {
        if self == Reduction::None { channels } else { 1 }
    }

    /// Reduces `[pixels, channels]` to `[pixels, self.channels(channels)]`; `channels` is at least 1.
    pub fn apply(self, values: &[f32], channels: usize) -> Vec<f32> {
        let sum = |pixel: &[f32]| pixel.iter().map(|&v| f64::from(v)).sum::<f64>();
        let pixels = values.chunks_exact(channels);
        match self {
            Reduction::Max => pixels.map(|p| p.iter().copied().fold(f32::NEG_INFINITY, f32::max)).collect(),
            Reduction::Sum => pixels.map(|p| sum(p) as f32).collect(),
            Reduction::Mean => pixels.map(|p| (sum(p) / channels as f64) as f32).collect(),
            Reduction::None => values.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas() {
        let values = [1.0, -5.0, 2.5, -3.0, -2.0, -1.0];
        assert_eq!(Reduction::Max.apply(&values, 3), [2.5, -1.0]);
        assert_eq!(Reduction::Sum.apply(&values, 3), [-1.5, -6.0]);
        assert_eq!(Reduction::Mean.apply(&values, 3), [-0.5, -2.0]);
        assert_eq!(Reduction::None.apply(&values, 3), values);
        assert_eq!(Reduction::ALL.iter().map(|r| r.channels(3)).collect::<Vec<_>>(), [1, 1, 1, 3]);
    }
}
