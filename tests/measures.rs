//! Measures against other people's code on the same maps: RISE, pytorch-grad-cam, Quantus, torchcam.
//!
//! `golden/peers/metrics.safetensors` holds their numbers for the photograph of this repository with the published
//! weights; `peers/` has the script that made them.

use std::path::PathBuf;
use std::sync::LazyLock;

use backlit_cpu::isa::Level;
use backlit_cpu::{Cpu, CpuOptions};
use backlit_net::preprocess::Preprocessing;
use backlit_net::weights::Weights;
use backlit_net::{IMAGE_LEN, SIDE};
use backlit_saliency::mask::Region;
use backlit_saliency::measure::{self, Confidence, Measured, RoadOptions};
use backlit_saliency::{Map, Run, Subject, Target};
use backlit_testkit::golden::Golden;

static ENGINE: LazyLock<Cpu> = LazyLock::new(|| {
    let path = backlit::sources::ensure(&backlit::sources::Source::Npm, &mut |_| ()).expect("the published weights");
    let weights = Weights::open(&path).expect("the published weights");
    Cpu::new(&weights, CpuOptions { threads: None, level: Some(Level::best()), ..CpuOptions::default() })
        .expect("an engine")
});

/// The photograph, the maps that the peers were given, and their numbers.
struct Peers {
    rgb: Vec<u8>,
    tensor: Vec<f32>,
    metrics: Golden,
    /// The smoothed gradient.
    smooth: Map,
    /// pytorch-grad-cam's Grad-CAM.
    gradcam: Map,
    /// The gradient, summed over channels.
    gradient_sum: Map,
}

fn map(values: impl Iterator<Item = f64>) -> Map {
    Map { height: SIDE, width: SIDE, channels: 1, values: values.map(|v| v as f32).collect() }
}

impl Peers {
    fn open() -> Peers {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
        let chelsea = Golden::open(&folder.join("chelsea.safetensors"));
        let rgb = chelsea.bytes("rgb");
        let mut tensor = vec![0.0; IMAGE_LEN];
        Preprocessing::Caffe.apply(&rgb, &mut tensor);
        let cams = Golden::open(&folder.join("peers/pytorch_grad_cam.safetensors"));
        let gradient = chelsea.values("grad_top1");
        Peers {
            rgb,
            tensor,
            metrics: Golden::open(&folder.join("peers/metrics.safetensors")),
            smooth: map(chelsea.values("smooth_sigma5").into_iter()),
            gradcam: map(cams.values("pytorch_grad_cam.gradcam.layer4").into_iter()),
            gradient_sum: map(gradient.chunks_exact(3).map(|p| p.iter().sum())),
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject { rgb: &self.rgb, tensor: &self.tensor, preprocessing: Preprocessing::Caffe }
    }

    fn confidence(&self) -> Confidence {
        let clean = measure::confidence(&*ENGINE, &self.subject(), Target::TOP1).unwrap();
        assert_eq!(clean.class, 285, "an Egyptian cat");
        clean
    }

    fn numbers(&self, key: &str) -> Vec<f64> {
        self.metrics.values(&format!("metrics.{key}"))
    }
}

/// Relative error of each number, with a floor for probabilities near 0, at most `tolerance`.
fn check(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let error = found.iter().zip(expected).map(|(f, e)| (f - e).abs() / e.abs().max(1e-2)).fold(0.0, f64::max);
    println!("{what}: {error:.1e}");
    assert!(error <= tolerance && error.is_finite(), "{what}: {error:e}\n{found:?}\n{expected:?}");
}

#[test]
fn quantus_spread_and_localisation() {
    let peers = Peers::open();
    let region = Region::from_fn(|r, c| (40..168).contains(&r) && (60..196).contains(&c)).unwrap();
    let number = |found: Result<Measured, measure::MeasureError>| [found.unwrap().unwrap()];
    for (name, map) in [("smooth", &peers.smooth), ("gradcam", &peers.gradcam), ("gradient_sum", &peers.gradient_sum)] {
        // Quantus adds 1e-7 to every value, relative to the largest.
        check(name, &number(measure::sparseness(map)), &peers.numbers(&format!("sparseness.{name}")), 1e-4);
        check(name, &number(measure::complexity(map)), &peers.numbers(&format!("complexity.{name}")), 1e-6);
        // Quantus takes magnitudes.
        let magnitudes = Map { values: map.values.iter().map(|v| v.abs()).collect(), ..map.clone() };
        let mass = number(measure::mass_inside(&magnitudes, &region));
        check(name, &mass, &peers.numbers(&format!("mass_accuracy.{name}")), 1e-6);
        let hit = measure::points_at(&magnitudes, &region, 0.0).unwrap().unwrap();
        assert_eq!(f64::from(u8::from(hit)), peers.numbers(&format!("pointing_game.{name}"))[0], "{name}");
    }
}

#[test]
fn drop_and_increase_of_pytorch_grad_cam_and_torchcam() {
    let (peers, run) = (Peers::open(), Run::default());
    let clean = peers.confidence();
    // Grad-CAM reaches from 0 to 1 by itself, so that scaling it changes nothing.
    let masked = measure::masked_confidence(&*ENGINE, &peers.subject(), &peers.gradcam, &clean, &run);
    let masked = masked.unwrap().unwrap();
    check("drop", &[masked.clean - masked.masked], &peers.numbers("drop.gradcam.probability"), 1e-3);
    check("relative drop", &[masked.drop().unwrap() / 100.0], &peers.numbers("torchcam.avg_drop.gradcam"), 1e-3);
    assert_eq!(masked.increase(), peers.numbers("increase.gradcam.probability")[0]);
}

#[test]
fn insertion_and_deletion_of_rise() {
    let (peers, run) = (Peers::open(), Run::default());
    let (subject, class) = (peers.subject(), peers.confidence().class);
    let mut compared = 0;
    for (name, map) in [("gradcam", &peers.gradcam), ("smooth", &peers.smooth)] {
        for mode in ["insertion", "deletion"] {
            let key = format!("rise.{mode}.{name}.1792");
            // The peers' script takes long for all of them, and keeps what it has.
            if !peers.metrics.has(&format!("metrics.{key}.auc")) {
                continue;
            }
            let curve = match mode {
                "insertion" => measure::insertion(&*ENGINE, &subject, map, class, 1792, &run),
                _ => measure::deletion(&*ENGINE, &subject, map, class, 1792, &run),
            };
            let curve = curve.unwrap().unwrap();
            check(&key, &curve.probabilities, &peers.numbers(&key), 1e-3);
            check(&format!("{key}.auc"), &[curve.area()], &peers.numbers(&format!("{key}.auc")), 1e-3);
            compared += 1;
        }
    }
    assert!(compared > 0, "no curve to compare with");
}

#[test]
fn road_of_pytorch_grad_cam() {
    let (peers, run) = (Peers::open(), Run::default());
    let (subject, class) = (peers.subject(), peers.confidence().class);
    let options = RoadOptions { percents: vec![80, 60, 40, 20], noise: 0.0, seed: 0 };
    for (name, map) in [("smooth", &peers.smooth), ("gradcam", &peers.gradcam)] {
        let road = measure::road(&*ENGINE, &subject, map, class, &options, &run).unwrap().unwrap();
        for (order, curve) in [("morf", &road.morf), ("lerf", &road.lerf)] {
            let key = format!("road.{order}.{name}");
            let probabilities: Vec<f64> = peers.numbers(&key).chunks_exact(2).map(|row| row[1]).collect();
            check(&key, &curve.probabilities, &probabilities, 1e-3);
        }
    }
}

#[test]
fn imputation_of_pytorch_grad_cam() {
    let peers = Peers::open();
    for (name, map) in [("smooth", &peers.smooth), ("gradcam", &peers.gradcam)] {
        // The 60 % above the 40th percentile; every second row and column is kept.
        let order = measure::descending(&map.values);
        let mut missing = vec![false; SIDE * SIDE];
        let kept = ((SIDE * SIDE - 1) * 40).div_ceil(100);
        order[..SIDE * SIDE - kept].iter().for_each(|&pixel| missing[pixel] = true);
        let mut picture = peers.tensor.clone();
        measure::impute(&mut picture, &missing, SIDE, SIDE).unwrap();
        let expected = peers.numbers(&format!("road.morf.{name}.imputed"));
        let every_second = (0..SIDE / 2).flat_map(|r| (0..SIDE / 2).map(move |c| (2 * r * SIDE + 2 * c) * 3));
        let found: Vec<f64> =
            every_second.flat_map(|at| (0..3).map(move |c| at + c)).map(|i| picture[i].into()).collect();
        let error = backlit_testkit::compare::relative_l2(&found, &expected);
        println!("imputed {name}: {error:.1e}");
        assert!(error <= 1e-3, "{name}: {error}");
    }
}
