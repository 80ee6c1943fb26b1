//! Random numbers addressed by key and place, so that they come out the same in any order and any company.

/// A stream of random numbers that is known by what it is for.
///
/// The mixing function is that of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
/// generators").
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyed(u64);

impl Keyed {
    /// The stream of these keys, whose order counts.
    pub(crate) fn new(keys: &[u64]) -> Keyed {
        let absorb = |state: u64, &key: &u64| mix(state.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ mix(key));
        Keyed(keys.iter().fold(0x6a09_e667_f3bc_c908, absorb))
    }

    /// 64 random bits.
    pub(crate) fn bits(self, place: u64) -> u64 {
        mix(self.0.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// Uniform among `0..n`; `n` is at least 1 and far below 2^32.
    pub(crate) fn below(self, n: usize, place: u64) -> usize {
        (((self.bits(place) >> 32) * n as u64) >> 32) as usize
    }

    /// Uniform strictly between 0 and 1.
    fn uniform(self, place: u64) -> f64 {
        ((self.bits(place) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Normal with mean 0 and standard deviation 1, by the transform of Box and Muller (1958).
    pub(crate) fn normal(self, place: u64) -> f64 {
        let (u, v) = (self.uniform(2 * place), self.uniform(2 * place + 1));
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
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
    fn moments_of_the_normal() {
        let stream = Keyed::new(&[1, 2]);
        let n = 20_000;
        let draws: Vec<f64> = (0..n).map(|i| stream.normal(i)).collect();
        let moment = |k: i32| draws.iter().map(|v| v.powi(k)).sum::<f64>() / n as f64;
        assert!(moment(1).abs() <= 0.03 && (moment(2) - 1.0).abs() <= 0.05 && (moment(4) - 3.0).abs() <= 0.3);
    }

    #[test]
    fn keys_and_their_order_count() {
        let first = |keys: &[u64]| Keyed::new(keys).bits(0);
        assert_eq!(first(&[1, 2]), first(&[1, 2]));
        assert!(first(&[1, 2]) != first(&[2, 1]) && first(&[0]) != first(&[0, 0]));
        let counts = (0..3000).fold([0; 3], |mut c, i| {
            c[Keyed::new(&[7]).below(3, i)] += 1;
            c
        });
        assert!(counts.iter().all(|&c| (900..1100).contains(&c)), "{counts:?}");
    }
}
