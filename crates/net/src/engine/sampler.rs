//! Samplers: the copies of one image over which a gradient is averaged.

use rayon::prelude::*;

use super::{EngineError, PathNode, Quadrature};
use crate::IMAGE_LEN;
use crate::random::{Purpose, Random, normal};

/// Makes copy number i of an image, the same bits on every engine.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Sampler {
    /// Points on the line `baseline + alpha (image - baseline)`: integrated gradients
    /// (Sundararajan et al. 2017, arXiv:1703.01365).
    Path {
        /// `[224, 224, 3]`, preprocessed like the image. Black is what preprocessing makes of RGB 0, not a zero tensor.
        baseline: Vec<f32>,
        /// The points, in the order in which they are summed.
        nodes: Vec<PathNode>,
    },
    /// `image + sigma z`, with z normal, independent for every element and every sample: SmoothGrad
    /// (Smilkov et al. 2017, arXiv:1706.03825). What z is, [`random`](crate::random) says, under [`Purpose::Noise`].
    Noise {
        /// Standard deviation in units of the preprocessed image.
        sigma: f64,
        /// Seed of the noise.
        seed: u64,
        /// A number that belongs to the picture, so that it gets the same noise in any company.
        key: u64,
        /// Copies.
        samples: usize,
    },
}

/// Elements that one thread makes at a time: eight rows of an image, a multiple of the generator's four.
const PART: usize = IMAGE_LEN / 28;

impl Sampler {
    /// `steps` midpoints `(i + 1/2) / steps` of equal weight.
    pub fn midpoint_path(baseline: Vec<f32>, steps: usize) -> Sampler {
        let nodes = (0..steps).map(|i| PathNode { alpha: (i as f64 + 0.5) / steps as f64, weight: 1.0 }).collect();
        Sampler::Path { baseline, nodes }
    }

    /// The points of a quadrature.
    ///
    /// # Errors
    /// Those of [`Quadrature::nodes`].
    pub fn path(baseline: Vec<f32>, rule: Quadrature, steps: usize) -> Result<Sampler, EngineError> {
        Ok(Sampler::Path { baseline, nodes: rule.nodes(steps)? })
    }

    /// Number of samples, after checking that it can be sampled from.
    ///
    /// # Errors
    /// [`EngineError::Sampler`]: a baseline that is no image, weights that are negative or add up to nothing, a
    /// standard deviation that is negative or not finite, no sample or more than 2^32 - 1.
    pub fn check(&self) -> Result<usize, EngineError> {
        let refuse = |why: String| Err(EngineError::Sampler(why));
        match self {
            Sampler::Path { baseline, nodes } => {
                let sum = self.total_weight();
                if baseline.len() != IMAGE_LEN || baseline.iter().any(|v| !v.is_finite()) {
                    refuse(format!("a baseline is {IMAGE_LEN} finite floats, found {}", baseline.len()))
                } else if nodes.iter().any(|n| !(n.alpha.is_finite() && n.weight >= 0.0))
                    || !(sum.is_finite() && sum > 0.0)
                {
                    refuse(format!("the weights of {} path nodes must be positive, their sum is {sum}", nodes.len()))
                } else {
                    Ok(nodes.len())
                }
            }
            &Sampler::Noise { sigma, samples, .. } => {
                if !(sigma.is_finite() && sigma >= 0.0) {
                    refuse(format!(
                        "the standard deviation of the noise is {sigma}, it must be finite and not negative"
                    ))
                } else if samples == 0 || u32::try_from(samples).is_err() {
                    refuse(format!("{samples} noisy copies were asked for, there must be from 1 to {}", u32::MAX))
                } else {
                    Ok(samples)
                }
            }
        }
    }

    /// Weight of a sample in the mean.
    pub fn weight(&self, sample: usize) -> f64 {
        match self {
            Sampler::Path { nodes, .. } => nodes[sample].weight,
            Sampler::Noise { .. } => 1.0,
        }
    }

    /// Sum of all weights: an integral along a path is the mean times this.
    pub fn total_weight(&self) -> f64 {
        match self {
            Sampler::Path { nodes, .. } => nodes.iter().map(|n| n.weight).sum(),
            &Sampler::Noise { samples, .. } => samples as f64,
        }
    }

    /// Writes copies `first`, `first + 1`, ... of `image`, `[224, 224, 3]`, to `copies`, `[n, 224, 224, 3]`.
    pub fn write(&self, first: usize, image: &[f32], copies: &mut [f32]) {
        copies.par_chunks_mut(PART).enumerate().for_each(|(part, copy)| {
            let (sample, start) = (first + part * PART / IMAGE_LEN, part * PART % IMAGE_LEN);
            self.write_part(sample, start, &image[start..][..copy.len()], copy);
        });
    }

    /// Writes the elements of one copy from `start` on, a multiple of four.
    fn write_part(&self, sample: usize, start: usize, image: &[f32], copy: &mut [f32]) {
        // In double precision and rounded once, so that any engine can repeat it exactly.
        match self {
            Sampler::Path { baseline, nodes } => {
                let alpha = nodes[sample].alpha;
                for ((out, &x), &b) in copy.iter_mut().zip(image).zip(&baseline[start..]) {
                    *out = (f64::from(b) + alpha * (f64::from(x) - f64::from(b))) as f32;
                }
            }
            &Sampler::Noise { sigma, seed, key, .. } => {
                let random = Random::new(seed, key, Purpose::Noise);
                for (i, (out, x)) in copy.chunks_mut(4).zip(image.chunks(4)).enumerate() {
                    let words = random.words(sample as u32, (start / 4 + i) as u32);
                    for ((out, &x), bits) in out.iter_mut().zip(x).zip(words) {
                        *out = (f64::from(x) + sigma * normal(bits)) as f32;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(sigma: f64, samples: usize) -> Sampler {
        Sampler::Noise { sigma, seed: 9, key: 77, samples }
    }

    #[test]
    fn noise_is_what_the_generator_says_at_every_place() {
        let image: Vec<f32> = (0..IMAGE_LEN).map(|i| (i % 251) as f32 - 125.0).collect();
        let mut copies = vec![f32::NAN; 3 * IMAGE_LEN];
        noise(2.5, 10).write(4, &image, &mut copies);
        let random = Random::new(9, 77, Purpose::Noise);
        for (i, &found) in copies.iter().enumerate() {
            let (sample, at) = (4 + (i / IMAGE_LEN) as u32, i % IMAGE_LEN);
            assert_eq!(found, (f64::from(image[at]) + 2.5 * random.normal(sample, at)) as f32, "{i}");
        }
        let mut one = vec![f32::NAN; IMAGE_LEN];
        noise(2.5, 10).write(5, &image, &mut one);
        assert_eq!(one, copies[IMAGE_LEN..2 * IMAGE_LEN], "alone and in company");
        noise(0.0, 10).write(5, &image, &mut one);
        assert_eq!(one, image);
    }

    #[test]
    fn samplers_that_are_none() {
        for bad in [noise(-1.0, 1), noise(f64::NAN, 1), noise(f64::INFINITY, 1), noise(1.0, 0), noise(1.0, 1 << 32)] {
            assert!(matches!(bad.check(), Err(EngineError::Sampler(_))), "{bad:?}");
        }
        assert_eq!(noise(0.0, 3).check(), Ok(3));
        let node = |alpha, weight| PathNode { alpha, weight };
        for nodes in [vec![], vec![node(0.5, 0.0)], vec![node(0.5, -1.0), node(0.6, 3.0)], vec![node(f64::NAN, 1.0)]] {
            let bad = Sampler::Path { baseline: vec![0.0; IMAGE_LEN], nodes };
            assert!(matches!(bad.check(), Err(EngineError::Sampler(_))));
        }
    }
}
