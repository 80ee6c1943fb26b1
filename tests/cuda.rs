//! The CUDA engine on the stand-in driver with the published weights: how far its gradients are from those of a
//! float64 network.

use std::sync::LazyLock;
use std::time::Instant;

use backlit_cuda::{Cuda, CudaOptions};
use backlit_net::engine::Precision;
use backlit_net::weights::Weights;
use backlit_net::{Engine, Images, Rule, Seeds};
use backlit_saliency::{MapOptions, saliency_map};
use backlit_testkit::compare::{correlation, median, relative_l2};
use backlit_testkit::golden::{Golden, one_hot};
use backlit_testkit::random::to_f64;

static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| {
    let path = backlit::sources::ensure(&backlit::sources::Source::Npm, &mut |_| ()).expect("the published weights");
    Weights::open(&path).expect("the published weights")
});

/// What a precision promises: error of the logits, and of the gradient in the middle and at worst, and likeness of maps.
struct Promise {
    precision: Precision,
    logits: f64,
    middle: f64,
    worst: f64,
    maps: f64,
}

const PROMISES: [Promise; 3] = [
    Promise { precision: Precision::F32, logits: 2e-6, middle: 2e-3, worst: 5e-3, maps: 0.9999 },
    Promise { precision: Precision::Mixed, logits: 2e-6, middle: 5e-3, worst: 1.5e-2, maps: 0.9998 },
    Promise { precision: Precision::Half, logits: 5e-3, middle: 3e-1, worst: 3e-1, maps: 0.95 },
];

#[test]
fn gradients_of_photographs_keep_what_each_precision_promises() {
    backlit_cuda_emu::install();
    for promise in PROMISES {
        let what = promise.precision.as_str();
        let begun = Instant::now();
        let options = CudaOptions { precision: promise.precision, ..CudaOptions::default() };
        let engine = Cuda::new(&WEIGHTS, options).expect("an engine");
        println!("{what}: loaded in {:.1?}", begun.elapsed());
        let mut errors = Vec::new();
        for (name, golden) in Golden::all() {
            let input = golden.input();
            let images = Images::new(&input).expect("an image");
            let seed = one_hot(golden.targets()[0]);
            let begun = Instant::now();
            let seeds = Seeds::Rows { data: &seed, per_image: 1 };
            let found = engine.gradient(images, seeds, Rule::Plain).expect("a gradient");
            let logits = relative_l2(&to_f64(&found.logits), &golden.values("logits"));
            let gradient = relative_l2(&to_f64(&found.gradient), &golden.values("grad_top1"));
            let map = saliency_map(&found.gradient, &MapOptions::default()).expect("a map");
            let similar = correlation(&to_f64(&map.map.values), &golden.values("smooth_sigma5"));
            println!(
                "{what} {name}: logits {logits:.1e}, gradient {gradient:.1e}, maps {similar:.6}, {:.1?}",
                begun.elapsed()
            );
            assert!(logits <= promise.logits, "{what} {name}: logits {logits}");
            assert!(gradient <= promise.worst, "{what} {name}: gradient {gradient}");
            assert!(similar >= promise.maps, "{what} {name}: correlation of the maps {similar}");
            errors.push(gradient);
        }
        let middle = median(&errors);
        assert!(middle <= promise.middle, "{what}: median gradient error {middle}");
    }
}
