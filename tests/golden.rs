//! Golden data: published weights, real photographs, compared with a float64 network.
//!
//! The weights are fetched once, as the command would. `BACKLIT_GOLDEN=FOLDER` compares with all files of a folder
//! instead of the one in this repository.

use std::sync::LazyLock;

use backlit_cpu::isa::Level;
use backlit_cpu::{Cpu, CpuOptions};
use backlit_figure::keras_vis_041::KerasVis;
use backlit_net::engine::{Pace, Precision, Sampler};
use backlit_net::photo::Photo;
use backlit_net::preprocess::{Grid, Preprocessing};
use backlit_net::weights::Weights;
use backlit_net::{Engine, IMAGE_LEN, Images, Rule, Seeds, Tap, Variant};
use backlit_reference::Model;
use backlit_saliency::{MapOptions, saliency_map, top_k};
use backlit_testkit::compare::{assert_same, correlation, median, relative_l2};
use backlit_testkit::golden::{Golden, one_hot};
use backlit_testkit::random::{to_f32, to_f64};
use backlit_tests::levels;

static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| {
    let path = backlit::sources::ensure(&backlit::sources::Source::Npm, &mut |_| ()).expect("the published weights");
    Weights::open(&path).expect("the published weights")
});

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

#[test]
fn the_oracle_agrees_with_every_key() {
    let model = Model::<f64>::new(&WEIGHTS);
    for (name, golden) in Golden::all() {
        let trace = model.forward(&golden.input_f64());
        let check = |key: &str, found: &[f64]| {
            let error = relative_l2(found, &golden.values(key));
            println!("{name} {key}: {error:.1e}");
            assert!(error <= 1e-6, "{name} {key}: {error}");
        };
        check("logits", &trace.logits);
        let targets = golden.targets();
        let best: Vec<usize> = top_k(&to_f32(&trace.logits), 2).iter().map(|p| p.class_idx).collect();
        assert_eq!(best, targets, "{name}");
        let back = |class: usize, rule| {
            let seed = to_f64(&one_hot(class));
            model.backward(&trace, &seed, rule, None)
        };
        let plain = back(targets[0], Rule::Plain);
        check("grad_top1", &plain.input);
        check("grad_second", &back(targets[1], Rule::Plain).input);
        check("grad_guided", &back(targets[0], Rule::Guided).input);
        check("grad_rectified", &back(targets[0], Rule::Rectified).input);

        let norms = trace.blocks.iter().zip(&plain.blocks).flat_map(|(t, d)| [norm(&t.output), norm(d)]);
        check("block_norms", &norms.collect::<Vec<_>>());

        // Grad-CAM: mean gradient of each channel times the channel, ReLU.
        let (last, d) = (&trace.blocks[15].output, &plain.blocks[15]);
        let channels = last.len() / 49;
        let weight: Vec<f64> = (0..channels).map(|c| d.iter().skip(c).step_by(channels).sum::<f64>() / 49.0).collect();
        let cam = last.chunks_exact(channels).map(|a| a.iter().zip(&weight).map(|(a, w)| a * w).sum::<f64>().max(0.0));
        check("gradcam_7x7", &cam.collect::<Vec<_>>());

        let gradient = to_f32(&plain.input);
        let sharp = saliency_map(&gradient, &MapOptions { sigma: 0.0, ..MapOptions::default() }).unwrap();
        check("kerasvis_saliency", &to_f64(&sharp.map.values));
        let smooth = saliency_map(&gradient, &MapOptions::default()).unwrap();
        check("smooth_sigma5", &to_f64(&smooth.map.values));

        // From the golden gradient, byte for byte; from our own a byte may differ by the gradient's last bit.
        let pictures = KerasVis::from_gradient(&to_f32(&golden.values("grad_top1")), 224, 224).unwrap();
        assert!(pictures.heatmap == golden.bytes("kerasvis_heatmap_u8"), "{name}: the heat map differs");
        assert!(pictures.smooth == golden.bytes("post_smooth_u8"), "{name}: the blurred blue channel differs");
    }
}

#[test]
fn the_photograph_becomes_the_golden_input() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/chelsea.png");
    let golden = Golden::open(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/chelsea.safetensors").as_ref());
    let rgb = Grid::default_for(Variant::V1).sample(&Photo::open(path.as_ref()).unwrap());
    assert!(rgb == golden.bytes("rgb"), "decoding or resampling differs");
    let mut input = vec![f32::NAN; IMAGE_LEN];
    Preprocessing::Caffe.apply(&rgb, &mut input);
    assert_same("input", &input, &golden.input());
}

/// Precision, whether with careful gates; limits of the logits' error, of the gradient's median and worst, of the
/// correlation of maps. Half flips gates: it is labelled with what it costs.
const TILES: [(Precision, bool, f64, f64, f64, f64); 4] = [
    (Precision::F32, false, 2e-6, 2e-3, 1e-2, 0.9999),
    (Precision::Mixed, false, 5e-5, 2e-2, 4e-2, 0.999),
    (Precision::Mixed, true, 5e-5, 1e-2, 1.5e-2, 0.9999),
    (Precision::Half, false, 2e-2, 3.5e-1, 5e-1, 0.85),
];

/// Tiles in software, which any processor has, and those of this processor if it has any.
fn tiles(precision: Precision, careful_gates: bool) -> Vec<Cpu> {
    let options =
        CpuOptions { precision: Some(precision), careful_gates, float_by_tiles: true, ..CpuOptions::default() };
    let model = Cpu::new(&WEIGHTS, CpuOptions { software_tiles: true, ..options }).expect("tiles in software");
    match Cpu::new(&WEIGHTS, options) {
        Ok(engine) => vec![model, engine],
        Err(why) => {
            println!("SKIPPED: {why}");
            vec![model]
        }
    }
}

#[test]
fn tiles_keep_the_limits_of_every_precision() {
    for (precision, careful_gates, logits, middle, worst, least) in TILES {
        for engine in tiles(precision, careful_gates) {
            let (isa, mut errors) = (engine.info().isa, Vec::new());
            for (name, golden) in Golden::all() {
                let what = format!("{} {careful_gates} {isa} {name}", precision.as_str());
                let (input, rows) = (golden.input(), golden.targets().map(one_hot).concat());
                let seeds = Seeds::Rows { data: &rows, per_image: 2 };
                let found = engine.gradient(Images::new(&input).unwrap(), seeds, Rule::Plain).unwrap();
                let error = relative_l2(&to_f64(&found.logits), &golden.values("logits"));
                assert!(error <= logits, "{what} logits: {error}");
                for (seed, key) in ["grad_top1", "grad_second"].into_iter().enumerate() {
                    let error = relative_l2(&to_f64(found.of(0, seed)), &golden.values(key));
                    println!("{what} {key}: {error:.1e}");
                    assert!(error <= worst, "{what} {key}: {error}");
                    errors.push(error);
                }
                let map = saliency_map(found.of(0, 0), &MapOptions::default()).unwrap();
                let similar = correlation(&to_f64(&map.map.values), &golden.values("smooth_sigma5"));
                assert!(similar >= least, "{what}: correlation of the maps {similar}");
            }
            let found = median(&errors);
            assert!(found <= middle, "{}: median gradient error {found}", precision.as_str());
        }
    }
}

#[test]
fn the_cpu_engine_keeps_the_limits_of_single_precision() {
    for level in levels() {
        let engine =
            Cpu::new(&WEIGHTS, CpuOptions { threads: None, level: Some(level), ..CpuOptions::default() }).unwrap();
        let mut errors = Vec::new();
        for (name, golden) in Golden::all() {
            let input = golden.input();
            let images = Images::new(&input).unwrap();
            let [top, second] = golden.targets();
            let rows = [one_hot(top), one_hot(second)].concat();
            let plain = engine.gradient(images, Seeds::Rows { data: &rows, per_image: 2 }, Rule::Plain).unwrap();
            let error = relative_l2(&to_f64(&plain.logits), &golden.values("logits"));
            println!("{level} {name} logits: {error:.1e}");
            assert!(error <= 2e-6, "{level} {name} logits: {error}");
            let rule = |rule| engine.gradient(images, Seeds::Rows { data: &one_hot(top), per_image: 1 }, rule).unwrap();
            for (key, found) in [
                ("grad_top1", plain.of(0, 0)),
                ("grad_second", plain.of(0, 1)),
                ("grad_guided", &rule(Rule::Guided).gradient),
                ("grad_rectified", &rule(Rule::Rectified).gradient),
            ] {
                let error = relative_l2(&to_f64(found), &golden.values(key));
                println!("{level} {name} {key}: {error:.1e}");
                assert!(error <= 1e-2, "{level} {name} {key}: {error}");
                errors.push(error);
            }
            let map = saliency_map(plain.of(0, 0), &MapOptions::default()).unwrap();
            let similar = correlation(&to_f64(&map.map.values), &golden.values("smooth_sigma5"));
            assert!(similar >= 0.9999, "{level} {name}: correlation of the maps {similar}");

            let norms = golden.values("block_norms");
            for index in [0, 3, 8, 15] {
                let seeds = Seeds::Rows { data: &rows[..1000], per_image: 1 };
                let tap = engine.gradient_at(images, seeds, Rule::Plain, Tap::Block(index)).unwrap();
                let found = [norm(&to_f64(&tap.activation)), norm(&to_f64(&tap.gradient))];
                let error = relative_l2(&found, &norms[2 * index..2 * index + 2]);
                assert!(error <= 1e-3, "{level} {name} block {index}: {error}");
            }
        }
        let middle = median(&errors);
        assert!(middle <= 2e-3, "{level}: median gradient error {middle}");
    }
}

#[test]
fn integrated_gradients_along_the_golden_path() {
    let engine =
        Cpu::new(&WEIGHTS, CpuOptions { threads: None, level: Some(Level::best()), ..CpuOptions::default() }).unwrap();
    for (name, golden) in Golden::all() {
        let input = golden.input();
        let mut black = vec![0.0; IMAGE_LEN];
        Preprocessing::Caffe.apply(&vec![0; IMAGE_LEN], &mut black);
        let sampler = Sampler::midpoint_path(black.clone(), 32);
        let seed = one_hot(golden.targets()[0]);
        let seed = Seeds::Rows { data: &seed, per_image: 1 };
        let image = Images::new(&input).unwrap();
        let moments = engine.gradient_moments(image, &sampler, seed, Rule::Plain, &mut Pace::default()).unwrap();
        let found: Vec<f64> =
            moments.mean.iter().zip(&input).zip(&black).map(|((g, x), b)| f64::from(g * (x - b))).collect();
        let error = relative_l2(&found, &golden.values("integrated_gradients_32"));
        println!("{name} integrated gradients: {error:.1e}");
        assert!(error <= 1e-2, "{name}: {error}");
    }
}
