//! The whole network: weights, pictures, seeds, and what the oracle makes of them.

use std::sync::OnceLock;

use backlit_net::arch::Network;
use backlit_net::engine::{Gradients, Precision};
use backlit_net::preprocess::Preprocessing;
use backlit_net::weights::{Naming, Weights};
use backlit_net::{CLASSES, Engine, EngineError, IMAGE_LEN, Images, Rule, Seeds, Variant};
use backlit_reference::Reference;
use backlit_testkit::compare::relative_l2;
use backlit_testkit::random::{Random, to_f32, to_f64};
use backlit_testkit::synthetic::weights_bytes;
use rayon::prelude::*;

use crate::{BenchError, Subject};

/// Weights, and a few pictures with a seed each, which come again in larger batches.
pub struct Workload {
    weights: Weights,
    images: Vec<f32>,
    /// One class score an image.
    seeds: Vec<f32>,
    /// By image, in double precision, each computed when first needed: the oracle is slow.
    expected: Vec<OnceLock<Result<Gradients, EngineError>>>,
}

impl Workload {
    /// `distinct` random pictures of the range that the preprocessing of the weights yields.
    pub fn new(weights: Weights, distinct: usize) -> Workload {
        let scale = match weights.preprocessing() {
            Preprocessing::Caffe => 120.0,
            _ => 2.0,
        };
        let mut seeds = vec![0.0; distinct * CLASSES];
        for (image, row) in seeds.chunks_exact_mut(CLASSES).enumerate() {
            row[(281 + 97 * image) % CLASSES] = 1.0;
        }
        Workload {
            weights,
            images: to_f32(&Random::new(11).values(distinct * IMAGE_LEN, scale)),
            seeds,
            expected: (0..distinct).map(|_| OnceLock::new()).collect(),
        }
    }

    /// The same with random weights of v1 at full size: nothing has to be fetched.
    ///
    /// # Panics
    /// If the synthetic weights are no valid file.
    pub fn synthetic(distinct: usize) -> Workload {
        let bytes = weights_bytes(Variant::V1, Naming::Torchvision, 7);
        Workload::new(Weights::from_bytes(bytes, "synthetic").expect("synthetic weights are a valid file"), distinct)
    }

    /// The weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The table of the network.
    pub fn network(&self) -> &'static Network {
        self.weights.network()
    }

    /// `n` images and as many seeds, the same few again and again.
    pub fn batch(&self, n: usize) -> (Vec<f32>, Vec<f32>) {
        let again = |data: &[f32], len: usize| data.iter().copied().cycle().take(n * len).collect();
        (again(&self.images, IMAGE_LEN), again(&self.seeds, CLASSES))
    }

    /// What is right for image `image` of a batch.
    fn expected(&self, image: usize) -> Result<&Gradients, BenchError> {
        let i = image % self.expected.len();
        let ask = || {
            let oracle = Reference::<f64>::new(&self.weights);
            let seeds = Seeds::Rows { data: &self.seeds[i * CLASSES..][..CLASSES], per_image: 1 };
            oracle.gradient(Images::new(&self.images[i * IMAGE_LEN..][..IMAGE_LEN])?, seeds, Rule::Plain)
        };
        let answer = self.expected[i].get_or_init(ask).as_ref();
        answer.map_err(|source| BenchError::Engine { what: "the reference".into(), source: source.clone() })
    }

    /// Asks the oracle about the first `n` images, all at a time.
    fn ask_oracle(&self, n: usize) -> Result<(), BenchError> {
        (0..n.min(self.expected.len())).into_par_iter().try_for_each(|i| self.expected(i).map(|_| ()))
    }
}

/// What is asked of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Logits.
    Forward,
    /// Logits and the gradient of one class score an image with respect to its pixels.
    Gradient,
}

impl Ask {
    /// `forward` or `gradient`.
    pub fn as_str(self) -> &'static str {
        match self {
            Ask::Forward => "forward",
            Ask::Gradient => "gradient",
        }
    }

    /// Nominal floating-point operations of one image: two for every multiply-add of the table, and the gradient
    /// takes as many again.
    pub fn flops(self, network: &Network) -> u64 {
        match self {
            Ask::Forward => 2 * network.macs(),
            Ask::Gradient => 4 * network.macs(),
        }
    }
}

/// Largest relative L2 errors that may have a speed, of logits and of gradients.
///
/// In a gradient, ReLU gates that flip cost more than rounding does; zeros have an error of 1 and never pass.
pub fn tolerances(precision: Precision) -> (f64, f64) {
    match precision {
        // Single precision stands at both ends.
        Precision::F64 => (1e-6, 1e-6),
        Precision::F32 => (1e-4, 1e-2),
        Precision::Mixed => (1e-4, 4e-2),
        _ => (3e-2, 0.6),
    }
}

/// A question put to an engine about a batch, and the answer that it last gave.
pub struct Question<'a> {
    work: &'a Workload,
    engine: &'a dyn Engine,
    ask: Ask,
    images: Vec<f32>,
    seeds: Vec<f32>,
    answer: Option<Gradients>,
}

impl<'a> Question<'a> {
    /// About `batch` images, at least one.
    pub fn new(work: &'a Workload, engine: &'a dyn Engine, ask: Ask, batch: usize) -> Question<'a> {
        let (images, seeds) = work.batch(batch);
        Question { work, engine, ask, images, seeds, answer: None }
    }

    fn ask(&self) -> Result<Gradients, EngineError> {
        let images = Images::new(&self.images)?;
        match self.ask {
            Ask::Gradient => self.engine.gradient(images, Seeds::Rows { data: &self.seeds, per_image: 1 }, Rule::Plain),
            Ask::Forward => {
                let logits = self.engine.predict(images)?.data;
                Ok(Gradients { logits, gradient: Vec::new(), seeds_per_image: 1 })
            }
        }
    }
}

impl Subject for Question<'_> {
    fn name(&self) -> String {
        let info = self.engine.info();
        let what = match self.ask {
            Ask::Forward => "logits",
            Ask::Gradient => "gradient",
        };
        let (engine, precision, batch) = (info.name, info.precision.as_str(), self.images.len() / IMAGE_LEN);
        format!("the {what} of the {engine} engine ({}, {precision}, batch {batch})", info.isa)
    }

    fn tolerance(&self) -> f64 {
        let (logits, gradient) = tolerances(self.engine.info().precision);
        match self.ask {
            Ask::Forward => logits,
            Ask::Gradient => gradient,
        }
    }

    fn run(&mut self) -> Result<(), BenchError> {
        let answer = self.ask().map_err(|source| BenchError::Engine { what: self.name(), source })?;
        self.answer = Some(answer);
        Ok(())
    }

    /// The worst image's. Of a gradient its logits must be right too.
    fn error(&self) -> Result<f64, BenchError> {
        let Some(answer) = &self.answer else { return Ok(f64::NAN) };
        let n = self.images.len() / IMAGE_LEN;
        self.work.ask_oracle(n)?;
        let gradients = if self.ask == Ask::Gradient { n } else { 0 };
        let lengths = (answer.logits.len(), answer.gradient.len());
        if lengths != (n * CLASSES, gradients * IMAGE_LEN) {
            return Ok(f64::INFINITY);
        }
        let logits = |i| Ok(off(answer.logits_of(i), self.work.expected(i)?.logits_of(0)));
        let logits = worst((0..n).map(logits))?;
        if self.ask == Ask::Forward {
            return Ok(logits);
        }
        let (tolerance, _) = tolerances(self.engine.info().precision);
        match logits <= tolerance {
            true => worst((0..n).map(|i| Ok(off(answer.of(i, 0), self.work.expected(i)?.of(0, 0))))),
            false => {
                let what = format!("{}, its logits,", self.name());
                Err(BenchError::Wrong { what, error: logits, tolerance })
            }
        }
    }
}

/// Relative L2 error; NaN against zeros, with which nothing can be shown.
fn off(found: &[f32], expected: &[f32]) -> f64 {
    match expected.iter().any(|&v| v != 0.0) {
        true => relative_l2(&to_f64(found), &to_f64(expected)),
        false => f64::NAN,
    }
}

/// The largest; a NaN beats everything.
pub(crate) fn worst(mut errors: impl Iterator<Item = Result<f64, BenchError>>) -> Result<f64, BenchError> {
    // `f64::max` would lose a NaN, and so would this if a NaN were compared with what comes after it.
    let larger = |worst: f64, error: f64| if worst.is_nan() || error <= worst { worst } else { error };
    errors.try_fold(0.0, |worst, error| Ok(larger(worst, error?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stopwatch::Effort;
    use crate::{Measured, measure};
    use backlit_cpu::{Cpu, CpuOptions};
    use backlit_net::Tap;
    use backlit_net::engine::{EngineInfo, Features, Logits, TapGradients};

    type Spoil = fn(&mut Gradients);

    /// An engine whose answers are tampered with.
    struct Broken<'a> {
        engine: &'a Cpu,
        spoil: Spoil,
    }

    impl Engine for Broken<'_> {
        fn info(&self) -> EngineInfo {
            EngineInfo { name: "broken", ..self.engine.info() }
        }
        fn network(&self) -> &'static Network {
            self.engine.network()
        }
        fn predict(&self, images: Images<'_>) -> Result<Logits, EngineError> {
            let data = self.engine.predict(images)?.data;
            let mut found = Gradients { logits: data, gradient: Vec::new(), seeds_per_image: 1 };
            (self.spoil)(&mut found);
            Ok(Logits { data: found.logits })
        }
        fn gradient(&self, images: Images<'_>, seeds: Seeds<'_>, rule: Rule) -> Result<Gradients, EngineError> {
            let mut found = self.engine.gradient(images, seeds, rule)?;
            (self.spoil)(&mut found);
            Ok(found)
        }
        fn features(&self, _: Images<'_>) -> Result<Features, EngineError> {
            Err(EngineError::Stopped)
        }
        fn gradient_at(&self, _: Images<'_>, _: Seeds<'_>, _: Rule, _: Tap) -> Result<TapGradients, EngineError> {
            Err(EngineError::Stopped)
        }
    }

    #[test]
    fn only_a_right_answer_has_a_speed() {
        let work = Workload::synthetic(1);
        let engine = Cpu::new(work.weights(), CpuOptions::default()).expect("an engine");
        let measured = |ask, spoil: Spoil| -> Result<Measured, BenchError> {
            measure(&mut Question::new(&work, &Broken { engine: &engine, spoil }, ask, 2), Effort::QUICK)
        };
        for ask in [Ask::Forward, Ask::Gradient] {
            let right = measured(ask, |_| ()).expect("nothing is wrong");
            assert!(right.error() > 0.0 && right.error() <= right.tolerance(), "{right:?}");
            let wrong: [Spoil; 5] = [
                |found| found.logits[1999] += 1e3,
                |found| found.logits[1999] = f32::NAN,
                |found| found.logits.fill(0.0),
                |found| found.logits.truncate(CLASSES),
                |found| found.logits.rotate_left(1),
            ];
            for spoil in wrong {
                let found = measured(ask, spoil);
                assert!(matches!(found, Err(BenchError::Wrong { .. })), "{found:?}");
            }
        }
        let wrong: [Spoil; 5] = [
            |found| found.gradient.fill(0.0),
            |found| *found.gradient.last_mut().expect("a pixel") = f32::NAN,
            |found| found.gradient.iter_mut().for_each(|g| *g *= 1.02),
            |found| found.gradient[IMAGE_LEN..].reverse(),
            |found| found.gradient.clear(),
        ];
        for spoil in wrong {
            let found = measured(Ask::Gradient, spoil);
            let message = found.expect_err("a wrong gradient").to_string();
            assert!(message.contains("broken") && message.contains("gets no speed"), "{message}");
        }
    }

    #[test]
    fn zeros_pass_at_no_precision() {
        for precision in [Precision::F64, Precision::F32, Precision::Mixed, Precision::Half] {
            let (logits, gradient) = tolerances(precision);
            assert!(logits < 1.0 && gradient < 1.0);
        }
    }
}
