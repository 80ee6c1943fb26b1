//! The family on a network that can be worked out by hand.

use std::sync::Mutex;

use backlit_net::{CLASSES, FEATURES, SIDE, Tap};

use super::fake::{Fake, ask, class, picture};
use super::*;
use crate::{MethodError, Objective, Recipe, Run, Score};

const MIDDLE: Tap = Tap::Block(7);

fn close(what: &str, found: &[f32], expected: &[f32], relative: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let size = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    assert!(size > 0.0, "{what}: all zero, nothing is shown");
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= relative * size, "{what}: element {i} is {f}, expected {e}, of {size}");
    }
}

fn coarse(attribution: &crate::Attribution) -> &[f32] {
    &attribution.coarse.as_ref().unwrap().values
}

/// Every recipe that has a closed form.
fn closed_forms() -> Vec<Recipe> {
    let mut all = vec![Recipe::AblationCam(AblationCam { relu: false, ..AblationCam::default() })];
    for &kind in CamKind::ALL {
        for &alpha in Alpha::ALL {
            all.push(Recipe::Cam(Cam { kind, alpha, relu: false, ..Cam::default() }));
        }
    }
    all
}

#[test]
fn closed_forms_are_the_backward_forms() {
    let (fake, picture, classes) = (Fake::new(1), picture(1), [0, 39, 40, 281, 999]);
    let features = fake.activations(&picture.1);
    let head = backlit_net::Engine::head(&fake).unwrap();
    for recipe in closed_forms() {
        let all = all_classes(&recipe, &features, &head).unwrap();
        assert_eq!(all.len(), CLASSES * 49);
        let found = ask(&fake, &picture, &classes.map(class), recipe.clone(), &Run::default()).unwrap();
        for (c, found) in classes.into_iter().zip(&found) {
            close(&format!("{recipe:?} class {c}"), &all[c * 49..][..49], coarse(found), 2e-6);
        }
    }
}

#[test]
fn negative_values_are_cut_off_before_up_sampling() {
    let (fake, picture) = (Fake::new(2), picture(2));
    let with = |relu, upsample| Recipe::Cam(Cam { relu, upsample, ..Cam::default() });
    let signed = ask(&fake, &picture, &[class(3)], with(false, Upsample::Nearest), &Run::default()).unwrap().remove(0);
    assert!(signed.values.min_max().unwrap().0 < 0.0, "nothing to cut off");
    for &upsample in Upsample::ALL {
        let cut = ask(&fake, &picture, &[class(3)], with(true, upsample), &Run::default()).unwrap().remove(0);
        let expected: Vec<f32> = coarse(&signed).iter().map(|v| v.max(0.0)).collect();
        assert_eq!(coarse(&cut), expected);
        close("up-sampled", &cut.values.values, &upsample.square(&expected, 7, SIDE), 1e-6);
    }
    let all = all_classes(
        &with(true, Upsample::Nearest),
        &fake.activations(&picture.1),
        &backlit_net::Engine::head(&fake).unwrap(),
    );
    assert!(all.unwrap().iter().all(|&v| v >= 0.0));
}

#[test]
fn a_contrast_is_the_difference_of_two_maps() {
    let (fake, picture) = (Fake::new(3), picture(3));
    let contrast = Objective { against: Some(class(7).target), ..class(5) };
    for kind in [CamKind::GradCam, CamKind::HiResCam, CamKind::XGradCam] {
        let recipe = Recipe::Cam(Cam { kind, relu: false, ..Cam::default() });
        let found = ask(&fake, &picture, &[class(5), class(7), contrast], recipe, &Run::default()).unwrap();
        let difference: Vec<f32> = coarse(&found[0]).iter().zip(coarse(&found[1])).map(|(a, b)| a - b).collect();
        close("contrast", coarse(&found[2]), &difference, 1e-5);
    }
}

#[test]
fn ablation_through_the_network_is_ablation_through_the_head() {
    let (fake, picture) = (Fake::new(4), picture(4));
    let objectives = [class(17), Objective { score: Score::Probability, ..class(17) }];
    let at = |layer, batch| {
        let recipe = Recipe::AblationCam(AblationCam { layer, relu: false, ..AblationCam::default() });
        ask(&fake, &picture, &objectives, recipe, &Run::default().with_batch(batch)).unwrap()
    };
    let (head, network) = (at(Tap::LAST, 8), at(MIDDLE, 64));
    for (head, network) in head.iter().zip(&network) {
        // The scores are single precision: what one channel of 2048 takes off them is known to three digits.
        close("ablation", coarse(network), coarse(head), 2e-3);
        assert_eq!(network.samples, FEATURES);
    }
}

#[test]
fn score_cam_by_hand_and_in_any_batch() {
    let (fake, picture) = (Fake::new(5), picture(5));
    let most = 9;
    for cam in [
        ScoreCam::default(),
        ScoreCam { stretch: Stretch::Coarse, masks: Upsample::Bilinear, ..ScoreCam::default() },
        ScoreCam { weights: ChannelWeights::Scores, ..ScoreCam::default() },
    ] {
        let recipe = Recipe::ScoreCam(ScoreCam { most: Some(most), relu: false, ..cam });
        let steps = Mutex::new(Vec::new());
        let tell = |p: crate::Progress| steps.lock().unwrap().push((p.done, p.total));
        let run = Run::default().with_batch(4).with_progress(&tell);
        let found = ask(&fake, &picture, &[class(1)], recipe.clone(), &run).unwrap().remove(0);
        assert_eq!(*steps.lock().unwrap(), [(4, 9), (8, 9), (9, 9)]);
        let alone = ask(&fake, &picture, &[class(1)], recipe, &Run::default().with_batch(1)).unwrap().remove(0);
        assert_eq!(found, alone);
        assert_eq!(found.samples, most);

        let activations = fake.activations(&picture.1);
        let channel = |k: usize| -> Vec<f32> { activations.iter().skip(k).step_by(FEATURES).copied().collect() };
        let variance = |k: usize| {
            let channel = channel(k);
            let mean = channel.iter().map(|&a| f64::from(a)).sum::<f64>() / 49.0;
            channel.iter().map(|&a| (f64::from(a) - mean).powi(2)).sum::<f64>()
        };
        let mut order: Vec<usize> = (0..FEATURES).collect();
        order.sort_by(|&a, &b| variance(b).total_cmp(&variance(a)));
        let stretched = |v: Vec<f32>| -> Vec<f32> {
            let (min, max) = v.iter().fold((f32::MAX, f32::MIN), |(a, b), &v| (a.min(v), b.max(v)));
            v.iter().map(|v| (v - min) / (max - min)).collect()
        };
        let score = |k: usize| {
            let mask = match cam.stretch {
                Stretch::Fine => stretched(cam.masks.square(&channel(k), 7, SIDE)),
                Stretch::Coarse => cam.masks.square(&stretched(channel(k)), 7, SIDE),
            };
            let image: Vec<f32> = picture.1.iter().enumerate().map(|(i, x)| x * mask[i / 3]).collect();
            let images = backlit_net::Images::new(&image).unwrap();
            f64::from(backlit_net::Engine::predict(&fake, images).unwrap().data[1])
        };
        let scores: Vec<f64> = order[..most].iter().map(|&k| score(k)).collect();
        let powers: f64 = scores.iter().map(|s| s.exp()).sum();
        let mut expected = vec![0f32; 49];
        for (&k, s) in order[..most].iter().zip(&scores) {
            let weight = if cam.weights == ChannelWeights::Softmax { s.exp() / powers } else { *s };
            expected.iter_mut().zip(channel(k)).for_each(|(e, a)| *e += weight as f32 * a);
        }
        close("score-cam", coarse(&found), &expected, 1e-4);
    }
}

#[test]
fn full_grad_adds_up_to_the_score() {
    let (fake, picture) = (Fake::new(6), picture(6));
    let objectives = [class(2), Objective { against: Some(class(9).target), ..class(4) }];
    for &rescale in Rescale::ALL {
        let recipe = Recipe::FullGrad(FullGrad { rescale, ..FullGrad::default() });
        for found in ask(&fake, &picture, &objectives, recipe, &Run::default()).unwrap() {
            let completeness = found.completeness.unwrap();
            assert!(completeness.expected.abs() >= 0.01, "{completeness:?}");
            assert!(completeness.residual.abs() <= 1e-5, "{completeness:?}");
            assert!(found.values.min_max().unwrap().0 >= 0.0 && found.coarse.is_none());
        }
    }
    let unlikely = Objective { score: Score::Probability, ..class(2) };
    let found = ask(&fake, &picture, &[unlikely], Recipe::FullGrad(FullGrad::default()), &Run::default()).unwrap();
    assert_eq!(found[0].completeness, None);
}

/// Unscaled, and up-sampled without overlap, the map adds up to all absolute contributions.
#[test]
fn full_grad_without_rescaling_by_hand() {
    let (fake, picture) = (Fake::new(7), picture(7));
    let recipe = Recipe::FullGrad(FullGrad { rescale: Rescale::None, upsample: Upsample::Nearest });
    let found = ask(&fake, &picture, &[class(2)], recipe, &Run::default()).unwrap().remove(0);
    let gradient = ask(&fake, &picture, &[class(2)], Recipe::new(crate::Method::Gradient), &Run::default()).unwrap();
    let pixels = gradient[0].values.values.iter().zip(&picture.1).map(|(g, x)| f64::from((g * x).abs()));
    let activations = fake.activations(&picture.1);
    let biases = activations.iter().enumerate().filter(|(_, a)| **a > 0.0).map(|(i, _)| {
        let k = i % FEATURES;
        f64::from((fake.b[k] * fake.weight[k * CLASSES + 2] / 49.0).abs()) * 32.0 * 32.0
    });
    let expected = pixels.sum::<f64>() + biases.sum::<f64>();
    let sum: f64 = found.values.values.iter().map(|&v| f64::from(v)).sum();
    assert!((sum / expected - 1.0).abs() <= 1e-5, "{sum} for {expected}");
}

#[test]
fn guided_grad_cam_is_the_product() {
    let (fake, picture) = (Fake::new(8), picture(8));
    let answer = |recipe| ask(&fake, &picture, &[class(2)], recipe, &Run::default()).unwrap().remove(0);
    let cam = answer(Recipe::Cam(Cam { upsample: Upsample::Nearest, ..Cam::default() }));
    let guided = answer(Recipe::new(crate::Method::Guided));
    let both = answer(Recipe::GuidedGradCam(GuidedGradCam { upsample: Upsample::Nearest, layer: Tap::LAST }));
    let expected: Vec<f32> =
        guided.values.values.iter().enumerate().map(|(i, g)| g * cam.values.values[i / 3]).collect();
    assert_eq!(both.values.values, expected);
    assert_eq!(both.coarse, cam.coarse);
}

/// Zero activations, zero gradients, channels that are the same everywhere, and maps with no positive value.
#[test]
fn no_degenerate_network_makes_a_nan() {
    let plain = || Fake::new(9);
    let no_gradient = Fake { weight: vec![0.0; FEATURES * CLASSES], ..plain() };
    let no_score = Fake { weight: vec![0.0; FEATURES * CLASSES], bias: vec![0.0; CLASSES], ..plain() };
    let no_activation = Fake { b: vec![-1e9; FEATURES], ..plain() };
    let all_negative = Fake { weight: vec![-0.01; FEATURES * CLASSES], ..plain() };
    let mut recipes = closed_forms();
    recipes.extend(crate::Method::ALL.iter().filter(|m| m.is_coarse()).filter_map(|&m| match Recipe::new(m) {
        Recipe::ScoreCam(cam) => Some(Recipe::ScoreCam(ScoreCam { most: Some(20), ..cam })),
        recipe @ (Recipe::Cam(_) | Recipe::AblationCam(_) | Recipe::EigenCam(_) | Recipe::FullGrad(_)) => Some(recipe),
        _ => None,
    }));
    recipes.push(Recipe::GuidedGradCam(GuidedGradCam::default()));
    let constant = (vec![124; SIDE * SIDE * 3], vec![0.0; SIDE * SIDE * 3]);
    for (name, fake) in
        [("gradient", no_gradient), ("score", no_score), ("activation", no_activation), ("negative", all_negative)]
    {
        for picture in [picture(9), constant.clone()] {
            for recipe in &recipes {
                let found = ask(&fake, &picture, &[class(0)], recipe.clone(), &Run::default()).unwrap().remove(0);
                assert!(found.values.values.iter().all(|v| v.is_finite()), "{name}: {recipe:?}");
                if let (Recipe::Cam(Cam { relu: true, .. }), "negative") = (recipe, name) {
                    assert!(found.values.values.iter().all(|&v| v == 0.0), "{recipe:?}");
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    let fake = Fake::new(10);
    let head = backlit_net::Engine::head(&fake).unwrap();
    let features = vec![0.0; 49 * FEATURES];
    let early = Recipe::Cam(Cam { layer: MIDDLE, ..Cam::default() });
    for (recipe, features) in [
        (early, features.as_slice()),
        (Recipe::ScoreCam(ScoreCam::default()), &features),
        (Recipe::Cam(Cam::default()), &features[1..]),
    ] {
        let error = all_classes(&recipe, features, &head).unwrap_err();
        assert!(matches!(error, MethodError::Parameter { .. }) && !error.to_string().contains('\n'), "{error}");
    }
    let none = Recipe::ScoreCam(ScoreCam { most: Some(0), ..ScoreCam::default() });
    let error = ask(&fake, &picture(1), &[class(0)], none, &Run::default()).unwrap_err();
    assert_eq!(error.to_string(), "scorecam: most is 0: a number from 1 on, or none for all channels");
}
