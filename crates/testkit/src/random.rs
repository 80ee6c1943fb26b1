//! Seeded data: the same numbers on every machine.

/// SplitMix64 (Steele, Lea and Flood 2014), one 64-bit state.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts a stream.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in -1 to 1.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// A whole number from `-most` to `most`: sums and products of these are exact in float32.
    pub fn integer(&mut self, most: i64) -> f64 {
        (self.bits() % (2 * most as u64 + 1)) as f64 - most as f64
    }

    /// `n` uniform values from `-scale` to `scale`.
    pub fn values(&mut self, n: usize, scale: f64) -> Vec<f64> {
        (0..n).map(|_| scale * self.uniform()).collect()
    }

    /// `n` whole numbers from `-most` to `most`.
    pub fn integers(&mut self, n: usize, most: i64) -> Vec<f64> {
        (0..n).map(|_| self.integer(most)).collect()
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
