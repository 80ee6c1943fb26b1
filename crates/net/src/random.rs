//! Random numbers by address: the one for a seed, a picture, a sample and an element, in whatever order they are drawn.
//!
//! The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"):
//! a keyed mixing of a 128-bit counter into four words, with no state to carry. The seed is the key; the counter is
//! made of the picture's own number, the sample, the place in it, and what the numbers are for. So two pictures, two
//! samples and two purposes never share a number, and no number depends on batches, threads or neighbours.
//!
//! Normal deviates are computed with additions, multiplications, divisions and square roots of doubles alone, each of
//! which IEEE 754 rounds in one way only: any engine can repeat them bit for bit, provided that it does not contract
//! a multiplication and an addition into one operation.

/// What random numbers are for; different uses of one seed are independent of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// Noise added to a picture.
    Noise = 0,
    /// A choice made for a sample.
    Choice = 1,
    /// A picture of noise.
    Picture = 2,
}

/// The random numbers of one seed, one picture and one purpose.
#[derive(Clone, Copy, Debug)]
pub struct Random {
    seed: u64,
    picture: u64,
    purpose: Purpose,
}

/// Elements of a sample that can be addressed.
pub const ELEMENTS: usize = 4 << 24;

impl Random {
    /// `picture` is a number that belongs to the picture, whatever its file is called.
    pub fn new(seed: u64, picture: u64, purpose: Purpose) -> Random {
        Random { seed, picture, purpose }
    }

    /// The four words for elements `4 block` to `4 block + 3` of a sample; `block` is below 2^24.
    pub fn words(self, sample: u32, block: u32) -> [u32; 4] {
        let place = block & 0x00ff_ffff | (self.purpose as u32) << 24;
        let counter = [place, sample, self.picture as u32, (self.picture >> 32) as u32];
        philox4x32(counter, [self.seed as u32, (self.seed >> 32) as u32])
    }

    /// 32 random bits for an element below [`ELEMENTS`].
    pub fn bits(self, sample: u32, element: usize) -> u32 {
        self.words(sample, (element / 4) as u32)[element % 4]
    }

    /// Uniform between 0 and 1, neither of them possible: an odd multiple of 2^-33.
    pub fn uniform(self, sample: u32, element: usize) -> f64 {
        (f64::from(self.bits(sample, element)) + 0.5) * TWO_POW_M32
    }

    /// Of the standard normal distribution: [`normal`] of the element's bits.
    pub fn normal(self, sample: u32, element: usize) -> f64 {
        normal(self.bits(sample, element))
    }
}

const TWO_POW_M32: f64 = 1.0 / 4_294_967_296.0;

/// Philox4x32 with ten rounds: four words from a counter and a key.
pub fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let a = u64::from(counter[0]) * 0xd251_1f53;
        let b = u64::from(counter[2]) * 0xcd9e_8d57;
        counter = [(b >> 32) as u32 ^ counter[1] ^ key[0], b as u32, (a >> 32) as u32 ^ counter[3] ^ key[1], a as u32];
        key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
    }
    counter
}

/// The normal deviate for 32 uniform bits: `Phi^-1((bits + 1/2) / 2^32)` with a relative error of 1.2e-7.
///
/// The rational functions are those of PPND7 (Wichura 1988, "Algorithm AS 241: the percentage points of the normal
/// distribution", Applied Statistics 37). Its third one, for tails beyond 1.4e-11, is never reached from 32 bits: the
/// largest deviate is 6.3. Symmetric: the complement of the bits has the opposite deviate.
pub fn normal(bits: u32) -> f64 {
    // Exact: an odd multiple of 2^-33 between -1/2 and 1/2.
    let q = (f64::from(bits) - 2_147_483_647.5) * TWO_POW_M32;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        let above = ((59.109_374_720 * r + 159.291_132_02) * r + 50.434_271_938) * r + 3.387_132_717_9;
        let below = ((67.187_563_600 * r + 78.757_757_664) * r + 17.895_169_469) * r + 1.0;
        return q * above / below;
    }
    let r = (-ln(0.5 - q.abs())).sqrt() - 1.6;
    let above = ((0.170_238_211_03 * r + 1.306_728_481_6) * r + 2.756_815_390_0) * r + 1.423_437_277_7;
    let below = (0.120_211_329_75 * r + 0.737_001_642_50) * r + 1.0;
    let size = above / below;
    if q < 0.0 { -size } else { size }
}

/// The natural logarithm of a normal positive number, to 1e-12.
///
/// With `x = m 2^e` and m from `1/sqrt 2` to `sqrt 2`: `ln x = e ln 2 + 2 (s + s^3/3 + ... + s^13/13)`,
/// `s = (m - 1) / (m + 1)`. A library's logarithm may differ in the last bit from one system to the next.
fn ln(x: f64) -> f64 {
    const ONE: u64 = 1023 << 52;
    // Adding the distance from 1/sqrt 2 to 1 carries into the exponent exactly where m would pass sqrt 2.
    let shifted = x.to_bits() + (ONE - std::f64::consts::FRAC_1_SQRT_2.to_bits());
    let exponent = (shifted >> 52) as i32 - 1023;
    let m = f64::from_bits((shifted & ((1 << 52) - 1)) + std::f64::consts::FRAC_1_SQRT_2.to_bits());
    let s = (m - 1.0) / (m + 1.0);
    let t = s * s;
    let mut sum = 1.0 / 13.0;
    for n in [11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = sum * t + 1.0 / n;
    }
    f64::from(exponent) * std::f64::consts::LN_2 + 2.0 * s * sum
}

#[cfg(test)]
mod tests;
