//! Layer-wise relevance propagation: zennit's numbers, conservation, and the contract of both implementations.
//!
//! The golden file holds what zennit 0.5.1 says in double precision with the published weights about the photograph
//! of this repository, starting from 1 at the class's logit.

use std::sync::LazyLock;

use backlit_cpu::{Cpu, CpuLrp, CpuOptions};
use backlit_net::relevance::{Composite, LrpRules, Propagate};
use backlit_net::weights::{Naming, Weights};
use backlit_net::{CLASSES, Engine, EngineError, IMAGE_LEN, Images, Rule, SIDE, Seeds, Variant};
use backlit_reference::{Model, Reference};
use backlit_testkit::compare::{assert_same, relative_l2};
use backlit_testkit::golden::{Golden, one_hot};
use backlit_testkit::random::{Random, to_f32, to_f64};
use backlit_testkit::synthetic::weights_bytes;
use backlit_tests::levels;

static V1: LazyLock<Weights> = LazyLock::new(|| synthetic(Variant::V1));
const FLAT: LrpRules = LrpRules { composite: Composite::EpsilonPlusFlat, epsilon: 1e-6, stabiliser: 1e-6 };

fn synthetic(variant: Variant) -> Weights {
    Weights::from_bytes(weights_bytes(variant, Naming::Torchvision, 7), "synthetic").expect("synthetic weights")
}

fn images(weights: &Weights, n: usize) -> Vec<f32> {
    let scale = if weights.variant() == Variant::V1 { 120.0 } else { 2.0 };
    to_f32(&Random::new(11).values(n * IMAGE_LEN, scale))
}

fn cpu(weights: &Weights) -> Vec<(String, CpuLrp)> {
    let cpu = |level| {
        CpuLrp::new(weights, CpuOptions { threads: None, level: Some(level), ..CpuOptions::default() }).unwrap()
    };
    levels().into_iter().map(|level| (level.to_string(), cpu(level))).collect()
}

/// A map of the image as the golden file keeps it: whole, summed over the channels, or of these sums those at even
/// rows and columns.
fn as_kept(map: &[f64], kept: usize) -> Vec<f64> {
    let sum = |pixel: usize| map[3 * pixel..][..3].iter().sum();
    let even = |&pixel: &usize| (pixel / SIDE).is_multiple_of(2) && (pixel % SIDE).is_multiple_of(2);
    match IMAGE_LEN / kept {
        1 => map.to_vec(),
        3 => (0..SIDE * SIDE).map(sum).collect(),
        _ => (0..SIDE * SIDE).filter(even).map(sum).collect(),
    }
}

#[test]
fn zennits_numbers() {
    let path = backlit::sources::ensure(&backlit::sources::Source::Npm, &mut |_| ()).expect("the published weights");
    let weights = Weights::open(&path).expect("the published weights");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");
    let zennit = Golden::open(format!("{folder}/peers/zennit.safetensors").as_ref());
    let photograph = Golden::open(format!("{folder}/chelsea.safetensors").as_ref());
    let [top, second] = photograph.targets();
    let logit = zennit.values("zennit.epsilon_plus.logit")[0];
    let check = |what: &str, found: &[f64], key: &str, tolerance: f64| {
        let expected = zennit.values(&format!("zennit.{key}"));
        let error = relative_l2(&as_kept(found, expected.len()), &expected);
        println!("{what} {key}: {error:.1e}");
        assert!(error <= tolerance, "{what} {key}: {error}");
    };

    let model = Model::<f64>::new(&weights);
    let x = photograph.input_f64();
    let trace = model.forward(&x);
    assert!((trace.logits[top] - logit).abs() <= 1e-6 * logit);
    let oracle = |class: usize, rules: &LrpRules| model.relevance(&x, &trace, &to_f64(&one_hot(class)), rules);
    let plus = LrpRules::default();
    let found = oracle(top, &plus);
    check("oracle", &found.input, "epsilon_plus", 1e-6);
    check("oracle", &oracle(second, &plus).input, "epsilon_plus.second", 1e-6);
    check("oracle", &oracle(top, &FLAT).input, "epsilon_plus_flat", 1e-6);
    // On the way: every sum, and where relevance lies at the end of each stage.
    let places: Vec<&Vec<f64>> = [&found.pooled].into_iter().chain(&found.blocks).collect();
    let sums: Vec<f64> = places.iter().map(|relevance| relevance.iter().sum()).collect();
    let error = relative_l2(&sums, &zennit.values("zennit.epsilon_plus.sums"));
    assert!(error <= 1e-6, "the sums at the blocks: {error}");
    for (place, name) in [(0, "pool1"), (3, "2c"), (7, "3d"), (13, "4f"), (16, "5c")] {
        let expected = zennit.values(&format!("zennit.epsilon_plus.at_{name}"));
        let channels = places[place].len() / expected.len();
        let by_pixel: Vec<f64> = places[place].chunks_exact(channels).map(|pixel| pixel.iter().sum()).collect();
        let error = relative_l2(&by_pixel, &expected);
        assert!(error <= 1e-6, "relevance at {name}: {error}");
    }

    let input = photograph.input();
    let rows = [one_hot(top), one_hot(second)].concat();
    for (level, cpu) in cpu(&weights) {
        let relevance = |rules| {
            let seeds = Seeds::Rows { data: &rows, per_image: 2 };
            let found = cpu.relevance(Images::new(&input).unwrap(), seeds, rules).unwrap();
            // What shares out a logit, for a relevance that began as one.
            let unit = |seed: usize, class: usize| -> Vec<f64> {
                found.of(0, seed).iter().map(|&v| f64::from(v) / f64::from(found.logits[class])).collect()
            };
            [unit(0, top), unit(1, second)]
        };
        let [first, other] = relevance(&plus);
        check(&level, &first, "epsilon_plus", 1e-3);
        check(&level, &other, "epsilon_plus.second", 1e-3);
        check(&level, &relevance(&FLAT)[0], "epsilon_plus_flat", 1e-3);
    }
}

#[test]
fn cpu_agrees_with_the_oracle_for_both_variants() {
    // The composites differ in the stem alone, so one with each variant will do.
    for (weights, rules) in [(&*V1, LrpRules::default()), (&synthetic(Variant::V1_5), FLAT)] {
        let (data, row) = (images(weights, 1), to_f32(&Random::new(12).values(CLASSES, 1.0)));
        let (image, seeds) = (Images::new(&data).unwrap(), Seeds::Rows { data: &row, per_image: 1 });
        let expected = Reference::<f64>::new(weights).relevance(image, seeds, &rules).unwrap();
        for (level, cpu) in cpu(weights) {
            let found = cpu.relevance(image, seeds, &rules).unwrap();
            let error = relative_l2(&to_f64(&found.gradient), &to_f64(&expected.gradient));
            println!("{} {level} {}: {error:.1e}", weights.variant(), rules.composite);
            assert!(error <= 1e-3, "{} {level} {}: {error}", weights.variant(), rules.composite);
        }
    }
}

/// The weights without their biases: a network in which nothing is left to share with.
fn without_biases(variant: Variant) -> Weights {
    let mut bytes = weights_bytes(variant, Naming::Torchvision, 7);
    let start = bytes.as_ptr().addr();
    let places: Vec<_> = {
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let none = |name: &str| name.ends_with("bias") || name.ends_with("running_mean");
        let tensors = file.tensors().into_iter().filter(|(name, _)| none(name));
        tensors.map(|(_, view)| (view.data().as_ptr().addr() - start, view.data().len())).collect()
    };
    places.into_iter().for_each(|(at, len)| bytes[at..at + len].fill(0));
    Weights::from_bytes(bytes, "synthetic").expect("synthetic weights")
}

#[test]
fn without_biases_nothing_is_lost_or_made() {
    for variant in [Variant::V1, Variant::V1_5] {
        let weights = without_biases(variant);
        let data = images(&weights, 1);
        let model = Model::<f64>::new(&weights);
        let x = to_f64(&data);
        let trace = model.forward(&x);
        let best = (0..CLASSES).max_by(|&a, &b| trace.logits[a].total_cmp(&trace.logits[b])).unwrap();
        let score = trace.logits[best];
        let mut start = vec![0.0; CLASSES];
        start[best] = score;
        let tiny = LrpRules { epsilon: 1e-30, stabiliser: 1e-30, ..LrpRules::default() };
        let found = model.relevance(&x, &trace, &start, &tiny);
        for (place, relevance) in found.blocks.iter().chain([&found.pooled, &found.input]).enumerate() {
            let sum = relevance.iter().sum::<f64>();
            println!("{variant} {place}: {sum} of {score}");
            assert!((sum - score).abs() <= 1e-6 * score.abs(), "{variant} {place}: {sum} of {score}");
        }
        for (level, cpu) in cpu(&weights) {
            let row = one_hot(best);
            let seeds = Seeds::Rows { data: &row, per_image: 1 };
            let found = cpu.relevance(Images::new(&data).unwrap(), seeds, &tiny).unwrap();
            let sum = to_f64(&found.gradient).iter().sum::<f64>();
            assert!((sum - score).abs() <= 1e-4 * score.abs(), "{variant} {level}: {sum} of {score}");
        }
    }
}

#[test]
fn bytes_do_not_depend_on_split_threads_or_company() {
    const N: usize = 5;
    let (data, rows) = (images(&V1, N), to_f32(&Random::new(12).values(N * 5 * CLASSES, 1.0)));
    let cpu = |threads| {
        CpuLrp::new(&V1, CpuOptions { threads: Some(threads), level: None, ..CpuOptions::default() }).unwrap()
    };
    let seeds = Seeds::Rows { data: &rows, per_image: 5 };
    let expected = cpu(1).relevance(Images::new(&data).unwrap(), seeds, &LrpRules::default()).unwrap();
    let engine = cpu(3);
    for image in [4, 1] {
        let data = &data[image * IMAGE_LEN..][..IMAGE_LEN];
        for seed in [4, 0] {
            let row = &rows[(image * 5 + seed) * CLASSES..][..CLASSES];
            let seeds = Seeds::Rows { data: row, per_image: 1 };
            let alone = engine.relevance(Images::new(data).unwrap(), seeds, &LrpRules::default()).unwrap();
            assert_same(&format!("logits {image}"), &alone.logits, expected.logits_of(image));
            assert_same(&format!("relevance {image} {seed}"), &alone.gradient, expected.of(image, seed));
        }
    }
    let logits = Cpu::new(&V1, CpuOptions::default()).unwrap().predict(Images::new(&data).unwrap()).unwrap();
    // The engine sums some layers in another order: relevance needs every map whole, and no transform of it.
    let error = relative_l2(&to_f64(&expected.logits), &to_f64(&logits.data));
    assert!(error <= 2e-6, "the engine's logits: {error}");
}

#[test]
fn bad_questions_get_typed_answers() {
    let data = images(&V1, 2);
    let two = Images::new(&data).unwrap();
    assert!(matches!(Images::new(&[]), Err(EngineError::EmptyBatch)));
    let (cpu, oracle) = (CpuLrp::new(&V1, CpuOptions::default()).unwrap(), Reference::<f32>::new(&V1));
    let huge = vec![3e38; IMAGE_LEN];
    for engine in [&cpu as &dyn Propagate, &oracle] {
        let ask = |data, per_image| engine.relevance(two, Seeds::Rows { data, per_image }, &LrpRules::default());
        assert!(matches!(ask(&[], 0), Err(EngineError::SeedLength { .. })));
        assert!(matches!(ask(&[0.0; CLASSES], 1), Err(EngineError::SeedLength { images: 2, .. })));
        assert!(matches!(ask(&[f32::NAN; 2 * CLASSES], 1), Err(EngineError::NonFiniteSeed { image: 0, .. })));
        let late = Seeds::FromLogits { per_image: 1, write: &|_, _, row| row[1] = f32::INFINITY };
        let late = engine.relevance(two, late, &LrpRules::default());
        assert!(matches!(late, Err(EngineError::NonFiniteSeed { .. })));
        let zero = LrpRules { stabiliser: 0.0, ..LrpRules::default() };
        let row = one_hot(1);
        let seeds = Seeds::Rows { data: &row, per_image: 1 };
        let found = engine.relevance(two.get(0), seeds, &zero);
        assert!(matches!(found, Err(EngineError::Stabiliser { what: "stabiliser", .. })));
        let found = engine.relevance(Images::new(&huge).unwrap(), seeds, &LrpRules::default());
        assert!(matches!(found, Err(EngineError::NonFiniteLogits { image: 0 })));
        // A black picture, and a seed that asks for nothing: zeros, not NaNs.
        let (black, nothing) = (vec![0.0; IMAGE_LEN], vec![0.0; CLASSES]);
        let found = engine
            .relevance(Images::new(&black).unwrap(), Seeds::Rows { data: &nothing, per_image: 1 }, &LrpRules::default())
            .unwrap();
        assert!(found.gradient.iter().all(|v| *v == 0.0));
    }
}

#[test]
#[ignore = "a measurement: cargo test --release -p backlit-tests --test lrp -- --ignored --nocapture"]
fn how_long_it_takes() {
    let (data, row) = (images(&V1, 8), one_hot(3).repeat(8));
    let (batch, seeds) = (Images::new(&data).unwrap(), Seeds::Rows { data: &row, per_image: 1 });
    let lrp = CpuLrp::new(&V1, CpuOptions::default()).unwrap();
    let engine = Cpu::new(&V1, CpuOptions::default()).unwrap();
    for _ in 0..3 {
        let start = std::time::Instant::now();
        engine.gradient(batch, seeds, Rule::Plain).unwrap();
        let gradient = start.elapsed();
        let start = std::time::Instant::now();
        lrp.relevance(batch, seeds, &LrpRules::default()).unwrap();
        let relevance = start.elapsed();
        println!("8 images: gradient {gradient:?}, relevance {relevance:?}");
    }
}
