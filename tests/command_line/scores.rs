//! Scores: one class against another, and probability instead of logit.

use backlit_testkit::compare::relative_l2;
use backlit_testkit::random::to_f64;

use crate::support::{Place, number};

fn gradient(place: &Place, file: &str) -> Vec<f64> {
    to_f64(&place.tensors(file)["gradient"].1)
}

#[test]
fn a_contrast_is_the_difference_of_two_gradients() {
    let place = Place::new();
    place.run("saliency {cat} --target tabby,n02123159 --sigma 0 --format safetensors").ok();
    place.run("saliency {cat} --target tabby --against tiger_cat --sigma 0 --format safetensors").ok();
    let (tabby, tiger) =
        (gradient(&place, "chelsea.gradient.281.safetensors"), gradient(&place, "chelsea.gradient.282.safetensors"));
    let difference: Vec<f64> = tabby.iter().zip(&tiger).map(|(a, b)| a - b).collect();
    let contrast = gradient(&place, "chelsea.gradient.281-282.safetensors");
    let error = relative_l2(&contrast, &difference);
    // Where the ReLUs open does not depend on the seed: the gradient is linear in it but for rounding.
    assert!(error <= 1e-4, "{error}");
    let target = &place.json("manifest.json")["images"][0]["maps"][0]["target"];
    assert_eq!((&target["class_idx"], &target["against"]), (&281.into(), &282.into()));
}

/// `d p = p (d score - sum of all q d score)`, with the sum over the classes that matter.
#[test]
fn a_probability_weighs_all_classes() {
    const CLASSES: usize = 12;
    let place = Place::new();
    let targets: Vec<String> = (1..=CLASSES).map(|rank| format!("top{rank}")).collect();
    let line =
        format!("saliency {{cat}} --target {} --sigma 0 --format safetensors --top {CLASSES}", targets.join(","));
    place.run(&line).ok();
    let image = place.json("manifest.json")["images"][0].clone();
    let probability = |i: usize| number(&image["predictions"][i]["probability"]);
    let logit = |i: usize| gradient(&place, image["maps"][i]["files"]["safetensors"].as_str().unwrap());
    let mut expected = logit(0);
    for (i, logit) in (0..CLASSES).map(|i| (i, logit(i))) {
        expected.iter_mut().zip(logit).for_each(|(sum, d)| *sum -= probability(i) * d);
    }
    expected.iter_mut().for_each(|d| *d *= probability(0));

    place.run("saliency {cat} --score probability --sigma 0 --format safetensors").ok();
    let found = gradient(&place, "chelsea.gradient.285.safetensors");
    let error = relative_l2(&found, &expected);
    println!("without the other classes: {error:.3}");
    assert!(error <= 0.05, "{error}");
    assert!(relative_l2(&found, &logit(1)) > 0.5, "and no other class does as well");
    assert_eq!(place.json("manifest.json")["images"][0]["maps"][0]["params"]["score"], "probability");
}

#[test]
fn a_class_against_itself_is_blank_and_said_to_be() {
    let place = Place::new();
    let run = place.run("saliency {cat} --target tabby --against tabby");
    assert_eq!(run.code, 0);
    assert!(run.err.starts_with("note: ") && run.err.contains("blank") && run.err.lines().count() == 1, "{}", run.err);
    assert_eq!(place.json("manifest.json")["images"][0]["maps"][0]["blank"], true);
}
