//! What methods of many copies cost besides the engine: a copy's share of the time that a method spends outside of it,
//! against one gradient of the engine in batches of eight, in the same process.
//!
//! The method runs on an engine that answers at once with a gradient it has at hand, so that its own work is all that
//! is timed.
#![forbid(unsafe_code)]

use std::time::Instant;

use backlit_bench::network::{Ask, Question, Workload};
use backlit_bench::{Subject as _, check};
use backlit_cpu::isa::Level;
use backlit_cpu::{Cpu, CpuOptions};
use backlit_net::arch::Network;
use backlit_net::engine::{EngineInfo, Features, Gradients, Logits, TapGradients};
use backlit_net::preprocess::Preprocessing;
use backlit_net::{CLASSES, Engine, EngineError, IMAGE_LEN, Images, Rule, Seeds, Tap, Variant};
use backlit_saliency::methods::{BlurIg, ExpectedGradients, GuidedIg, IntegratedGradients, SmoothGrad};
use backlit_saliency::{Objective, Recipe, Run, Subject, explain};
use backlit_testkit::random::Random;

const COPIES: usize = 64;

/// Answers at once.
struct Idle<'a> {
    engine: &'a dyn Engine,
    gradient: Vec<f32>,
}

impl Engine for Idle<'_> {
    fn info(&self) -> EngineInfo {
        self.engine.info()
    }

    fn network(&self) -> &'static Network {
        Network::of(Variant::V1)
    }

    fn predict(&self, images: Images<'_>) -> Result<Logits, EngineError> {
        Ok(Logits { data: vec![0.0; images.len() * CLASSES] })
    }

    fn gradient(&self, images: Images<'_>, seeds: Seeds<'_>, _rule: Rule) -> Result<Gradients, EngineError> {
        let (n, seeds_per_image) = (images.len(), seeds.per_image());
        let gradient = self.gradient.repeat(n * seeds_per_image);
        Ok(Gradients { logits: vec![0.0; n * CLASSES], gradient, seeds_per_image })
    }

    fn features(&self, _images: Images<'_>) -> Result<Features, EngineError> {
        Err(EngineError::Stopped)
    }

    fn gradient_at(&self, _: Images<'_>, _: Seeds<'_>, _: Rule, _: Tap) -> Result<TapGradients, EngineError> {
        Err(EngineError::Stopped)
    }
}

/// Seconds that `f` takes, the least of some runs.
fn least(runs: usize, mut f: impl FnMut()) -> f64 {
    let one = |_| {
        let start = Instant::now();
        f();
        start.elapsed().as_secs_f64()
    };
    (0..runs).map(one).fold(f64::INFINITY, f64::min)
}

fn main() {
    let work = Workload::synthetic(1);
    let options = CpuOptions { threads: None, level: Some(Level::best()), ..CpuOptions::default() };
    let engine = Cpu::new(work.weights(), options).expect("an available level");
    let mut question = Question::new(&work, &engine, Ask::Gradient, 8);
    check(&mut question).unwrap_or_else(|problem| panic!("{problem}"));
    let gradient = least(5, || question.run().expect("gradients")) / 8.0;
    println!("one gradient of the engine, in batches of 8: {:.1} ms", 1e3 * gradient);

    let rgb: Vec<u8> = (0..IMAGE_LEN).map(|i| (Random::new(1).bits(i) >> 56) as u8).collect();
    let mut tensor = vec![0.0; IMAGE_LEN];
    Preprocessing::Caffe.apply(&rgb, &mut tensor);
    let subject = Subject { rgb: &rgb, tensor: &tensor, preprocessing: Preprocessing::Caffe };
    let values = Random::new(2).values(IMAGE_LEN, 1.0);
    let idle = Idle { engine: &engine, gradient: values.iter().map(|&v| v as f32).collect() };
    let recipes = [
        Recipe::SmoothGrad(SmoothGrad { samples: COPIES, ..SmoothGrad::default() }),
        Recipe::IntegratedGradients(IntegratedGradients { steps: COPIES, ..IntegratedGradients::default() }),
        Recipe::ExpectedGradients(ExpectedGradients { samples: COPIES, ..ExpectedGradients::default() }),
        Recipe::BlurIg(BlurIg { steps: COPIES, ..BlurIg::default() }),
        Recipe::GuidedIg(GuidedIg { steps: COPIES, ..GuidedIg::default() }),
    ];
    for recipe in recipes {
        let seconds = least(5, || {
            let found =
                explain(&idle, &[subject], &[Objective::default()], std::slice::from_ref(&recipe), &Run::default());
            assert!(found.is_ok_and(|mut found| found.remove(0).is_ok()));
        }) / COPIES as f64;
        println!(
            "{:20} {:6.2} ms a copy, {:4.1} % of a gradient",
            recipe.method(),
            1e3 * seconds,
            100.0 * seconds / gradient
        );
    }
}
