//! The whole gradient path on synthetic weights, and its check.

use std::sync::OnceLock;

use backlit_cpu::isa::Level;
use backlit_cpu::{Cpu, CpuOptions};
use backlit_net::arch::Network;
use backlit_net::engine::Gradients;
use backlit_net::weights::{Naming, Weights};
use backlit_net::{CLASSES, Engine, IMAGE_LEN, Images, Rule, Seeds, Variant};
use backlit_reference::Reference;
use backlit_testkit::compare::relative_l2;
use backlit_testkit::random::{Random, to_f32, to_f64};
use backlit_testkit::synthetic::weights_bytes;
use rayon::prelude::*;

/// Images that go through together.
pub const BATCHES: [usize; 2] = [1, MOST];
const MOST: usize = 8;

/// Largest relative L2 error of logits that may have a speed.
pub const LOGITS_TOLERANCE: f64 = 1e-4;
/// Largest relative L2 error of a gradient that may have a speed; flipped gates cost more than rounding.
pub const GRADIENT_TOLERANCE: f64 = 1e-2;

/// Weights, images, seeds, and what the oracle says about them.
pub struct Workload {
    weights: Weights,
    images: Vec<f32>,
    /// One class score an image.
    seeds: Vec<f32>,
    /// By image, in double precision, each computed when first needed.
    expected: [OnceLock<Gradients>; MOST],
}

impl Default for Workload {
    fn default() -> Workload {
        Workload::new()
    }
}

impl Workload {
    /// Random weights of v1 at full size, random images of the size that its preprocessing yields.
    ///
    /// # Panics
    /// If the synthetic weights are no valid file.
    pub fn new() -> Workload {
        let bytes = weights_bytes(Variant::V1, Naming::Torchvision, 7);
        let mut seeds = vec![0.0; MOST * CLASSES];
        for (image, row) in seeds.chunks_exact_mut(CLASSES).enumerate() {
            row[(281 + 97 * image) % CLASSES] = 1.0;
        }
        Workload {
            weights: Weights::from_bytes(bytes, "synthetic").expect("synthetic weights"),
            images: to_f32(&Random::new(11).values(MOST * IMAGE_LEN, 120.0)),
            seeds,
            expected: std::array::from_fn(|_| OnceLock::new()),
        }
    }

    /// The table of the network.
    pub fn network(&self) -> &'static Network {
        self.weights.network()
    }

    /// The weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// `n` images and as many seeds, the same few again and again.
    pub fn repeated(&self, n: usize) -> (Vec<f32>, Vec<f32>) {
        let repeat = |data: &[f32], len: usize| data.iter().copied().cycle().take(n * len).collect();
        (repeat(&self.images, IMAGE_LEN), repeat(&self.seeds, CLASSES))
    }

    /// The relative L2 error of what `gradient` makes of the first image and its seed.
    pub fn first_gradient_error(&self, gradient: impl FnOnce(Images<'_>, &[f32]) -> Vec<f32>) -> f64 {
        self.ask_oracle(1);
        let found = gradient(self.images(1), &self.seeds[..CLASSES]);
        relative_l2(&to_f64(&found), &to_f64(self.answer(0).of(0, 0)))
    }

    /// An engine for the rayon pool of the process.
    ///
    /// # Panics
    /// If the processor lacks the instruction set.
    pub fn engine(&self, level: Level) -> Cpu {
        Cpu::new(&self.weights, CpuOptions { threads: None, level: Some(level), ..CpuOptions::default() })
            .expect("an available level")
    }

    /// The first `n` images.
    pub fn images(&self, n: usize) -> Images<'_> {
        Images::new(&self.images[..n * IMAGE_LEN]).expect("whole images of finite numbers")
    }

    /// Logits of the first `n` images.
    pub fn predict(&self, engine: &Cpu, n: usize) -> Vec<f32> {
        engine.predict(self.images(n)).expect("logits").data
    }

    /// Logits and gradients of the first `n` images, one seed an image.
    pub fn gradient(&self, engine: &Cpu, n: usize) -> Gradients {
        let seeds = Seeds::Rows { data: &self.seeds[..n * CLASSES], per_image: 1 };
        engine.gradient(self.images(n), seeds, Rule::Plain).expect("gradients")
    }

    /// Checks the logits of `n` images; returns the largest relative error.
    ///
    /// # Panics
    /// If it exceeds [`LOGITS_TOLERANCE`].
    pub fn check_predict(&self, engine: &Cpu, n: usize) -> f64 {
        self.check_logits(engine, &self.predict(engine, n))
    }

    /// Checks the gradients (and logits) of `n` images; returns the largest relative error of a gradient.
    ///
    /// # Panics
    /// If it exceeds [`GRADIENT_TOLERANCE`].
    pub fn check_gradient(&self, engine: &Cpu, n: usize) -> f64 {
        let found = self.gradient(engine, n);
        self.check_logits(engine, &found.logits);
        let pairs = (0..n).map(|i| (found.of(i, 0), self.answer(i).of(0, 0)));
        worst(&format!("{} gradient", engine.info().isa), pairs, GRADIENT_TOLERANCE)
    }

    fn check_logits(&self, engine: &Cpu, found: &[f32]) -> f64 {
        let n = found.len() / CLASSES;
        self.ask_oracle(n);
        let pairs = found.chunks_exact(CLASSES).enumerate().map(|(i, row)| (row, self.answer(i).logits_of(0)));
        worst(&format!("{} logits", engine.info().isa), pairs, LOGITS_TOLERANCE)
    }

    fn answer(&self, image: usize) -> &Gradients {
        self.expected[image].get().expect("the oracle was asked")
    }

    /// The oracle is slow: it is asked once an image, all images at a time.
    fn ask_oracle(&self, n: usize) {
        if self.expected[..n].iter().all(|e| e.get().is_some()) {
            return;
        }
        let oracle = Reference::<f64>::new(&self.weights);
        (0..n).into_par_iter().for_each(|i| {
            self.expected[i].get_or_init(|| {
                let seeds = Seeds::Rows { data: &self.seeds[i * CLASSES..][..CLASSES], per_image: 1 };
                oracle.gradient(self.images(n).get(i), seeds, Rule::Plain).expect("the oracle's gradient")
            });
        });
    }
}

fn worst<'a>(what: &str, pairs: impl Iterator<Item = (&'a [f32], &'a [f32])>, tolerance: f64) -> f64 {
    let mut worst = 0f64;
    for (image, (found, expected)) in pairs.enumerate() {
        let error = relative_l2(&to_f64(found), &to_f64(expected));
        assert!(error <= tolerance, "{what} of image {image}: relative error {error:e}, tolerance {tolerance:e}");
        worst = worst.max(error);
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_result_gets_no_speed() {
        let right = [3.0f32, 4.0];
        let check = |found: [f32; 2]| {
            let check = || worst("test", [(right.as_slice(), right.as_slice()), (&found, &right)].into_iter(), 0.01);
            std::panic::catch_unwind(check).ok()
        };
        assert!(check([3.0, 4.025]).is_some_and(|e| (e - 0.005).abs() < 1e-6));
        assert_eq!(check([3.0, 4.1]), None);
        assert_eq!(check([0.0, 0.0]), None);
        assert_eq!(check([3.0, f32::NAN]), None);
    }
}
