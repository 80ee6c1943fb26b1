//! Seeded numbers that depend on nothing but their seed and their place.

/// A stream of random numbers addressed by position, so that they can be drawn in any order.
///
/// The mixing function is that of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
/// generators").
#[derive(Clone, Copy, Debug)]
pub struct Random {
    key: u64,
}

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Random {
        Random { key: mix(seed ^ 0x6a09_e667_f3bc_c908) }
    }

    /// An independent stream, by number.
    pub fn stream(self, number: u64) -> Random {
        Random { key: mix(self.key.wrapping_add(number.wrapping_mul(0xd1b5_4a32_d192_ed03)) ^ 0x2545_f491_4f6c_dd1d) }
    }

    /// 64 random bits.
    pub fn bits(self, position: usize) -> u64 {
        mix(self.key.wrapping_add((position as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// Uniform in -1..1, a multiple of 2^-23 and so exact in float32.
    pub fn signed(self, position: usize) -> f32 {
        (self.bits(position) >> 40) as i32 as f32 / (1 << 23) as f32 - 1.0
    }

    /// `n` values, uniform in `-scale..scale`.
    pub fn values(self, n: usize, scale: f64) -> Vec<f64> {
        (0..n).map(|i| scale * f64::from(self.signed(i))).collect()
    }

    /// `n` whole numbers from `-most` to `most`: small ones have sums and products that are exact in float32.
    pub fn integers(self, n: usize, most: u32) -> Vec<f64> {
        let span = u64::from(2 * most + 1);
        (0..n).map(|i| (self.bits(i) % span) as f64 - f64::from(most)).collect()
    }
}

/// Rounds to single precision.
pub fn to_f32(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}

/// Exact.
pub fn to_f64(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| v.into()).collect()
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
    fn uniform_with_the_right_moments_and_independent_streams() {
        let (a, b) = (Random::new(1).stream(0), Random::new(1).stream(1));
        let n = 100_000;
        let mean = (0..n).map(|i| f64::from(a.signed(i))).sum::<f64>() / n as f64;
        let square = (0..n).map(|i| f64::from(a.signed(i)).powi(2)).sum::<f64>() / n as f64;
        let cross = (0..n).map(|i| f64::from(a.signed(i) * b.signed(i))).sum::<f64>() / n as f64;
        // Four standard deviations of each estimate.
        assert!(mean.abs() <= 4.0 * (1.0 / 3.0 / n as f64).sqrt(), "{mean}");
        assert!((square - 1.0 / 3.0).abs() <= 4.0 * (4.0 / 45.0 / n as f64).sqrt(), "{square}");
        assert!(cross.abs() <= 4.0 / 3.0 / (n as f64).sqrt(), "{cross}");
        assert!((0..n).all(|i| (-1.0..1.0).contains(&a.signed(i))));
    }
}
