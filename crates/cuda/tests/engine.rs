//! The engine on the stand-in driver, with synthetic weights: against the oracle, and against itself.

use std::sync::LazyLock;

use backlit_cuda::{Cuda, CudaOptions};
use backlit_cuda_emu::install;
use backlit_net::engine::Precision;
use backlit_net::weights::{Naming, Weights};
use backlit_net::{CLASSES, Engine, IMAGE_LEN, Images, Rule, Seeds, Variant};
use backlit_reference::Reference;
use backlit_testkit::compare::relative_l2;
use backlit_testkit::random::{Random, to_f32, to_f64};
use backlit_testkit::synthetic::weights_bytes;

static V1: LazyLock<Weights> = LazyLock::new(|| synthetic(Variant::V1));
static V1_5: LazyLock<Weights> = LazyLock::new(|| synthetic(Variant::V1_5));

fn synthetic(variant: Variant) -> Weights {
    Weights::from_bytes(weights_bytes(variant, Naming::Torchvision, 7), "synthetic").expect("synthetic weights")
}

fn engine(weights: &Weights, precision: Precision) -> Cuda {
    install();
    Cuda::new(weights, CudaOptions { precision, ..CudaOptions::default() }).expect("an engine")
}

/// Images of the size that preprocessing yields: about 100 for caffe, about 1 for torch.
fn images(weights: &Weights, n: usize) -> Vec<f32> {
    let scale = if weights.variant() == Variant::V1 { 120.0 } else { 2.0 };
    to_f32(&Random::new(11).values(n * IMAGE_LEN, scale))
}

fn seeds(n: usize) -> Vec<f32> {
    to_f32(&Random::new(12).values(n * CLASSES, 1.0))
}

#[test]
fn gradients_agree_with_the_oracle() {
    for weights in [&*V1, &*V1_5] {
        let (data, rows) = (images(weights, 1), seeds(1));
        let (images, seeds) = (Images::new(&data).expect("images"), Seeds::Rows { data: &rows, per_image: 1 });
        let expected = Reference::<f64>::new(weights).gradient(images, seeds, Rule::Plain).expect("the oracle");
        for (precision, logits, gradient) in
            [(Precision::F32, 2e-6, 1e-2), (Precision::Mixed, 2e-6, 1e-2), (Precision::Half, 1e-2, 5e-1)]
        {
            let found = engine(weights, precision).gradient(images, seeds, Rule::Plain).expect("a gradient");
            let what = format!("{} {}", weights.variant(), precision.as_str());
            let error = relative_l2(&to_f64(&found.logits), &to_f64(&expected.logits));
            println!("{what}: logits {error:.1e}");
            assert!(error <= logits, "{what}: logits {error}");
            let error = relative_l2(&to_f64(&found.gradient), &to_f64(&expected.gradient));
            println!("{what}: gradient {error:.1e}");
            assert!(error <= gradient, "{what}: gradient {error}");
        }
    }
}
