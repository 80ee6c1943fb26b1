//! What class activation maps ask of an engine: the head's weights, and the network from a block's output on.

use backlit_cpu::{Cpu, CpuOptions};
use backlit_net::weights::{Naming, Weights};
use backlit_net::{CLASSES, Engine, EngineError, IMAGE_LEN, Images, Rule, Seeds, Tap, Variant};
use backlit_reference::Reference;
use backlit_saliency::methods::cam::{AblationCam, Alpha, Cam, CamKind, all_classes};
use backlit_saliency::{Objective, Recipe, Run, Subject, Target, explain};
use backlit_testkit::compare::{assert_close, assert_same, relative_l2};
use backlit_testkit::random::{Random, to_f64};
use backlit_testkit::synthetic::weights_bytes;

fn weights(variant: Variant) -> Weights {
    Weights::from_bytes(weights_bytes(variant, Naming::Torchvision, 5), "synthetic").unwrap()
}

/// Pixels and the network's input.
fn pictures(n: usize, weights: &Weights) -> (Vec<u8>, Vec<f32>) {
    let random = Random::new(8);
    let rgb: Vec<u8> = (0..n * IMAGE_LEN).map(|i| random.bits(i / 40) as u8).collect();
    let mut tensor = vec![0.0; rgb.len()];
    weights.preprocessing().apply(&rgb, &mut tensor);
    (rgb, tensor)
}

#[test]
fn from_a_block_on_is_what_it_would_have_been() {
    for variant in [Variant::V1, Variant::V1_5] {
        let weights = weights(variant);
        let engine = Cpu::new(&weights, CpuOptions::default()).unwrap();
        let (_, tensor) = pictures(9, &weights);
        let images = Images::new(&tensor).unwrap();
        let write = |_: usize, _: &[f32], rows: &mut [f32]| rows[0] = 1.0;
        let seeds = Seeds::FromLogits { per_image: 1, write: &write };
        for index in [0, 3, 12, 15] {
            let tap = engine.gradient_at(images, seeds, Rule::Plain, Tap::Block(index)).unwrap();
            // Nine: more than go through together.
            let found = engine.resume(Tap::Block(index), &tap.activation).unwrap();
            assert_same(&format!("{variant} block {index}"), &found.data, &tap.logits);
        }
    }
}

#[test]
fn the_oracle_resumes_too() {
    let weights = weights(Variant::V1);
    let (engine, oracle) = (Cpu::new(&weights, CpuOptions::default()).unwrap(), Reference::<f64>::new(&weights));
    let (_, tensor) = pictures(1, &weights);
    let write = |_: usize, _: &[f32], rows: &mut [f32]| rows[0] = 1.0;
    let seeds = Seeds::FromLogits { per_image: 1, write: &write };
    let tap = engine.gradient_at(Images::new(&tensor).unwrap(), seeds, Rule::Plain, Tap::Block(13)).unwrap();
    let mut activation = tap.activation.clone();
    activation.iter_mut().step_by(7).for_each(|a| *a = 0.0);
    let pair = [tap.activation, activation].concat();
    let (found, expected) =
        (engine.resume(Tap::Block(13), &pair).unwrap(), oracle.resume(Tap::Block(13), &pair).unwrap());
    assert_eq!(found.data.len(), 2 * CLASSES);
    assert_ne!(expected.row(0), expected.row(1));
    let error = relative_l2(&to_f64(&found.data), &to_f64(&expected.data));
    assert!(error <= 2e-6, "{error}");

    let (head, exact) = (engine.head().unwrap(), oracle.head().unwrap());
    assert_same("weight", &head.weight, &exact.weight);
    assert_same("bias", &head.bias, &exact.bias);
}

#[test]
fn closed_forms_at_the_last_block() {
    let weights = weights(Variant::V1_5);
    let engine = Cpu::new(&weights, CpuOptions::default()).unwrap();
    let (rgb, tensor) = pictures(1, &weights);
    let subject = Subject { rgb: &rgb, tensor: &tensor, preprocessing: weights.preprocessing() };
    let features = engine.features(Images::new(&tensor).unwrap()).unwrap();
    let head = engine.head().unwrap();
    let mut recipes = vec![Recipe::AblationCam(AblationCam { relu: false, ..AblationCam::default() })];
    for &kind in CamKind::ALL {
        for &alpha in Alpha::ALL {
            recipes.push(Recipe::Cam(Cam { kind, alpha, relu: false, ..Cam::default() }));
        }
    }
    let classes = [0, 281, 999];
    let objectives = classes.map(|class| Objective::logit(Target::class(class).unwrap()));
    let explained = explain(&engine, &[subject], &objectives, &recipes, &Run::default()).unwrap().remove(0).unwrap();
    let largest = explained.logits.iter().fold(0f64, |m, &z| m.max(z.abs().into()));
    for (recipe, found) in recipes.iter().zip(explained.attributions) {
        let all = all_classes(recipe, features.of(0), &head).unwrap();
        for (class, found) in classes.into_iter().zip(found) {
            let (closed, backward) = (to_f64(&all[class * 49..][..49]), to_f64(&found.coarse.unwrap().values));
            let size = backward.iter().fold(0f64, |m, v| m.max(v.abs()));
            // Ablation divides by the score, which the engine knows to the rounding of the largest logit.
            let score = f64::from(explained.logits[class]).abs();
            let rounding = if matches!(recipe, Recipe::AblationCam(_)) { 1e-6 * largest / score } else { 0.0 };
            assert_close(&format!("{recipe:?} {class}"), &closed, &backward, (5e-6 + rounding) * size);
        }
    }
}

#[test]
fn activations_that_are_none() {
    let engine = Cpu::new(&weights(Variant::V1), CpuOptions::default()).unwrap();
    let error = |tap, values: &[f32]| engine.resume(tap, values).unwrap_err();
    assert!(matches!(error(Tap::Block(16), &[]), EngineError::NoSuchBlock { index: 16 }));
    let length = error(Tap::LAST, &[0.0; 2048]);
    assert_eq!(length.to_string(), "2048 floats are no outputs of block 15: one output is 7 x 7 x 2048 floats");
    assert!(matches!(error(Tap::Block(2), &[]), EngineError::ActivationLength { found: 0, .. }));
    let mut values = vec![0.0; 49 * 2048];
    values[7] = f32::NAN;
    assert!(matches!(error(Tap::LAST, &values), EngineError::NonFiniteActivation { .. }));
}
