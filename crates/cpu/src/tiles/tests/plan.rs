//! The whole network: against the float32 engine where tiles are as exact, and against itself for bytes.
//!
//! Synthetic weights, tiles in software.

use std::sync::LazyLock;

use backlit_net::engine::{Gradients, Precision};
use backlit_net::weights::{Naming, Weights};
use backlit_net::{CLASSES, Engine, IMAGE_LEN, Images, Rule, Seeds, Tap, Variant};
use backlit_testkit::compare::{assert_same, relative_l2};
use backlit_testkit::random::{Random, to_f32, to_f64};
use backlit_testkit::synthetic::weights_bytes;

use crate::layers::{Recipe, Scheme};
use crate::{Cpu, CpuError, CpuOptions};

static V1: LazyLock<Weights> = LazyLock::new(|| synthetic(Variant::V1));
static V1_5: LazyLock<Weights> = LazyLock::new(|| synthetic(Variant::V1_5));

fn synthetic(variant: Variant) -> Weights {
    Weights::from_bytes(weights_bytes(variant, Naming::Torchvision, 7), "synthetic").expect("synthetic weights")
}

fn images(weights: &Weights, n: usize) -> Vec<f32> {
    let scale = if weights.variant() == Variant::V1 { 120.0 } else { 2.0 };
    to_f32(&Random::new(11).values(n * IMAGE_LEN, scale))
}

fn rows(n: usize) -> Vec<f32> {
    to_f32(&Random::new(12).values(n * CLASSES, 1.0))
}

/// Tiles in software on `threads` threads.
fn software(threads: Option<usize>, precision: Option<Precision>) -> CpuOptions {
    CpuOptions { threads, precision, software_tiles: true, ..CpuOptions::default() }
}

fn error(found: &[f32], expected: &[f32]) -> f64 {
    relative_l2(&to_f64(found), &to_f64(expected))
}

#[test]
fn six_products_are_as_good_as_float32_for_every_question() {
    for weights in [&*V1, &*V1_5] {
        let floats = Cpu::new(weights, CpuOptions::default()).unwrap();
        let recipe = Recipe { back_parts: 3, exact_shortcut: true, ..Recipe::uniform(Scheme::X6, Scheme::X6) };
        let tiles = Cpu::with_recipe(weights, software(None, None), recipe, false).unwrap();
        let (data, rows) = (images(weights, 1), rows(1));
        let (images, seeds) = (Images::new(&data).unwrap(), Seeds::Rows { data: &rows, per_image: 1 });
        let what = weights.variant();

        for rule in [Rule::Plain, Rule::Guided] {
            let (found, expected) = (tiles.gradient(images, seeds, rule), floats.gradient(images, seeds, rule));
            let (found, expected) = (found.unwrap(), expected.unwrap());
            let logits = error(&found.logits, &expected.logits);
            assert!(logits <= 2e-6, "{what}: logits {logits}");
            // A gate that flips within rounding costs more than rounding does.
            let gradient = error(&found.gradient, &expected.gradient);
            assert!(gradient <= 1e-2, "{what} {rule}: gradient {gradient}");
        }
        // A block of which half the pixels are not computed unless someone asks, one inside a stage, the last.
        for block in [2, 4, 15] {
            let at = |engine: &Cpu| engine.gradient_at(images, seeds, Rule::Plain, Tap::Block(block)).unwrap();
            let (found, expected) = (at(&tiles), at(&floats));
            assert!(error(&found.activation, &expected.activation) <= 1e-5, "{what}: output of block {block}");
            assert!(error(&found.gradient, &expected.gradient) <= 1e-2, "{what}: gradient at block {block}");
            let resumed = tiles.resume(Tap::Block(block), &found.activation).unwrap();
            assert_same(&format!("{what}: from block {block} on"), &resumed.data, &found.logits);
        }
        let convs = |engine: &Cpu| {
            let mut met = Vec::new();
            let mut see = |c: backlit_net::engine::ConvGradient<'_>| met.push((c.conv, c.gradient.to_vec()));
            engine.conv_gradients(images, seeds, Rule::Plain, &mut see).unwrap();
            met.sort_by_key(|m| m.0);
            met
        };
        let (found, expected) = (convs(&tiles), convs(&floats));
        assert_eq!(found.len(), backlit_net::arch::CONVS);
        for ((conv, found), (also, expected)) in found.iter().zip(&expected) {
            assert_eq!((conv, found.len()), (also, expected.len()));
            assert!(error(found, expected) <= 1e-2, "{what}: gradient at convolution {conv}");
        }
    }
}

#[test]
fn what_is_not_computed_changes_no_byte() {
    let engine = Cpu::new(&V1, software(None, Some(Precision::Half))).unwrap();
    let (data, rows) = (images(&V1, 1), rows(1));
    let (images, seeds) = (Images::new(&data).unwrap(), Seeds::Rows { data: &rows, per_image: 1 });
    let part = engine.gradient(images, seeds, Rule::Plain).unwrap();
    // Whoever asks for a tap at the end of a stage gets the whole.
    let taps = [Tap::Block(2), Tap::Block(12)];
    let ask = backlit_net::engine::Ask { seeds, input: &[Rule::Plain], taps: &taps, features: false };
    let whole = engine.ask(images, &ask).unwrap();
    assert_same("logits", &whole.logits, &part.logits);
    assert_same("gradient", &whole.input[0], &part.gradient);
    assert!(whole.taps[0].gradient.iter().any(|&v| v != 0.0));
}

#[test]
fn bytes_do_not_depend_on_split_or_threads() {
    const N: usize = 3;
    let (data, rows) = (images(&V1, N), rows(N));
    let seeds = |first: usize, n: usize| Seeds::Rows { data: &rows[first * CLASSES..][..n * CLASSES], per_image: 1 };
    let gradient = |engine: &Cpu, first: usize, n: usize| -> Gradients {
        let images = Images::new(&data[first * IMAGE_LEN..][..n * IMAGE_LEN]).unwrap();
        engine.gradient(images, seeds(first, n), Rule::Plain).unwrap()
    };
    let expected = gradient(&Cpu::new(&V1, software(Some(1), Some(Precision::Mixed))).unwrap(), 0, N);
    let engine = Cpu::new(&V1, software(Some(5), Some(Precision::Mixed))).unwrap();
    assert!(gradient(&engine, 0, N) == expected, "five threads give other bytes than one");
    let alone = gradient(&engine, 2, 1);
    assert_same("gradient alone", &alone.gradient, expected.of(2, 0));
    assert_same("logits alone", &alone.logits, expected.logits_of(2));
}

#[test]
fn seeds_of_any_size() {
    let engine = Cpu::new(&V1, software(None, Some(Precision::Half))).unwrap();
    let (data, rows) = (images(&V1, 1), rows(1));
    let gradient = |rows: &[f32]| {
        let seeds = Seeds::Rows { data: rows, per_image: 1 };
        engine.gradient(Images::new(&data).unwrap(), seeds, Rule::Plain).unwrap().gradient
    };
    let expected = gradient(&rows);
    for power in [-90, 60] {
        let factor = 2f32.powi(power);
        let scaled: Vec<f32> = rows.iter().map(|v| v * factor).collect();
        let found: Vec<f32> = gradient(&scaled).iter().map(|v| v / factor).collect();
        assert_same(&format!("seeds times 2^{power}"), &found, &expected);
    }
    assert!(gradient(&[0.0; CLASSES]).iter().all(|&v| v == 0.0));
}

#[test]
fn what_is_missing_is_named() {
    let ask = |precision| Cpu::new(&V1, CpuOptions { precision: Some(precision), ..CpuOptions::default() });
    assert!(matches!(ask(Precision::F64).err(), Some(CpuError::NoPrecision { asked: Precision::F64, .. })));
    match ask(Precision::Mixed) {
        Ok(engine) => {
            assert_eq!(engine.info().precision, Precision::Mixed);
            assert!(engine.info().isa.contains("amx"));
        }
        Err(error) => {
            println!("SKIPPED: {error}");
            assert!(error.to_string().contains("AMX") && error.to_string().contains("`mixed`"), "{error}");
        }
    }
    let engine = Cpu::new(&V1, software(None, Some(Precision::Half))).unwrap();
    assert_eq!(engine.info().precision, Precision::Half);
    assert!(engine.info().isa.contains("software"), "nobody may take this for speed: {}", engine.info().isa);
}
