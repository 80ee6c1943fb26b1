//! Score-CAM against pytorch-grad-cam and torchcam, on a function that can be written down: its thousands of forward
//! passes tell no more on the network.
//!
//! Activations are `|wave(11)|`, `[7, 7, 12]`, whatever the picture; the score of class 0 is `sum of wave(0) x / 1e6`;
//! the picture is `100 wave(3)`.

use std::path::Path;

use backlit_net::arch::Network;
use backlit_net::engine::{EngineInfo, Features, Gradients, Logits, Precision, TapGradients};
use backlit_net::preprocess::Preprocessing;
use backlit_net::{CLASSES, Engine, EngineError, IMAGE_LEN, Images, Rule, Seeds, Tap, Variant};
use backlit_saliency::methods::cam::{Scaling, ScoreCam, Upsample};
use backlit_saliency::{Attribution, Compat, Method, Objective, Recipe, Run, Score, Subject, Target, explain};
use backlit_testkit::compare::relative_l2;
use backlit_testkit::golden::Golden;
use backlit_testkit::random::to_f64;

/// `sin(1 + k + 0.7 row + 1.3 column + 2.1 channel)`, `[side, side, channels]`.
fn wave(k: usize, side: usize, channels: usize) -> impl Iterator<Item = f64> {
    (0..side * side * channels).map(move |i| {
        let (row, column, channel) = (i / channels / side, i / channels % side, i % channels);
        (1.0 + k as f64 + 0.7 * row as f64 + 1.3 * column as f64 + 2.1 * channel as f64).sin()
    })
}

struct Toy {
    weights: Vec<f64>,
}

impl Engine for Toy {
    fn info(&self) -> EngineInfo {
        EngineInfo { name: "toy", precision: Precision::F64, isa: "portable".into(), threads: 1 }
    }

    fn network(&self) -> &'static Network {
        Network::of(Variant::V1)
    }

    fn predict(&self, images: Images<'_>) -> Result<Logits, EngineError> {
        let mut data = vec![0.0; images.len() * CLASSES];
        for (image, row) in images.data().chunks_exact(IMAGE_LEN).zip(data.chunks_exact_mut(CLASSES)) {
            row[0] = (image.iter().zip(&self.weights).map(|(&x, w)| f64::from(x) * w).sum::<f64>() / 1e6) as f32;
        }
        Ok(Logits { data })
    }

    fn gradient(&self, _: Images<'_>, _: Seeds<'_>, _: Rule) -> Result<Gradients, EngineError> {
        Err(EngineError::Unsupported { what: "gradients" })
    }

    fn features(&self, _: Images<'_>) -> Result<Features, EngineError> {
        Err(EngineError::Unsupported { what: "features" })
    }

    fn gradient_at(&self, images: Images<'_>, _: Seeds<'_>, _: Rule, _: Tap) -> Result<TapGradients, EngineError> {
        let activation: Vec<f32> = wave(11, 7, 12).map(|v| v.abs() as f32).collect();
        let (logits, gradient) = (self.predict(images)?.data, vec![0.0; activation.len()]);
        Ok(TapGradients { logits, side: 7, channels: 12, activation, gradient, seeds_per_image: 1 })
    }
}

fn ask(recipe: ScoreCam, objective: Objective) -> Attribution {
    let toy = Toy { weights: wave(0, 224, 3).collect() };
    let tensor: Vec<f32> = wave(3, 224, 3).map(|v| 100.0 * v as f32).collect();
    let rgb = vec![0; IMAGE_LEN]; // the method looks at the tensor
    let subject = Subject { rgb: &rgb, tensor: &tensor, preprocessing: Preprocessing::Caffe };
    let recipe = Recipe::ScoreCam(ScoreCam { relu: false, ..recipe });
    let explained = explain(&toy, &[subject], &[objective], &[recipe], &Run::default().with_batch(5)).unwrap();
    explained.into_iter().next().unwrap().unwrap().attributions.remove(0).remove(0)
}

/// The recipe of `--compat`, so that the presets are held to the peers' numbers.
fn preset(compat: Compat) -> ScoreCam {
    match compat.recipe(Method::ScoreCam) {
        Some((Recipe::ScoreCam(recipe), _)) => recipe,
        other => panic!("{compat}: {other:?}"),
    }
}

/// Relative error against a peer's number.
fn error(key: &str, found: &[f64]) -> f64 {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/peers/scorecam.safetensors");
    let error = relative_l2(found, &Golden::open(Path::new(file)).values(&format!("scorecam.toy.{key}")));
    println!("scorecam.toy.{key}: {error:.1e}");
    error
}

const CLASS_0: fn() -> Objective = || Objective::logit(Target::class(0).unwrap());

#[test]
fn as_pytorch_grad_cam() {
    let found = ask(preset(Compat::PytorchGradCam), CLASS_0());
    let coarse = found.coarse.unwrap();
    assert!(error("pytorch_grad_cam.raw", &to_f64(&coarse.values)) <= 1e-5);
    assert!(coarse.min_max().unwrap().0 >= 0.0, "nothing to cut off");
    let shown = Scaling::MinMaxTwice.apply(&coarse, Upsample::Bilinear);
    let every_second: Vec<f64> = (0..112 * 112).map(|i| shown.values[i / 112 * 2 * 224 + i % 112 * 2].into()).collect();
    assert!(error("pytorch_grad_cam", &every_second) <= 1e-5);
}

#[test]
fn as_torchcam() {
    let found = ask(preset(Compat::Torchcam), CLASS_0());
    assert!(error("torchcam.raw", &to_f64(&found.coarse.unwrap().values)) <= 1e-5);
}

/// As tf-keras-vis weighs them.
#[test]
fn scores_without_softmax_weigh_each_channel() {
    let recipe = preset(Compat::TfKerasVis);
    let found = to_f64(&ask(recipe, CLASS_0()).coarse.unwrap().values);
    let scores = Golden::open(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/peers/scorecam.safetensors").as_ref())
        .values("scorecam.toy.pytorch_grad_cam.scores");
    let activation: Vec<f64> = wave(11, 7, 12).map(f64::abs).collect();
    let expected: Vec<f64> =
        activation.chunks_exact(12).map(|pixel| pixel.iter().zip(&scores).map(|(a, s)| a * s).sum()).collect();
    let error = relative_l2(&found, &expected);
    assert!(error <= 1e-5, "{error}");
    // A probability is another score: one of 1000 classes, all others at 0.
    let probability = Objective { score: Score::Probability, ..CLASS_0() };
    let found = to_f64(&ask(recipe, probability).coarse.unwrap().values);
    let weight = |s: &f64| s.exp() / (s.exp() + 999.0);
    let expected: Vec<f64> =
        activation.chunks_exact(12).map(|pixel| pixel.iter().zip(&scores).map(|(a, s)| a * weight(s)).sum()).collect();
    let error = relative_l2(&found, &expected);
    assert!(error <= 1e-5, "{error}");
}
