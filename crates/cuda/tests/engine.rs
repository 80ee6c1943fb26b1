//! The engine on the stand-in driver at full size, with synthetic weights: against the CPU engine, and its moments
//! against those that the contract's default takes. All else is tried on a small network, in the crate itself.

use backlit_cpu::{Cpu, CpuOptions};
use backlit_cuda::{Cuda, CudaError, CudaOptions};
use backlit_cuda_emu::install;
use backlit_net::arch::Network;
use backlit_net::engine::{
    Ask, EngineInfo, Features, Gradients, Logits, Moments, Pace, PathNode, Precision, Sampler, TapGradients,
};
use backlit_net::weights::{Naming, Weights};
use backlit_net::{CLASSES, Engine, EngineError, IMAGE_LEN, Images, Rule, Seeds, Tap, Variant};
use backlit_testkit::compare::{assert_same, relative_l2};
use backlit_testkit::random::{Random, to_f32, to_f64};
use backlit_testkit::synthetic::weights_bytes;

fn synthetic(variant: Variant) -> Weights {
    Weights::from_bytes(weights_bytes(variant, Naming::Torchvision, 7), "synthetic").expect("synthetic weights")
}

fn engine(weights: &Weights, precision: Precision) -> Cuda {
    install();
    Cuda::new(weights, CudaOptions { precision, ..CudaOptions::default() }).expect("an engine")
}

/// An image of the size that preprocessing yields: about 100 for caffe, about 1 for torch.
fn image(weights: &Weights) -> Vec<f32> {
    let scale = if weights.variant() == Variant::V1 { 120.0 } else { 2.0 };
    to_f32(&Random::new(11).values(IMAGE_LEN, scale))
}

fn assert_near(what: &str, found: &[f32], expected: &[f32], tolerance: f64) {
    let error = relative_l2(&to_f64(found), &to_f64(expected));
    println!("{what}: {error:.1e}");
    assert!(error <= tolerance, "{what}: {error}");
}

#[test]
fn two_engines_agree() {
    for variant in [Variant::V1, Variant::V1_5] {
        let weights = synthetic(variant);
        let (cpu, cuda) =
            (Cpu::new(&weights, CpuOptions::default()).expect("the CPU"), engine(&weights, Precision::F32));
        let pixels = image(&weights);
        let images = Images::new(&pixels).expect("an image");
        // A class of its own choice, from the logits.
        let write = |_: usize, logits: &[f32], rows: &mut [f32]| {
            rows[(0..CLASSES).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap_or(0)] = 1.0;
        };
        let ask = Ask {
            seeds: Seeds::FromLogits { per_image: 1, write: &write },
            input: &[Rule::Plain],
            taps: if variant == Variant::V1 { &[Tap::LAST, Tap::Block(2)] } else { &[] },
            features: variant == Variant::V1,
        };
        let (found, expected) = (cuda.ask(images, &ask).expect("cuda"), cpu.ask(images, &ask).expect("cpu"));
        assert_near("logits", &found.logits, &expected.logits, 2e-6);
        // A gate that flips within rounding costs more than rounding does.
        assert_near("gradient", &found.input[0], &expected.input[0], 1e-2);
        assert_eq!(found.taps.len(), expected.taps.len());
        for (found, expected) in found.taps.iter().zip(&expected.taps) {
            assert_eq!((found.side, found.channels), (expected.side, expected.channels));
            assert_near("activation", &found.activation, &expected.activation, 1e-5);
            assert_near("gradient at a block", &found.gradient, &expected.gradient, 1e-2);
        }
        if let (Some(found), Some(expected)) = (&found.features, &expected.features) {
            assert_near("features", found, expected, 1e-5);
        }
        assert_eq!(cuda.head().expect("the head"), cpu.head().expect("the head"));
        assert_eq!(cuda.info().name, "cuda");
    }
}

/// An engine that takes moments as the contract's default does.
struct ByBatches<'a>(&'a Cuda);

impl Engine for ByBatches<'_> {
    fn info(&self) -> EngineInfo {
        self.0.info()
    }

    fn network(&self) -> &'static Network {
        self.0.network()
    }

    fn predict(&self, images: Images<'_>) -> Result<Logits, EngineError> {
        self.0.predict(images)
    }

    fn gradient(&self, images: Images<'_>, seeds: Seeds<'_>, rule: Rule) -> Result<Gradients, EngineError> {
        self.0.gradient(images, seeds, rule)
    }

    fn features(&self, images: Images<'_>) -> Result<Features, EngineError> {
        self.0.features(images)
    }

    fn gradient_at(
        &self,
        images: Images<'_>,
        seeds: Seeds<'_>,
        rule: Rule,
        tap: Tap,
    ) -> Result<TapGradients, EngineError> {
        self.0.gradient_at(images, seeds, rule, tap)
    }
}

#[test]
fn moments_are_those_of_the_contract_bit_for_bit() {
    let weights = synthetic(Variant::V1);
    let cuda = engine(&weights, Precision::Half);
    let pixels = image(&weights);
    let image = Images::new(&pixels).expect("an image");
    let mut rows = vec![0.0; CLASSES];
    rows[3] = 1.0;
    let seeds = Seeds::Rows { data: &rows, per_image: 1 };
    let baseline = vec![-100.0; IMAGE_LEN];
    let nodes = [(0.25, 0.5), (0.75, 1.5)].map(|(alpha, weight)| PathNode { alpha, weight }).to_vec();
    for sampler in [
        Sampler::Noise { sigma: 20.0, seed: 5, key: 77, samples: 2 },
        Sampler::Path { baseline: baseline.clone(), nodes: nodes.clone() },
    ] {
        let mut told = Vec::new();
        let mut watch = |done| {
            told.push(done);
            true
        };
        let mut pace = Pace { batch: 1, watch: Some(&mut watch) };
        let found: Moments = cuda.gradient_moments(image, &sampler, seeds, Rule::Plain, &mut pace).expect("moments");
        assert_eq!(told, [1, 2]);
        let default = ByBatches(&cuda);
        let expected =
            default.gradient_moments(image, &sampler, seeds, Rule::Plain, &mut Pace::default()).expect("moments");
        assert_same("logits", &found.logits, &expected.logits);
        assert_same("mean", &found.mean, &expected.mean);
        assert_same("mean size", &found.mean_absolute, &expected.mean_absolute);
        assert_same("mean square", &found.mean_square, &expected.mean_square);
        assert_same("variance", &found.variance, &expected.variance);
        assert_eq!(found.samples, 2);
    }
    let mut stop = |_| false;
    let mut pace = Pace { batch: 1, watch: Some(&mut stop) };
    let noise = Sampler::Noise { sigma: 1.0, seed: 1, key: 1, samples: 100 };
    let stopped = cuda.gradient_moments(image, &noise, seeds, Rule::Plain, &mut pace);
    assert_eq!(stopped, Err(EngineError::Stopped));
}

#[test]
fn options_that_make_no_sense_are_refused() {
    install();
    let weights = synthetic(Variant::V1);
    let good = CudaOptions::default();
    for (options, says) in [
        (CudaOptions { devices: vec![], ..good.clone() }, "at least one"),
        (CudaOptions { devices: vec![0, 0], ..good.clone() }, "twice"),
        (CudaOptions { batch: 0, ..good.clone() }, "at least 1"),
        (CudaOptions { precision: Precision::F64, ..good.clone() }, "f32, mixed or half"),
        (CudaOptions { devices: vec![9], ..good.clone() }, "there is no GPU 9"),
    ] {
        match Cuda::new(&weights, options) {
            Err(CudaError::Options { problem }) => assert!(problem.contains(says), "{problem}"),
            Err(other) => assert!(other.to_string().contains(says), "{other}"),
            Ok(_) => panic!("expected an error that says {says:?}"),
        }
    }
}
