//! `backlit predict`.

use backlit::cpu::isa::Level;
use backlit_testkit::compare::relative_l2;

use crate::support::{Place, chelsea, golden, keys, number};

#[test]
fn json_is_the_contract_and_nothing_else() {
    let run = Place::new().run("predict {cat} --json").ok();
    let value = run.json();
    assert_eq!(keys(&value), ["images"]);
    let images = value["images"].as_array().unwrap();
    assert_eq!(images.len(), 1);
    assert_eq!(keys(&images[0]), ["image", "predictions"]);
    assert_eq!(images[0]["image"], chelsea().to_str().unwrap());
    let predictions = images[0]["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 5);
    for (prediction, (rank, class, wnid, label)) in predictions.iter().zip([
        (1, 285, "n02124075", "Egyptian_cat"),
        (2, 282, "n02123159", "tiger_cat"),
        (3, 281, "n02123045", "tabby"),
        (4, 793, "n04209133", "shower_cap"),
        (5, 287, "n02127052", "lynx"),
    ]) {
        assert_eq!(keys(prediction), ["rank", "class_idx", "wnid", "label", "logit", "probability"]);
        let found = ["rank", "class_idx", "wnid", "label"].map(|key| &prediction[key]);
        assert!(found[0] == rank && found[1] == class && found[2] == wnid && found[3] == label, "{prediction}");
    }
}

#[test]
fn all_classes_agree_with_a_float64_network() {
    let run = Place::new().run("predict {cat} --json --top 1000").ok();
    let value = run.json();
    let predictions = value["images"][0]["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 1000);
    let mut logits = vec![f64::NAN; 1000];
    for (i, prediction) in predictions.iter().enumerate() {
        assert_eq!(prediction["rank"], i + 1);
        logits[prediction["class_idx"].as_u64().unwrap() as usize] = number(&prediction["logit"]);
    }
    let error = relative_l2(&logits, &golden().values("logits"));
    assert!(error <= 2e-6, "logits: {error}");
    let probabilities: Vec<f64> = predictions.iter().map(|p| number(&p["probability"])).collect();
    assert!(probabilities.is_sorted_by(|a, b| a >= b));
    let sum: f64 = probabilities.iter().sum();
    assert!((sum - 1.0).abs() <= 1e-9, "the probabilities add up to {sum}");
}

#[test]
fn text_lists_the_best_classes_in_order() {
    let run = Place::new().run("predict {cat} --top 3").ok();
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(lines[0], chelsea().to_str().unwrap());
    assert_eq!(lines[1].split_whitespace().next(), Some("rank"));
    let label = |line: &str| line.split_whitespace().nth(1).unwrap().to_owned();
    assert_eq!(lines[2..5].iter().map(|l| label(l)).collect::<Vec<_>>(), ["Egyptian_cat", "tiger_cat", "tabby"]);
    assert_eq!(lines[5..], [""]);
}

#[test]
fn the_oracle_agrees() {
    let place = Place::new();
    let oracle = all_logits(&place, "--engine reference --precision f32");
    let fast = all_logits(&place, "--engine cpu --isa portable --precision f32");
    let error = relative_l2(&fast, &oracle);
    assert!(error <= 4e-6, "logits: {error}");
}

/// The logits of all classes, with some more options.
fn all_logits(place: &Place, options: &str) -> Vec<f64> {
    let answer = place.run(&format!("predict {{cat}} --json --top 1000 {options}")).ok().json();
    let mut logits = vec![f64::NAN; 1000];
    for p in answer["images"][0]["predictions"].as_array().unwrap() {
        logits[p["class_idx"].as_u64().unwrap() as usize] = number(&p["logit"]);
    }
    logits
}

#[test]
fn tiles_where_there_are_any_and_else_the_reason() {
    let place = Place::new();
    if !Level::Amx.is_available() {
        place.run("predict {cat} --engine cpu --precision mixed").fails(1, &["`mixed`", "AMX"]);
        place.run("predict {cat} --engine cpu --precision half").fails(1, &["`half`", "AMX"]);
        return;
    }
    let exact = all_logits(&place, "--engine cpu --isa avx512 --precision f32");
    for (precision, limit) in [("mixed", 1e-4), ("half", 5e-2)] {
        let found = all_logits(&place, &format!("--engine cpu --isa amx --precision {precision}"));
        let error = relative_l2(&found, &exact);
        assert!(0.0 < error && error <= limit, "{precision}: {error}");
    }
}
