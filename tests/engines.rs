//! The Engine contract: both engines agree, and what an image gets depends on nothing but the image.
//!
//! Full-size synthetic weights, so that nothing here depends on a download.

use std::sync::LazyLock;

use backlit_cpu::isa::Level;
use backlit_cpu::{Cpu, CpuError, CpuOptions};
use backlit_net::engine::{Gradients, Pace, Sampler};
use backlit_net::weights::{Naming, Weights};
use backlit_net::{CLASSES, Engine, EngineError, IMAGE_LEN, Images, Rule, Seeds, Tap, Variant};
use backlit_reference::Reference;
use backlit_testkit::compare::{assert_close, assert_same, relative_l2};
use backlit_testkit::random::{Random, to_f32, to_f64};
use backlit_testkit::synthetic::weights_bytes;
use backlit_tests::levels;

static V1: LazyLock<Weights> = LazyLock::new(|| synthetic(Variant::V1));
static V1_5: LazyLock<Weights> = LazyLock::new(|| synthetic(Variant::V1_5));
const RULES: [Rule; 3] = [Rule::Plain, Rule::Guided, Rule::Rectified];

fn synthetic(variant: Variant) -> Weights {
    let bytes = weights_bytes(variant, Naming::Torchvision, 7);
    Weights::from_bytes(bytes, "synthetic").expect("synthetic weights")
}

fn cpu(weights: &Weights, level: Level, threads: Option<usize>) -> Cpu {
    Cpu::new(weights, CpuOptions { threads, level: Some(level), ..CpuOptions::default() }).expect("an available level")
}

/// Images of the size that preprocessing yields: about 100 for caffe, about 1 for torch.
fn images(weights: &Weights, n: usize) -> Vec<f32> {
    let scale = if weights.variant() == Variant::V1 { 120.0 } else { 2.0 };
    to_f32(&Random::new(11).values(n * IMAGE_LEN, scale))
}

/// Two dense seeds an image.
fn two_seeds(n: usize) -> Vec<f32> {
    to_f32(&Random::new(12).values(n * 2 * CLASSES, 1.0))
}

#[test]
fn cpu_agrees_with_the_oracle_for_both_variants_and_all_rules() {
    for weights in [&*V1, &*V1_5] {
        let oracle = Reference::<f64>::new(weights);
        let (data, rows) = (images(weights, 1), two_seeds(1));
        let (images, seeds) = (Images::new(&data).unwrap(), Seeds::Rows { data: &rows, per_image: 2 });
        let expected = RULES.map(|rule| oracle.gradient(images, seeds, rule).unwrap());
        for level in levels() {
            let cpu = cpu(weights, level, None);
            for (rule, expected) in RULES.iter().zip(&expected) {
                let found = cpu.gradient(images, seeds, *rule).unwrap();
                let what = format!("{} {level} {rule:?}", weights.variant());
                let error = relative_l2(&to_f64(&found.logits), &to_f64(&expected.logits));
                assert!(error <= 2e-6, "{what}: logits {error}");
                for seed in 0..2 {
                    // A gate that flips within rounding costs more than rounding does.
                    let error = relative_l2(&to_f64(found.of(0, seed)), &to_f64(expected.of(0, seed)));
                    assert!(error <= 1e-2, "{what}: gradient {seed} {error}");
                }
            }
        }
    }
}

#[test]
fn bytes_do_not_depend_on_split_threads_order_or_company() {
    const N: usize = 9;
    let weights = &*V1;
    let (data, rows) = (images(weights, N), two_seeds(N));
    for level in levels() {
        let whole = |threads: usize| -> Gradients {
            let seeds = Seeds::Rows { data: &rows, per_image: 2 };
            cpu(weights, level, Some(threads)).gradient(Images::new(&data).unwrap(), seeds, Rule::Plain).unwrap()
        };
        let expected = whole(1);
        for threads in [2, 16] {
            assert!(whole(threads) == expected, "{level}: {threads} threads give other bytes than one");
        }
        // One by one, last to first, one seed at a time.
        let engine = cpu(weights, level, None);
        for image in (0..N).rev().step_by(3) {
            let data = &data[image * IMAGE_LEN..][..IMAGE_LEN];
            for seed in 0..2 {
                let row = &rows[(image * 2 + seed) * CLASSES..][..CLASSES];
                let seeds = Seeds::Rows { data: row, per_image: 1 };
                let alone = engine.gradient(Images::new(data).unwrap(), seeds, Rule::Plain).unwrap();
                assert_same(&format!("{level} logits {image}"), &alone.logits, expected.logits_of(image));
                assert_same(&format!("{level} gradient {image}"), &alone.gradient, expected.of(image, seed));
            }
        }
    }
}

#[test]
fn seeds_may_wait_for_the_logits() {
    let data = images(&V1, 2);
    let images = Images::new(&data).unwrap();
    let engine = cpu(&V1, Level::best(), None);
    let top = |logits: &[f32]| (0..CLASSES).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap();
    let late = Seeds::FromLogits { per_image: 1, write: &|_, logits, row| row[top(logits)] = 1.0 };
    let found = engine.gradient(images, late, Rule::Plain).unwrap();

    let logits = engine.predict(images).unwrap();
    assert_same("logits", &found.logits, &logits.data);
    let mut rows = vec![0.0; 2 * CLASSES];
    for image in 0..2 {
        rows[image * CLASSES + top(logits.row(image))] = 1.0;
    }
    let early = engine.gradient(images, Seeds::Rows { data: &rows, per_image: 1 }, Rule::Plain).unwrap();
    assert_same("gradient", &found.gradient, &early.gradient);

    let bad =
        Seeds::FromLogits { per_image: 1, write: &|image, _, row| row[3] = if image == 1 { f32::NAN } else { 1.0 } };
    assert!(matches!(engine.gradient(images, bad, Rule::Plain), Err(EngineError::NonFiniteSeed { image: 1, .. })));
}

#[test]
fn taps_of_both_engines_agree_and_lead_down_to_each_other() {
    let data = images(&V1_5, 1);
    let (images, rows) = (Images::new(&data).unwrap(), two_seeds(1));
    let seeds = Seeds::Rows { data: &rows, per_image: 2 };
    let (oracle, engine) = (Reference::<f64>::new(&V1_5), cpu(&V1_5, Level::best(), None));
    for index in [0, 2, 3, 12, 15] {
        let expected = oracle.gradient_at(images, seeds, Rule::Plain, Tap::Block(index)).unwrap();
        let found = engine.gradient_at(images, seeds, Rule::Plain, Tap::Block(index)).unwrap();
        assert_eq!((found.side, found.channels), (expected.side, expected.channels));
        let error = relative_l2(&to_f64(&found.activation), &to_f64(&expected.activation));
        assert!(error <= 1e-5, "activation of block {index}: {error}");
        let error = relative_l2(&to_f64(&found.gradient), &to_f64(&expected.gradient));
        assert!(error <= 1e-2, "gradient at block {index}: {error}");
    }
    let last = engine.gradient_at(images, seeds, Rule::Plain, Tap::Block(15)).unwrap();
    let features = engine.features(images).unwrap();
    assert_same("features", &features.data, &last.activation);
    assert_same("logits", &features.logits, &last.logits);
    assert_eq!(Tap::by_name(engine.network(), "layer3.1"), Tap::by_name(engine.network(), "4b"));
    assert_eq!(Tap::by_name(engine.network(), "6a"), None);
}

#[test]
fn gradient_agrees_with_differences_of_the_oracle() {
    // Along random directions, in double precision, with steps so small that next to no gate flips within them. Every
    // direction must agree.
    for weights in [&*V1, &*V1_5] {
        let oracle = Reference::<f64>::new(weights);
        let model = oracle.model();
        let x = to_f64(&images(weights, 1));
        let seed = Random::new(5).values(CLASSES, 1.0);
        let trace = model.forward(&x);
        let gradient = model.backward(&trace, &seed, Rule::Plain, None).input;
        let score = |x: &[f64]| -> f64 { model.forward(x).logits.iter().zip(&seed).map(|(y, u)| y * u).sum() };
        for direction in 0..2 {
            let v = Random::new(100 + direction).values(IMAGE_LEN, 1.0);
            let step = |h: f64| score(&x.iter().zip(&v).map(|(x, v)| x + h * v).collect::<Vec<_>>());
            let h = 1e-7;
            let difference = (step(h) - step(-h)) / (2.0 * h);
            let expected: f64 = gradient.iter().zip(&v).map(|(g, v)| g * v).sum();
            let size = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            assert_close(weights.variant().as_str(), &[expected / size], &[difference / size], 1e-4);
        }
    }
}

#[test]
fn moments_are_those_of_the_copies() {
    let data = images(&V1, 1);
    let image = Images::new(&data).unwrap();
    let engine = cpu(&V1, Level::best(), None);
    let row = &two_seeds(1)[..CLASSES];
    let seeds = Seeds::Rows { data: row, per_image: 1 };
    const SAMPLES: usize = 5;
    let noise = Sampler::Noise { sigma: 20.0, seed: 1, key: 2, samples: SAMPLES };
    for sampler in [Sampler::midpoint_path(vec![1.0; IMAGE_LEN], SAMPLES), noise] {
        let moments = |batch| {
            let mut pace = Pace { batch, watch: None };
            engine.gradient_moments(image, &sampler, seeds, Rule::Plain, &mut pace).unwrap()
        };
        let found = moments(2);
        assert_eq!(found.samples, SAMPLES);
        assert_eq!(found, moments(1), "one copy at a time");
        assert_eq!(found, moments(64), "all at once");

        let (mut mean, mut square) = (vec![0.0; IMAGE_LEN], vec![0.0; IMAGE_LEN]);
        for i in 0..SAMPLES {
            let mut copy = vec![f32::NAN; IMAGE_LEN];
            sampler.write(i, &data, &mut copy);
            let gradient = engine.gradient(Images::new(&copy).unwrap(), seeds, Rule::Plain).unwrap().gradient;
            for ((m, s), g) in mean.iter_mut().zip(&mut square).zip(to_f64(&gradient)) {
                *m += g / SAMPLES as f64;
                *s += g * g / SAMPLES as f64;
            }
        }
        assert!(relative_l2(&to_f64(&found.mean), &mean) <= 1e-7);
        assert!(relative_l2(&to_f64(&found.mean_square), &square) <= 1e-7);
    }
    let refused = |sampler| engine.gradient_moments(image, &sampler, seeds, Rule::Plain, &mut Pace::default());
    assert!(matches!(refused(Sampler::midpoint_path(vec![1.0; 7], SAMPLES)), Err(EngineError::Sampler(_))));
    assert!(matches!(refused(Sampler::midpoint_path(vec![1.0; IMAGE_LEN], 0)), Err(EngineError::Sampler(_))));
}

#[test]
fn bad_questions_get_typed_answers() {
    assert!(matches!(Images::new(&[]), Err(EngineError::EmptyBatch)));
    assert!(matches!(Images::new(&[0.0; 5]), Err(EngineError::ImageLength { found: 5 })));
    let mut data = images(&V1, 2);
    data[IMAGE_LEN + (3 * 224 + 5) * 3 + 1] = f32::INFINITY;
    let error = Images::new(&data).unwrap_err();
    assert!(matches!(error, EngineError::NonFinite { image: 1, row: 3, column: 5, channel: 1, .. }), "{error}");

    data[IMAGE_LEN + (3 * 224 + 5) * 3 + 1] = 0.0;
    let images = Images::new(&data).unwrap();
    let engine = cpu(&V1, Level::best(), None);
    let oracle = Reference::<f32>::new(&V1);
    for engine in [&engine as &dyn Engine, &oracle] {
        let gradient = |seeds| engine.gradient(images, seeds, Rule::Plain);
        let none = Seeds::Rows { data: &[], per_image: 0 };
        assert!(matches!(gradient(none), Err(EngineError::SeedLength { .. })));
        let short = Seeds::Rows { data: &[0.0; CLASSES], per_image: 1 };
        assert!(matches!(gradient(short), Err(EngineError::SeedLength { images: 2, .. })));
        let nan = vec![f32::NAN; 2 * CLASSES];
        let nan = Seeds::Rows { data: &nan, per_image: 1 };
        assert!(matches!(gradient(nan), Err(EngineError::NonFiniteSeed { .. })));
        let tap = engine.gradient_at(
            images,
            Seeds::Rows { data: &[0.0; 2 * CLASSES], per_image: 1 },
            Rule::Plain,
            Tap::Block(16),
        );
        assert!(matches!(tap, Err(EngineError::NoSuchBlock { index: 16 })));
        let two = {
            let (path, row) = (Sampler::midpoint_path(vec![], 1), Seeds::Rows { data: &[0.0; CLASSES], per_image: 1 });
            engine.gradient_moments(images, &path, row, Rule::Plain, &mut Pace::default())
        };
        assert!(matches!(two, Err(EngineError::OneImage { found: 2 })));
    }
    // Pixels so large that the network overflows: no answer is better than a wrong one.
    let huge = vec![3e38; IMAGE_LEN];
    let huge = Images::new(&huge).unwrap();
    for engine in [&engine as &dyn Engine, &oracle] {
        assert!(matches!(engine.predict(huge), Err(EngineError::NonFiniteLogits { image: 0 })));
    }
    // Far more seeds than memory: an error, not an abort.
    let many = Seeds::FromLogits { per_image: usize::MAX / 8 / IMAGE_LEN / 4, write: &|_, _, _| () };
    assert!(matches!(
        engine.gradient(images, many, Rule::Plain),
        Err(EngineError::OutOfMemory { .. } | EngineError::SeedLength { .. })
    ));

    let options = CpuOptions { threads: Some(0), level: None, ..CpuOptions::default() };
    assert!(matches!(Cpu::new(&V1, options), Err(CpuError::Threads { threads: 0, .. })));
}

#[test]
fn leaving_out_what_nobody_reads_changes_no_bit() {
    let (data, rows) = (images(&V1, 2), two_seeds(2));
    let (images, seeds) = (Images::new(&data).unwrap(), Seeds::Rows { data: &rows, per_image: 2 });
    for level in levels() {
        let engine =
            |dead_code| Cpu::new(&V1, CpuOptions { level: Some(level), dead_code, ..CpuOptions::default() }).unwrap();
        let (lean, whole) = (engine(true), engine(false));
        for rule in RULES {
            let [lean, whole] = [&lean, &whole].map(|engine| engine.gradient(images, seeds, rule).unwrap());
            assert!(lean.logits == whole.logits, "{level} {rule}: logits");
            assert!(lean.gradient == whole.gradient, "{level} {rule}: gradient");
        }
        // The blocks that are computed in part are whole where somebody looks at them.
        for block in [2, 6, 12] {
            let [lean, whole] = [&lean, &whole]
                .map(|engine| engine.gradient_at(images, seeds, Rule::Plain, Tap::Block(block)).unwrap());
            assert!(lean.activation == whole.activation && lean.gradient == whole.gradient, "{level}: block {block}");
        }
    }
}
