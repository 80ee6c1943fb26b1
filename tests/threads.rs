//! Threads and the CPU engine: the same bytes however many there are and whoever asks, and nobody waits for ever.

use std::sync::LazyLock;

use backlit_cpu::{Cpu, CpuOptions};
use backlit_net::engine::{Answer, Ask};
use backlit_net::weights::{Naming, Weights};
use backlit_net::{CLASSES, Engine, IMAGE_LEN, Images, Rule, Seeds, Tap, Variant};
use backlit_testkit::random::{Random, to_f32};
use backlit_testkit::synthetic::weights_bytes;
use rayon::prelude::*;

/// More than go through the network together, and no multiple of it.
const N: usize = 11;

static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| {
    Weights::from_bytes(weights_bytes(Variant::V1, Naming::Keras, 7), "synthetic").expect("synthetic weights")
});
static IMAGES: LazyLock<Vec<f32>> = LazyLock::new(|| to_f32(&Random::new(11).values(N * IMAGE_LEN, 120.0)));
static ROWS: LazyLock<Vec<f32>> = LazyLock::new(|| to_f32(&Random::new(12).values(N * CLASSES, 1.0)));

fn engine(threads: Option<usize>) -> Cpu {
    Cpu::new(&WEIGHTS, CpuOptions { threads, ..CpuOptions::default() }).expect("threads")
}

/// Everything at once, about images `first`, `first + 1`, ...
fn ask(engine: &Cpu, first: usize, n: usize) -> Answer {
    ask_at(engine, first, n, Tap::Block(12))
}

fn ask_at(engine: &Cpu, first: usize, n: usize, tap: Tap) -> Answer {
    let images = Images::new(&IMAGES[first * IMAGE_LEN..][..n * IMAGE_LEN]).unwrap();
    let seeds = Seeds::Rows { data: &ROWS[first * CLASSES..][..n * CLASSES], per_image: 1 };
    let (input, taps) = (&[Rule::Plain, Rule::Guided][..], &[tap][..]);
    engine.ask(images, &Ask { seeds, input, taps, features: true }).unwrap()
}

/// The part of an answer that is about one image.
fn one(answer: &Answer, image: usize) -> [&[f32]; 6] {
    fn part(all: &[f32], image: usize, n: usize) -> &[f32] {
        &all[all.len() / n * image..][..all.len() / n]
    }
    let n = answer.logits.len() / CLASSES;
    let (tap, features) = (&answer.taps[0], answer.features.as_deref().unwrap());
    [&answer.logits, &answer.input[0], &answer.input[1], &tap.activation, &tap.gradient, features]
        .map(|all| part(all, image, n))
}

#[test]
fn bytes_do_not_depend_on_threads_or_parts() {
    let expected = ask(&engine(Some(1)), 0, N);
    let sixteen = engine(Some(16));
    for threads in [&engine(Some(2)), &sixteen] {
        assert!(ask(threads, 0, N) == expected, "{} threads", threads.info().threads);
    }
    for (first, n) in [(0, 1), (1, 2), (3, 5), (8, 3)] {
        let found = ask(&sixteen, first, n);
        for image in 0..n {
            assert!(one(&found, image) == one(&expected, first + image), "image {image} of {n} from {first} on");
        }
    }
}

/// Large maps that nobody looks at are computed a few images at a time, others for the whole batch.
#[test]
fn bytes_do_not_depend_on_whether_somebody_looks() {
    let engine = engine(Some(2));
    let expected = ask(&engine, 2, 5);
    for block in [0, 6, 7] {
        let found = ask_at(&engine, 2, 5, Tap::Block(block));
        assert!(found.logits == expected.logits && found.input == expected.input, "block {block}");
        let alone = ask_at(&engine, 4, 1, Tap::Block(block));
        assert!(one(&alone, 0) == one(&found, 2), "block {block}, one image");
    }
}

/// The other variant, whose maps are all whole; several seeds an image, several blocks looked at, and an odd number of
/// threads.
#[test]
fn bytes_of_the_other_variant_with_several_seeds_and_taps() {
    const COUNT: usize = 3;
    const PER_IMAGE: usize = 2;
    let bytes = weights_bytes(Variant::V1_5, Naming::Torchvision, 7);
    let weights = Weights::from_bytes(bytes, "synthetic").expect("synthetic weights");
    let images = to_f32(&Random::new(13).values(COUNT * IMAGE_LEN, 2.0));
    let rows = to_f32(&Random::new(14).values(COUNT * PER_IMAGE * CLASSES, 1.0));
    let taps = [Tap::Block(7), Tap::Block(12)];
    let ask = |engine: &Cpu, first: usize, n: usize, taps: &[Tap]| {
        let images = Images::new(&images[first * IMAGE_LEN..][..n * IMAGE_LEN]).unwrap();
        let rows = &rows[first * PER_IMAGE * CLASSES..][..n * PER_IMAGE * CLASSES];
        let seeds = Seeds::Rows { data: rows, per_image: PER_IMAGE };
        engine.ask(images, &Ask { seeds, input: &[Rule::Plain], taps, features: false }).unwrap()
    };
    let engine =
        |threads| Cpu::new(&weights, CpuOptions { threads: Some(threads), ..CpuOptions::default() }).expect("threads");
    let expected = ask(&engine(1), 0, COUNT, &taps);
    assert!(expected.input[0].iter().any(|&v| v != 0.0));
    for threads in [2, 7] {
        let engine = engine(threads);
        assert!(ask(&engine, 0, COUNT, &taps) == expected, "{threads} threads");
        let unseen = ask(&engine, 0, COUNT, &[]);
        assert!(unseen.logits == expected.logits && unseen.input == expected.input, "{threads} threads, no tap");
        let alone = ask(&engine, 2, 1, &taps);
        let last = |all: &[f32]| all[all.len() / COUNT * 2..].to_vec();
        assert!(alone.logits == last(&expected.logits), "{threads} threads, one image");
        assert!(alone.input[0] == last(&expected.input[0]), "{threads} threads, one image");
        assert_eq!(alone.taps.len(), taps.len());
        for (found, expected) in alone.taps.iter().zip(&expected.taps) {
            let same = found.activation == last(&expected.activation) && found.gradient == last(&expected.gradient);
            assert!(same, "{threads} threads, one image, a block");
        }
    }
}

#[test]
fn any_number_of_threads_may_ask_at_once() {
    let shared = engine(None);
    let expected = ask(&shared, 0, N);
    let check = |image: usize| assert!(one(&ask(&shared, image, 1), 0) == one(&expected, image), "image {image}");
    std::thread::scope(|scope| {
        (0..4).for_each(|image| drop(scope.spawn(move || check(image))));
    });
    // From tasks of the pool that the engine works in, each of which may be interrupted by another.
    rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap().install(|| {
        (0..N).into_par_iter().for_each(check);
    });
    // From tasks of one pool to an engine with a pool of its own.
    let own = engine(Some(2));
    (0..4).into_par_iter().for_each(|image| assert!(one(&ask(&own, image, 1), 0) == one(&expected, image)));
}

#[test]
fn seeds_written_from_logits_may_come_from_any_pool() {
    let own = engine(Some(2));
    let images = Images::new(&IMAGES[..2 * IMAGE_LEN]).unwrap();
    // Work of the caller's own inside the callback, on whatever pool it finds itself.
    let write = |image: usize, logits: &[f32], row: &mut [f32]| {
        let best = (0..CLASSES).into_par_iter().max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap_or(0);
        row[(best + image) % CLASSES] = 1.0;
    };
    let late = Seeds::FromLogits { per_image: 1, write: &write };
    let found = own.gradient(images, late, Rule::Plain).unwrap();
    let mut rows = vec![0.0; 2 * CLASSES];
    (0..2).for_each(|image| write(image, found.logits_of(image), &mut rows[image * CLASSES..][..CLASSES]));
    let early = own.gradient(images, Seeds::Rows { data: &rows, per_image: 1 }, Rule::Plain).unwrap();
    assert!(found == early);
}
