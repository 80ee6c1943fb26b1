//! Weights redrawn from the head down, for the sanity check by cascading randomisation
//! (Adebayo et al. 2018, arXiv:1810.03292).
//!
//! A map that explains what a network has learnt must change when what it has learnt is destroyed. The layers of the
//! cascade are the head, the blocks 5c, 5b, ... 2a, and the stem. Of each, the filters (of the head, its matrix) are
//! drawn anew: from a normal distribution of mean zero with the standard deviation that they had. Biases and
//! BatchNorm's scales and statistics stay, so that activations keep about their size all the way through.

use super::tensor::Tensor;
use super::{Provenance, Weights};
use crate::arch::{BLOCKS, Network};

/// Layers of the cascade: the head, sixteen blocks, the stem.
pub const CASCADE: usize = BLOCKS + 2;

impl Weights {
    /// Name of layer `index` of the cascade, 0 (the head, `fc`) to 17 (the stem, `conv1`), blocks by Keras' name.
    pub fn cascade_name(network: &Network, index: usize) -> &str {
        match index.checked_sub(1) {
            None => "fc",
            Some(block) if block < BLOCKS => &network.blocks[BLOCKS - 1 - block].name,
            Some(_) => &network.stem.name,
        }
    }

    /// A copy of which the first `from` layers, counted from the head down, are redrawn; more than [`CASCADE`] means
    /// all.
    ///
    /// A number depends on the seed, its layer and its place in the tensor as stored, so the same arguments give the
    /// same weights, and a layer once redrawn stays the same when the cascade goes on.
    pub fn randomized(&self, from: usize, seed: u64) -> Weights {
        let from = from.min(CASCADE);
        let network = self.network();
        let blocks = network.blocks.iter().rev().take(from.saturating_sub(1));
        let mut redrawn: Vec<usize> = blocks.flat_map(|b| b.convs().map(|conv| conv.index)).collect();
        redrawn.extend((from == CASCADE).then_some(network.stem.index));
        let mut drawn: Vec<(u64, &Tensor)> = redrawn.iter().map(|&c| (c as u64 + 1, &self.convs[c].kernel)).collect();
        drawn.extend((from > 0).then_some((0, &self.dense.kernel)));

        let archive = self.archive.edited(|data| {
            for (layer, kernel) in drawn {
                let size = deviation(&kernel.values(data));
                let normal = Normal::new(seed, layer);
                kernel.write(data, |i| size * normal.at(i));
            }
        });
        let source = format!("{}, {from} layers from the head down redrawn with seed {seed}", self.source());
        Weights {
            archive,
            naming: self.naming,
            provenance: Provenance { source, ..self.provenance.clone() },
            convs: self.convs.clone(),
            dense: self.dense.clone(),
            sha256: Default::default(),
        }
    }
}

/// Standard deviation.
fn deviation(values: &[f64]) -> f64 {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt()
}

/// Normal numbers addressed by position: Box and Muller's (1958) cosine of two words of SplitMix64 (Steele, Lea and
/// Flood 2014).
#[derive(Clone, Copy)]
struct Normal {
    key: u64,
}

impl Normal {
    fn new(seed: u64, layer: u64) -> Normal {
        Normal { key: mix(mix(seed ^ 0x6a09_e667_f3bc_c908).wrapping_add(layer.wrapping_mul(0xd1b5_4a32_d192_ed03))) }
    }

    fn at(self, position: usize) -> f64 {
        let word = |n: u64| mix(self.key.wrapping_add((2 * position as u64 + n).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        // Uniform in (0, 1]: the logarithm must be finite.
        let uniform = |bits: u64| ((bits >> 11) + 1) as f64 / (1u64 << 53) as f64;
        (-2.0 * uniform(word(0)).ln()).sqrt() * (std::f64::consts::TAU * uniform(word(1))).cos()
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
    fn normal_numbers_with_the_right_moments() {
        let n = 100_000;
        let of = |layer| (0..n).map(move |i| Normal::new(3, layer).at(i));
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / f64::from(n as u32);
        // Four standard deviations of each estimate.
        let reach = 4.0 / f64::from(n as u32).sqrt();
        assert!(mean(&mut of(0)).abs() <= reach);
        assert!((mean(&mut of(0).map(|v| v * v)) - 1.0).abs() <= reach * 2f64.sqrt());
        assert!((mean(&mut of(0).map(|v| v.powi(4))) - 3.0).abs() <= reach * 96f64.sqrt());
        assert!(mean(&mut of(0).zip(of(1)).map(|(a, b)| a * b)).abs() <= reach);
    }
}
