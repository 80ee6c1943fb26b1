//! The gradients at all convolutions: with the biases they account for the whole score (arXiv:1905.00780).

use backlit_cpu::{Cpu, CpuOptions};
use backlit_net::arch::CONVS;
use backlit_net::engine::ConvGradient;
use backlit_net::weights::{Naming, Weights};
use backlit_net::{CLASSES, Engine, EngineError, IMAGE_LEN, Images, Rule, Seeds, Variant};
use backlit_reference::Reference;
use backlit_testkit::compare::relative_l2;
use backlit_testkit::random::{Random, to_f32, to_f64};
use backlit_testkit::synthetic::weights_bytes;
use backlit_tests::levels;

fn synthetic(variant: Variant) -> Weights {
    Weights::from_bytes(weights_bytes(variant, Naming::Torchvision, 7), "synthetic").expect("synthetic weights")
}

fn image(weights: &Weights) -> Vec<f32> {
    let scale = if weights.variant() == Variant::V1 { 120.0 } else { 2.0 };
    to_f32(&Random::new(11).values(IMAGE_LEN, scale))
}

fn cpu(weights: &Weights) -> Vec<(String, Cpu)> {
    let cpu =
        |level| Cpu::new(weights, CpuOptions { threads: None, level: Some(level), ..CpuOptions::default() }).unwrap();
    levels().into_iter().map(|level| (level.to_string(), cpu(level))).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// `(convolution, gradient)` in the order of the calls, all for one seed.
type Seen = Vec<(usize, Vec<f32>)>;

/// Everything that the engine shows, after checking that it adds up to the score of every seed.
fn complete(what: &str, engine: &dyn Engine, x: &[f32], rows: &[f32]) -> Vec<Seen> {
    let seeds = rows.len() / CLASSES;
    let mut parts = vec![0.0; seeds];
    let mut seen = vec![Seen::new(); seeds];
    let mut see = |at: ConvGradient<'_>| {
        let conv = engine.network().convs().nth(at.conv).unwrap();
        assert_eq!((at.bias.len(), at.gradient.len()), (conv.c_out, conv.output_len()), "{what} {}", conv.name);
        parts[at.seed] += at.gradient.chunks_exact(conv.c_out).map(|g| dot(g, at.bias)).sum::<f64>();
        seen[at.seed].push((at.conv, at.gradient.to_vec()));
    };
    let image = Images::new(x).unwrap();
    let questions = Seeds::Rows { data: rows, per_image: seeds };
    let found = engine.conv_gradients(image, questions, Rule::Plain, &mut see).unwrap();
    assert!(found == engine.gradient(image, questions, Rule::Plain).unwrap(), "{what}: not what `gradient` gives");
    let head = engine.head().unwrap().bias;
    for (k, row) in rows.chunks_exact(CLASSES).enumerate() {
        let score = dot(row, &found.logits);
        let terms = [dot(x, found.of(0, k)), parts[k], dot(row, &head)];
        let size = terms.iter().map(|t| t.abs()).sum::<f64>();
        let error = (terms.iter().sum::<f64>() - score).abs() / size;
        println!("{what} seed {k}: {terms:?}, relative error {error:.1e}");
        assert!(error <= 1e-5, "{what} seed {k}: {terms:?} do not add up to {score}");
        // A part that is next to nothing would not be missed.
        assert!(terms.iter().all(|t| t.abs() > 1e-4 * size), "{what} seed {k}: {terms:?}");
    }
    seen
}

#[test]
fn input_and_biases_account_for_the_score_on_both_engines() {
    for weights in [synthetic(Variant::V1), synthetic(Variant::V1_5)] {
        let x = image(&weights);
        let rows = to_f32(&Random::new(12).values(2 * CLASSES, 1.0));
        let oracle = Reference::<f64>::new(&weights);
        let expected = complete("oracle", &oracle, &x, &rows);
        let order: Vec<usize> = expected[0].iter().map(|(conv, _)| *conv).collect();
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..CONVS), "{order:?}");
        assert_eq!((order[0], order[2], order[52]), (52, 50, 0), "from the head down");

        for (level, engine) in cpu(&weights) {
            let what = format!("{} {level}", weights.variant());
            let found = complete(&what, &engine, &x, &rows);
            for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
                assert_eq!(found.0, expected.0, "{what}: the order");
                let error = relative_l2(&to_f64(&found.1), &to_f64(&expected.1));
                assert!(error <= 1e-2, "{what} convolution {}: {error}", found.0);
            }
        }
    }
}

#[test]
fn rules_and_bad_questions() {
    let weights = synthetic(Variant::V1);
    let engine = Cpu::new(&weights, CpuOptions::default()).unwrap();
    let oracle = Reference::<f32>::new(&weights);
    let (x, row) = (image(&weights), to_f32(&Random::new(12).values(CLASSES, 1.0)));
    let guided = |engine: &dyn Engine| {
        let mut negative = 0;
        let mut see = |at: ConvGradient<'_>| negative += at.gradient.iter().filter(|g| **g < 0.0).count();
        let seeds = Seeds::Rows { data: &row, per_image: 1 };
        engine.conv_gradients(Images::new(&x).unwrap(), seeds, Rule::Guided, &mut see).unwrap();
        negative
    };
    assert_eq!((guided(&engine), guided(&oracle)), (0, 0), "behind a guided gate nothing is negative");

    let two = [x.clone(), x.clone()].concat();
    for engine in [&engine as &dyn Engine, &oracle] {
        let ask = |images, data| {
            let seeds = Seeds::Rows { data, per_image: 1 };
            engine.conv_gradients(Images::new(images).unwrap(), seeds, Rule::Plain, &mut |_| ())
        };
        assert!(matches!(ask(&two, &row), Err(EngineError::OneImage { found: 2 })));
        assert!(matches!(ask(&x, &row[..7]), Err(EngineError::SeedLength { found: 7, .. })));
        assert!(matches!(ask(&x, &[f32::NAN; CLASSES]), Err(EngineError::NonFiniteSeed { .. })));
    }
}
