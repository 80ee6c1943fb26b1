//! Random numbers that depend on nothing but what they are for.

/// Numbers addressed by position: the same whatever the batch, the threads or the order in which they are drawn.
///
/// The mixing function is that of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
/// generators").
#[derive(Clone, Copy, Debug)]
pub(super) struct Draws {
    key: u64,
}

impl Draws {
    /// The stream of a seed, of a picture ([`Subject::key`](crate::Subject::key)) and of a sample's number.
    pub(super) fn new(seed: u64, picture: u64, sample: u64) -> Draws {
        Draws {
            key: [picture, sample].iter().fold(mix(seed ^ 0x9e37_79b9_7f4a_7c15), |key, &word| mix(key ^ mix(word))),
        }
    }

    /// 64 random bits.
    pub(super) fn bits(self, position: u64) -> u64 {
        mix(self.key.wrapping_add(position.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// Uniform in 0..1, a multiple of 2^-53.
    pub(super) fn uniform(self, position: u64) -> f64 {
        (self.bits(position) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal (Box and Muller 1958): each position has two uniform numbers of its own.
    pub(super) fn normal(self, position: u64) -> f64 {
        let (u, v) = (self.uniform(2 * position), self.uniform(2 * position + 1));
        (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// One of `0..n`; n is above 0.
    pub(super) fn below(self, position: u64, n: usize) -> usize {
        ((u128::from(self.bits(position)) * n as u128) >> 64) as usize
    }
}

fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let n = 100_000u64;
        let draws = Draws::new(1, 2, 3);
        let mean = |f: &dyn Fn(u64) -> f64| (0..n).map(f).sum::<f64>() / n as f64;
        // Four standard deviations of each estimate.
        let four = 4.0 / (n as f64).sqrt();
        assert!((mean(&|i| draws.uniform(i)) - 0.5).abs() <= four * (1.0f64 / 12.0).sqrt());
        assert!(mean(&|i| draws.normal(i)).abs() <= four);
        assert!((mean(&|i| draws.normal(i).powi(2)) - 1.0).abs() <= four * 2f64.sqrt());
        assert!(mean(&|i| draws.normal(i) * Draws::new(1, 2, 4).normal(i)).abs() <= four);
        assert!(mean(&|i| draws.normal(i) * draws.normal(i + 1)).abs() <= four);
        assert!((mean(&|i| draws.below(i, 7) as f64) - 3.0).abs() <= four * 2.0);
        assert!((0..n).all(|i| draws.below(i, 7) < 7 && draws.normal(i).is_finite()));
    }
}
