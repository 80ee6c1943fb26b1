//! The whole network: against the float32 engine where tiles are as exact, and against itself for bytes.
//!
//! Synthetic weights, tiles in software.

use std::sync::LazyLock;

use backlit_net::arch::CONVS;
use backlit_net::engine::{Ask, ConvGradient, Gradients, Precision};
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
fn every_question_as_float32_answers_it() {
    // Three products each way: what is wrong by more than this is wrong by far.
    const NEAR: f64 = 3e-2;
    for weights in [&*V1, &*V1_5] {
        let floats = Cpu::new(weights, CpuOptions::default()).unwrap();
        let recipe = Recipe { back_parts: 2, exact_shortcut: true, ..Recipe::uniform(Scheme::X3, Scheme::X3) };
        let tiles = Cpu::with_recipe(weights, software(None, None), recipe, false).unwrap();
        let (data, rows) = (images(weights, 1), rows(1));
        let (images, seeds) = (Images::new(&data).unwrap(), Seeds::Rows { data: &rows, per_image: 1 });
        let what = weights.variant();

        // A block of which half the pixels are not computed unless someone asks, one inside a stage, the last.
        let taps = [Tap::Block(2), Tap::Block(4), Tap::Block(15)];
        let input = [Rule::Plain, Rule::Guided];
        let ask =
            |engine: &Cpu| engine.ask(images, &Ask { seeds, input: &input, taps: &taps, features: true }).unwrap();
        let (found, expected) = (ask(&tiles), ask(&floats));
        let logits = error(&found.logits, &expected.logits);
        assert!(logits <= 1e-4, "{what}: logits {logits}");
        for ((rule, found), expected) in input.iter().zip(&found.input).zip(&expected.input) {
            let gradient = error(found, expected);
            assert!(gradient <= NEAR, "{what} {rule}: gradient {gradient}");
        }
        for ((tap, found), expected) in taps.iter().zip(&found.taps).zip(&expected.taps) {
            assert!(error(&found.activation, &expected.activation) <= 1e-4, "{what}: output of {tap:?}");
            assert!(error(&found.gradient, &expected.gradient) <= NEAR, "{what}: gradient at {tap:?}");
        }
        assert_same("features", found.features.as_ref().unwrap(), &found.taps[2].activation);
        let resumed = tiles.resume(taps[1], &found.taps[1].activation).unwrap();
        assert_same(&format!("{what}: from a block on"), &resumed.data, &found.logits);

        let convs = |engine: &Cpu| {
            let mut met = Vec::new();
            let mut see = |c: ConvGradient<'_>| met.push((c.conv, c.bias.to_vec(), c.gradient.to_vec()));
            engine.conv_gradients(images, seeds, Rule::Plain, &mut see).unwrap();
            met.sort_by_key(|m| m.0);
            met
        };
        let (found, expected) = (convs(&tiles), convs(&floats));
        assert_eq!(found.len(), CONVS);
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!((found.0, &found.1, found.2.len()), (expected.0, &expected.1, expected.2.len()));
            assert!(error(&found.2, &expected.2) <= NEAR, "{what}: gradient at convolution {}", found.0);
        }
    }
}

#[test]
fn what_is_not_computed_changes_no_byte() {
    let engine = Cpu::new(&V1, software(None, Some(Precision::Half))).unwrap();
    let (data, rows) = (images(&V1, 1), rows(1));
    let (images, seeds) = (Images::new(&data).unwrap(), Seeds::Rows { data: &rows, per_image: 1 });
    let part = engine.gradient(images, seeds, Rule::Plain).unwrap();
    let options = CpuOptions { dead_code: false, ..software(None, Some(Precision::Half)) };
    let off = Cpu::new(&V1, options).unwrap().gradient(images, seeds, Rule::Plain).unwrap();
    assert!(off == part, "the switch changes bytes");
    // Whoever asks for a tap at the end of a stage gets the whole.
    let taps = [Tap::Block(2), Tap::Block(12)];
    let ask = Ask { seeds, input: &[Rule::Plain], taps: &taps, features: false };
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

/// A forward pass in float32 hands its gates over to the tiles, of maps with all their pixels or some.
#[test]
fn floats_forward_and_tiles_back() {
    const N: usize = 3;
    // Three products back. Forward and its gates are the float32 engine's, to the bit, whatever the recipe says.
    const NEAR: f64 = 1e-3;
    let recipe = || Recipe { back_parts: 2, ..Recipe::uniform(Scheme::X1, Scheme::X3) };
    for weights in [&*V1, &*V1_5] {
        let what = weights.variant();
        let floats = Cpu::new(weights, CpuOptions::default()).unwrap();
        let tiles = |threads| Cpu::with_recipe(weights, software(Some(threads), None), recipe(), true).unwrap();
        let (data, rows) = (images(weights, N), rows(N));
        let gradient = |engine: &Cpu, first: usize, n: usize| {
            let images = Images::new(&data[first * IMAGE_LEN..][..n * IMAGE_LEN]).unwrap();
            let seeds = Seeds::Rows { data: &rows[first * CLASSES..][..n * CLASSES], per_image: 1 };
            engine.gradient(images, seeds, Rule::Plain).unwrap()
        };
        let expected = gradient(&floats, 0, N);
        let found = gradient(&tiles(1), 0, N);
        assert_same(&format!("{what}: logits"), &found.logits, &expected.logits);
        let error = error(&found.gradient, &expected.gradient);
        assert!(error > 0.0 && error <= NEAR, "{what}: gradient {error}");
        let five = tiles(5);
        assert!(gradient(&five, 0, N) == found, "{what}: five threads give other bytes than one");
        let alone = gradient(&five, 2, 1);
        assert_same(&format!("{what}: gradient alone"), &alone.gradient, found.of(2, 0));
        assert_same(&format!("{what}: logits alone"), &alone.logits, found.logits_of(2));
    }
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
    let level = Some(crate::isa::Level::best());
    let ask = |precision| Cpu::new(&V1, CpuOptions { level, precision: Some(precision), ..CpuOptions::default() });
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
