//! Several questions at once: every answer has the bytes that it has alone, on both engines and every level.

use std::sync::LazyLock;

use backlit_cpu::{Cpu, CpuOptions};
use backlit_net::arch::Network;
use backlit_net::engine::{Answer, Ask, EngineInfo, Features, Gradients, Logits, TapGradients};
use backlit_net::weights::{Naming, Weights};
use backlit_net::{CLASSES, Engine, EngineError, IMAGE_LEN, Images, Rule, Seeds, Tap, Variant};
use backlit_reference::Reference;
use backlit_testkit::random::{Random, to_f32};
use backlit_testkit::synthetic::weights_bytes;
use backlit_tests::levels;

static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| {
    Weights::from_bytes(weights_bytes(Variant::V1, Naming::Keras, 7), "synthetic").expect("synthetic weights")
});
const RULES: [Rule; 3] = [Rule::Plain, Rule::Guided, Rule::Rectified];

fn images(n: usize) -> Vec<f32> {
    to_f32(&Random::new(11).values(n * IMAGE_LEN, 120.0))
}

fn seeds(n: usize) -> Vec<f32> {
    to_f32(&Random::new(12).values(n * 2 * CLASSES, 1.0))
}

/// The same engine without an `ask` of its own: what the trait's default makes of the single questions.
struct OneByOne<'a>(&'a dyn Engine);

impl Engine for OneByOne<'_> {
    fn info(&self) -> EngineInfo {
        self.0.info()
    }
    fn network(&self) -> &'static Network {
        self.0.network()
    }
    fn predict(&self, images: Images<'_>) -> Result<Logits, EngineError> {
        self.0.predict(images)
    }
    fn gradient(&self, images: Images<'_>, seeds: Seeds<'_>, rule: Rule) -> Result<Gradients, EngineError> {
        self.0.gradient(images, seeds, rule)
    }
    fn features(&self, images: Images<'_>) -> Result<Features, EngineError> {
        self.0.features(images)
    }
    fn gradient_at(
        &self,
        images: Images<'_>,
        seeds: Seeds<'_>,
        rule: Rule,
        tap: Tap,
    ) -> Result<TapGradients, EngineError> {
        self.0.gradient_at(images, seeds, rule, tap)
    }
}

/// The answer, after comparing it with those to the questions one by one.
fn same_as_alone(what: &str, engine: &dyn Engine, images: Images<'_>, ask: &Ask<'_>) -> Answer {
    let found = engine.ask(images, ask).unwrap();
    let expected = OneByOne(engine).ask(images, ask).unwrap();
    assert!(found.logits == expected.logits, "{what}: logits differ");
    assert!(found.features == expected.features, "{what}: features differ");
    assert_eq!(found.input.len(), ask.input.len(), "{what}");
    for ((found, expected), rule) in found.input.iter().zip(&expected.input).zip(ask.input) {
        assert!(expected.iter().any(|&v| v != 0.0), "{what} {rule}: all zero, nothing is shown");
        assert!(found == expected, "{what} {rule}: input gradients differ");
    }
    assert_eq!(found.taps.len(), ask.taps.len(), "{what}");
    for ((found, expected), tap) in found.taps.iter().zip(&expected.taps).zip(ask.taps) {
        assert!(expected.gradient.iter().any(|&v| v != 0.0), "{what} {tap:?}: all zero, nothing is shown");
        assert!(found == expected, "{what} {tap:?}: the taps differ");
    }
    assert!(found == expected, "{what}");
    found
}

#[test]
fn cpu_answers_each_question_as_if_it_were_alone() {
    let (data, rows) = (images(2), seeds(2));
    for level in levels() {
        let engine =
            Cpu::new(&WEIGHTS, CpuOptions { threads: None, level: Some(level), ..CpuOptions::default() }).unwrap();
        let seeds = Seeds::Rows { data: &rows, per_image: 2 };
        // Taps out of order and twice, the last block among them; the plain rule not the first.
        let taps = [Tap::Block(3), Tap::Block(15), Tap::Block(0), Tap::Block(3)];
        let all = Ask { seeds, input: &[Rule::Guided, Rule::Plain], taps: &taps, features: true };
        same_as_alone(&format!("{level} all"), &engine, Images::new(&data).unwrap(), &all);

        let one = Images::new(&data[..IMAGE_LEN]).unwrap();
        let seeds = Seeds::Rows { data: &rows[..CLASSES], per_image: 1 };
        for (what, input, taps) in [("taps alone", &[][..], &taps[..2]), ("no plain", &RULES[2..], &taps[1..2])] {
            same_as_alone(&format!("{level} {what}"), &engine, one, &Ask { seeds, input, taps, features: false });
        }
    }
}

#[test]
fn more_images_than_go_together() {
    let (data, rows) = (images(9), seeds(9));
    let engine = Cpu::new(&WEIGHTS, CpuOptions::default()).unwrap();
    let seeds = Seeds::Rows { data: &rows[..9 * CLASSES], per_image: 1 };
    let ask = Ask { seeds, input: &[Rule::Plain], taps: &[Tap::Block(13)], features: true };
    same_as_alone("nine", &engine, Images::new(&data).unwrap(), &ask);
}

#[test]
fn the_oracle_answers_each_question_as_if_it_were_alone() {
    let (data, rows) = (images(2), seeds(2));
    let engine = Reference::<f32>::new(&WEIGHTS);
    let seeds = Seeds::Rows { data: &rows, per_image: 2 };
    let taps = [Tap::Block(14), Tap::Block(13)];
    let all = Ask { seeds, input: &[Rule::Guided, Rule::Plain], taps: &taps, features: true };
    same_as_alone("all", &engine, Images::new(&data).unwrap(), &all);
    same_as_alone("taps", &engine, Images::new(&data).unwrap(), &Ask { input: &[], features: false, ..all });
}

#[test]
fn forward_alone_needs_no_seeds_and_seeds_may_wait_for_the_logits() {
    let data = images(2);
    let batch = Images::new(&data).unwrap();
    let engine = Cpu::new(&WEIGHTS, CpuOptions::default()).unwrap();
    let none = Seeds::Rows { data: &[], per_image: 0 };
    let forward = Ask { seeds: none, input: &[], taps: &[], features: true };
    let found = same_as_alone("forward", &engine, batch, &forward);
    assert_eq!((found.input.len(), found.taps.len(), found.seeds_per_image), (0, 0, 0));
    same_as_alone("logits", &engine, batch, &Ask { features: false, ..forward });

    let late = Seeds::FromLogits { per_image: 1, write: &|image, logits, row| row[image] = logits[7] };
    let ask = Ask { seeds: late, input: &RULES, taps: &[Tap::Block(12)], features: false };
    same_as_alone("late seeds", &engine, batch, &ask);
}

#[test]
fn bad_questions_get_typed_answers() {
    let data = images(2);
    let batch = Images::new(&data).unwrap();
    let engine = Cpu::new(&WEIGHTS, CpuOptions::default()).unwrap();
    let oracle = Reference::<f32>::new(&WEIGHTS);
    for engine in [&engine as &dyn Engine, &oracle, &OneByOne(&engine)] {
        let ask = |data, input, taps| {
            engine.ask(batch, &Ask { seeds: Seeds::Rows { data, per_image: 1 }, input, taps, features: false })
        };
        let zeros = vec![0.0; 2 * CLASSES];
        let found = ask(&zeros, &[], &[Tap::Block(15), Tap::Block(16)]);
        assert!(matches!(found, Err(EngineError::NoSuchBlock { index: 16 })));
        let found = ask(&zeros[..CLASSES], &RULES, &[]);
        assert!(matches!(found, Err(EngineError::SeedLength { images: 2, .. })));
        let found = ask(&vec![f32::NAN; 2 * CLASSES], &[], &[Tap::Block(15)]);
        assert!(matches!(found, Err(EngineError::NonFiniteSeed { .. })));
    }
}
