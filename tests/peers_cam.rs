//! Class activation maps against those of captum, pytorch-grad-cam, torchcam and tf-keras-vis on the same photograph and
//! weights: tests/peers says how theirs were made, in double precision. Score-CAM is in `peers_score_cam`.
//!
//! Both engines agree with all peers to about 3e-7, the single precision in which activations and gradients come; the
//! limit below the last block leaves room for a ReLU gate that flips on another processor. Two exceptions are explained
//! where they stand: [`NORMALISED_ALPHA`] and Ablation-CAM.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use backlit_cpu::{Cpu, CpuOptions};
use backlit_net::preprocess::Preprocessing;
use backlit_net::weights::Weights;
use backlit_net::{Engine, Tap};
use backlit_reference::Reference;
use backlit_saliency::methods::cam::{
    AblationCam, Alpha, Cam, CamKind, EigenCam, FullGrad, GuidedGradCam, Rescale, Scaling, Upsample, all_classes,
};
use backlit_saliency::{Attribution, Compat, Map, Method, Objective, Recipe, Run, Subject, Target, explain};
use backlit_testkit::compare::relative_l2;
use backlit_testkit::golden::Golden;
use backlit_testkit::random::to_f64;

static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| {
    let path = backlit::sources::ensure(&backlit::sources::Source::Npm, &mut |_| ()).expect("the published weights");
    Weights::open(&path).expect("the published weights")
});

/// Files of peers' numbers, by the name with which their keys begin.
static PEERS: LazyLock<BTreeMap<&str, Golden>> = LazyLock::new(|| {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/peers"));
    let open = |peer| (peer, Golden::open(&folder.join(format!("{peer}.safetensors"))));
    ["captum", "pytorch_grad_cam", "tf_keras_vis", "torchcam"].map(open).into()
});

fn peer(key: &str) -> Vec<f64> {
    PEERS[key.split('.').next().unwrap()].values(key)
}

fn chelsea() -> Golden {
    Golden::open(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/chelsea.safetensors").as_ref())
}

/// What every recipe says about the best class and the second.
fn ask(engine: &dyn Engine, recipes: &[Recipe]) -> (Vec<f32>, Vec<Vec<Attribution>>) {
    let golden = chelsea();
    let (rgb, tensor) = (golden.bytes("rgb"), golden.input());
    let subject = Subject { rgb: &rgb, tensor: &tensor, preprocessing: Preprocessing::Caffe };
    let objectives = golden.targets().map(|class| Objective::logit(Target::class(class).unwrap()));
    let explained = explain(engine, &[subject], &objectives, recipes, &Run::default()).unwrap().remove(0).unwrap();
    (explained.logits, explained.attributions)
}

/// Rows and columns 0, 2, 4, ... of `[224, 224, channels]`, summed over channels.
fn every_second(map: &Map) -> Vec<f64> {
    let pixel = |row: usize, column: usize| {
        let at = (row * map.width + column) * map.channels;
        map.values[at..at + map.channels].iter().map(|&v| f64::from(v)).sum()
    };
    (0..112 * 112).map(|i| pixel(i / 112 * 2, i % 112 * 2)).collect()
}

fn coarse(attribution: &Attribution) -> &Map {
    attribution.coarse.as_ref().expect("a coarse map")
}

fn cut(map: &Map) -> Map {
    Map { values: map.values.iter().map(|v| v.max(0.0)).collect(), ..map.clone() }
}

/// Compares and prints; what is larger than it should be is collected.
struct Check {
    engine: &'static str,
    failures: Vec<String>,
}

impl Check {
    fn new(engine: &'static str) -> Check {
        Check { engine, failures: Vec::new() }
    }

    fn that(&mut self, key: &str, found: &[f64], tolerance: f64) {
        self.values(key, found, &peer(key), tolerance);
    }

    fn values(&mut self, key: &str, found: &[f64], expected: &[f64], tolerance: f64) {
        let error = relative_l2(found, expected);
        println!("{} {key}: {error:.1e}", self.engine);
        // A NaN must fail.
        let good = error <= tolerance;
        if !good {
            self.failures.push(format!("{} {key}: {error:.2e} > {tolerance:e}", self.engine));
        }
    }

    fn done(self) {
        assert!(self.failures.is_empty(), "{:#?}", self.failures);
    }
}

/// tf-keras-vis divides Grad-CAM++'s alphas by their sum, negative gradients included, where the denominator `2 + T g`
/// passes through zero: on this photograph it comes as close as 8e-4 at block 4f, and magnifies the rounding of
/// gradients. The formula in double precision throughout agrees to 3e-8; with activations and gradients rounded to
/// single precision, 2.5e-3 remain, and 3.1e-2 with those of a network in single precision.
const NORMALISED_ALPHA: f64 = 5e-2;

/// (our tap, Keras' name, PyTorch's name of the last block of that stage).
const LAYERS: [(Tap, &str, &str); 2] = [(Tap::LAST, "5c", "layer4"), (Tap::Block(12), "4f", "layer3")];

/// Grad-CAM++'s alpha under `--compat`, so that the presets are held to the peers' numbers.
fn preset(compat: Compat) -> Alpha {
    match compat.recipe(Method::GradCamPlusPlus) {
        Some((Recipe::Cam(cam), _)) => cam.alpha,
        other => panic!("{compat}: {other:?}"),
    }
}

/// The family of one gradient. `limits` for the last block and for block 4f.
fn gradients(name: &'static str, engine: &dyn Engine, limits: [f64; 2]) {
    let mut check = Check::new(name);
    let mut recipes = Vec::new();
    for (layer, ..) in LAYERS {
        for &kind in CamKind::ALL {
            for &alpha in if kind == CamKind::GradCamPlusPlus { Alpha::ALL } else { &[Alpha::Paper] } {
                recipes.push(Recipe::Cam(Cam { kind, layer, alpha, relu: false, ..Cam::default() }));
            }
        }
        recipes.push(Recipe::EigenCam(EigenCam { layer, relu: false, ..EigenCam::default() }));
        for upsample in [Upsample::Nearest, Upsample::Bilinear] {
            recipes.push(Recipe::GuidedGradCam(GuidedGradCam { layer, upsample }));
        }
    }
    recipes.push(Recipe::AblationCam(AblationCam { relu: false, ..AblationCam::default() }));
    let (logits, answers) = ask(engine, &recipes);
    let score = f64::from(logits[chelsea().targets()[0]]);

    for (recipe, found) in recipes.iter().zip(&answers) {
        let layer = match recipe {
            Recipe::Cam(cam) => cam.layer,
            Recipe::EigenCam(cam) => cam.layer,
            Recipe::GuidedGradCam(cam) => cam.layer,
            _ => Tap::LAST,
        };
        let at = LAYERS.iter().position(|l| l.0 == layer).unwrap();
        let ((_, keras, torch), limit) = (LAYERS[at], limits[at]);
        let signed = coarse(&found[0]);
        let shown = |scaling: Scaling, upsample| every_second(&scaling.apply(&cut(signed), upsample));
        let raw = to_f64(&signed.values);
        let positive = to_f64(&cut(signed).values);
        match recipe {
            Recipe::Cam(cam) => {
                let kind = cam.kind.as_str();
                let tf = cam.kind == CamKind::GradCam
                    || cam.kind == CamKind::LayerCam
                    || cam.alpha == preset(Compat::TfKerasVis);
                let plain = cam.kind != CamKind::GradCamPlusPlus;
                if plain || cam.alpha == preset(Compat::PytorchGradCam) {
                    check.that(&format!("pytorch_grad_cam.{kind}.{torch}.raw"), &raw, limit);
                    let twice = Scaling::MinMaxTwice.apply(&cut(signed), Upsample::Bilinear);
                    let key = format!("pytorch_grad_cam.{kind}.{torch}");
                    match key.as_str() {
                        "pytorch_grad_cam.gradcam.layer4" => check.that(&key, &to_f64(&twice.values), limit),
                        _ => check.that(&key, &every_second(&twice), limit),
                    }
                }
                if (plain && cam.kind != CamKind::HiResCam) || cam.alpha == preset(Compat::Torchcam) {
                    check.that(&format!("torchcam.{kind}.{torch}.raw"), &positive, limit);
                    let range = cut(signed);
                    let (min, max) = range.min_max().unwrap();
                    // Its epsilon is not small beside Grad-CAM++'s values.
                    let width = f64::from(max - min) + 1e-8;
                    let unit: Vec<f64> = positive.iter().map(|v| (v - f64::from(min)) / width).collect();
                    check.that(&format!("torchcam.{kind}.{torch}"), &unit, limit);
                }
                if tf {
                    // The factor exp S is as good as S in single precision.
                    let (scale, limit) = match (plain, layer) {
                        (true, _) => (1.0, limit),
                        (false, Tap::LAST) => (score.exp(), 1e-4),
                        (false, _) => (score.exp(), NORMALISED_ALPHA),
                    };
                    let scaled: Vec<f64> = positive.iter().map(|v| v * scale).collect();
                    check.that(&format!("tf_keras_vis.{kind}.{keras}.raw"), &scaled, limit);
                    let key = format!("tf_keras_vis.{kind}.{keras}");
                    check.that(&key, &shown(Scaling::MinMax, Upsample::BilinearAligned), limit);
                }
                if cam.kind == CamKind::GradCam {
                    let second = to_f64(&coarse(&found[1]).values);
                    check.that(&format!("pytorch_grad_cam.gradcam.{torch}.second.raw"), &second, limit);
                    check.that(&format!("captum.gradcam.{torch}"), &raw, limit);
                    check.that(&format!("captum.gradcam.{torch}.second"), &second, limit);
                    check.that(&format!("captum.gradcam_relu.{torch}"), &positive, limit);
                }
            }
            Recipe::EigenCam(_) => {
                // LAPACK's sign is an accident.
                let key = format!("pytorch_grad_cam.eigencam.{torch}.raw");
                let dot: f64 = peer(&key).iter().zip(&raw).map(|(a, b)| a * b).sum();
                let turned =
                    Map { values: signed.values.iter().map(|v| v * dot.signum() as f32).collect(), ..signed.clone() };
                println!("{name} eigencam {torch}: pytorch-grad-cam's sign is {}", dot.signum());
                check.that(&key, &to_f64(&turned.values), limit.min(1e-5));
                let shown = Scaling::MinMaxTwice.apply(&cut(&turned), Upsample::Bilinear);
                check.that(&format!("pytorch_grad_cam.eigencam.{torch}"), &every_second(&shown), limit.min(1e-5));
            }
            Recipe::GuidedGradCam(cam) => {
                let key = format!("captum.guided_gradcam.{torch}");
                let guided = every_second(&found[0].values);
                match (cam.upsample, layer) {
                    (Upsample::Nearest, _) => check.that(&key, &guided, limit.max(limits[1])),
                    (_, Tap::LAST) => check.that(&format!("{key}.bilinear"), &guided, limit.max(limits[1])),
                    _ => {}
                }
            }
            _ => {
                // Its weights are differences of scores that were rounded to single precision first.
                check.that("pytorch_grad_cam.ablationcam.layer4.raw", &raw, 1e-3);
                let key = "pytorch_grad_cam.ablationcam.layer4";
                check.that(key, &shown(Scaling::MinMaxTwice, Upsample::Bilinear), 1e-3);
            }
        }
    }
    check.done();
}

#[test]
fn gradients_on_the_oracle() {
    gradients("reference", &Reference::<f64>::new(&WEIGHTS), [1e-5, 1e-5]);
}

#[test]
fn gradients_on_the_cpu() {
    gradients("cpu", &Cpu::new(&WEIGHTS, CpuOptions::default()).unwrap(), [1e-5, 1e-3]);
}

fn full_grad(name: &'static str, engine: &dyn Engine, limit: f64) {
    let mut check = Check::new(name);
    let recipe = FullGrad { rescale: Rescale::Channel, upsample: Upsample::Bilinear };
    let (_, mut answers) = ask(engine, &[Recipe::FullGrad(recipe)]);
    let found = answers.remove(0).remove(0);
    let completeness = found.completeness.expect("a logit adds up");
    println!("{name} {completeness:?}");
    assert!(completeness.residual.abs() <= 1e-4 * completeness.expected.abs(), "{completeness:?}");
    let map = every_second(&found.values);
    check.that("pytorch_grad_cam.fullgrad.folded.raw", &map, limit);
    let (min, max) = found.values.min_max().unwrap();
    let unit: Vec<f64> = map.iter().map(|v| (v - f64::from(min)) / f64::from(max - min)).collect();
    check.that("pytorch_grad_cam.fullgrad.folded", &unit, limit);

    // The unfolded network gives the same: its convolutions have biases of 0, and count for nothing beside BatchNorm's.
    check.that("pytorch_grad_cam.fullgrad.raw", &map, limit);
    check.that("pytorch_grad_cam.fullgrad", &unit, limit);
    check.done();
}

#[test]
fn full_grad_on_the_oracle() {
    full_grad("reference", &Reference::<f64>::new(&WEIGHTS), 1e-4);
}

#[test]
fn full_grad_on_the_cpu() {
    full_grad("cpu", &Cpu::new(&WEIGHTS, CpuOptions::default()).unwrap(), 1e-3);
}

/// One forward pass and one matrix product give the golden Grad-CAM, and everybody else's.
#[test]
fn all_classes_from_one_forward_pass() {
    let engine = Cpu::new(&WEIGHTS, CpuOptions::default()).unwrap();
    let golden = chelsea();
    let features = engine.features(backlit_net::Images::new(&golden.input()).unwrap()).unwrap();
    let all = all_classes(&Recipe::Cam(Cam::default()), features.of(0), &engine.head().unwrap()).unwrap();
    let [top, second] = golden.targets();
    let mut check = Check::new("cpu");
    check.values("gradcam_7x7", &to_f64(&all[top * 49..][..49]), &golden.values("gradcam_7x7"), 1e-5);
    let found: Vec<f64> = to_f64(&all[second * 49..][..49]);
    check.values(
        "second",
        &found,
        &peer("captum.gradcam.layer4.second").iter().map(|v| v.max(0.0)).collect::<Vec<_>>(),
        1e-5,
    );
    check.done();
}
