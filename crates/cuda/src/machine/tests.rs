//! The whole path on the stand-in driver, on a small sister of the network: the same blocks, strides and projections,
//! so that everything between layers is tried, checked by the emulator's checker too.

use std::sync::{LazyLock, Mutex};

use backlit_cuda_emu::{Async, Gpu, Settings, fail_call, install, last_error, lazy_streams, with, with_gpu, with_gpus};
use backlit_net::engine::Precision;
use backlit_net::{CLASSES, Rule, Seeds, Variant};
use backlit_reference::Model;
use backlit_testkit::compare::relative_l2;
use backlit_testkit::random::{Random, to_f32, to_f64};
use backlit_testkit::small;

use super::*;
use crate::planes::Sixteen;
use crate::weights::{Format, HostWeights};
use crate::{Cubins, Device};
use backlit_net::engine::question::{Found, Pass};

const SIDE: usize = 32;
const LEN: usize = SIDE * SIDE * 3;
const SEED: u64 = 3;
const RULES: [Rule; 3] = [Rule::Plain, Rule::Guided, Rule::Rectified];
const VARIANTS: [Variant; 2] = [Variant::V1, Variant::V1_5];
const LAST: usize = backlit_net::arch::BLOCKS - 1;

static ORACLES: LazyLock<[Model<f64>; 2]> = LazyLock::new(|| {
    VARIANTS.map(|v| Model::of(small::network(v, SIDE), |conv| small::folded(conv, SEED), small::dense(SEED)))
});

fn oracle(variant: Variant) -> &'static Model<f64> {
    &ORACLES[usize::from(variant == Variant::V1_5)]
}

/// How a machine is made.
#[derive(Clone, Copy)]
struct How {
    variant: Variant,
    precision: Precision,
    sixteen: Sixteen,
    dead_code: bool,
    sharing: Sharing,
    limit: usize,
}

const HOW: How = How {
    variant: Variant::V1,
    precision: Precision::F32,
    sixteen: Sixteen::F16,
    dead_code: true,
    sharing: Sharing::Tight,
    limit: 8,
};

fn machine(how: How) -> Machine {
    machine_on(0, how).expect("a machine")
}

fn machine_on(ordinal: usize, how: How) -> Result<Machine, CudaError> {
    install();
    let format = Format::of(how.precision, how.sixteen);
    let network = oracle(how.variant).network();
    let host = HostWeights::of(network, |conv| small::folded(conv, SEED), small::dense(SEED), format);
    let device = Device::open_with(ordinal, &Cubins::Nowhere)?;
    let parts = Parts::new(device, &host, SIDE, how.dead_code, how.limit)?;
    Ok(Machine::new(parts, how.limit, how.sharing))
}

fn images(n: usize) -> Vec<f32> {
    to_f32(&Random::new(11).values(n * LEN, 2.0))
}

/// Two dense seeds an image.
fn seeds(n: usize) -> Vec<f32> {
    to_f32(&Random::new(12).values(n * 2 * CLASSES, 1.0))
}

fn room(n: usize, question: &Question<'_>) -> Found {
    let block_len = |block: usize| oracle(Variant::V1).network().blocks[block].expand.output_len();
    Found::reserve_for(block_len, LEN, n, question).expect("room")
}

fn ask(machine: &mut Machine, images: &[f32], question: &Question<'_>) -> Found {
    let mut found = room(images.len() / LEN, question);
    let done = machine.answer(images, 0, question, Room::of(&mut found), None);
    done.unwrap_or_else(|e| panic!("{e}: {}", last_error()));
    found
}

const PLAIN: [Pass<'static>; 1] = [Pass { rule: Rule::Plain, taps: &[], input: true }];
const NOTHING: Question<'static> =
    Question { seeds: Seeds::Rows { data: &[], per_image: 0 }, outputs: &[], passes: &[] };

/// Logits and gradients of two seeds an image under one rule.
fn gradient(machine: &mut Machine, images: &[f32], rule: Rule) -> (Vec<f32>, Vec<f32>) {
    let rows = seeds(images.len() / LEN);
    let question = Question {
        seeds: Seeds::Rows { data: &rows, per_image: 2 },
        outputs: &[],
        passes: &[Pass { rule, taps: &[], input: true }],
    };
    let mut found = ask(machine, images, &question);
    (found.logits, found.back.remove(0).input)
}

fn assert_near(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    let error = relative_l2(&to_f64(found), expected);
    println!("{what}: {error:.1e}");
    assert!(error <= tolerance, "{what}: {error}");
}

fn assert_bits(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let other = found.iter().zip(expected).position(|(a, b)| a.to_bits() != b.to_bits());
    assert!(other.is_none(), "{what}: element {other:?}");
}

#[test]
fn every_rule_of_both_variants_agrees_with_the_oracle() {
    let (data, rows) = (images(3), seeds(3));
    for (variant, dead_code) in [(Variant::V1, true), (Variant::V1, false), (Variant::V1_5, true)] {
        let model = oracle(variant);
        let mut machine = machine(How { variant, dead_code, ..HOW });
        for rule in RULES {
            let (logits, gradients) = gradient(&mut machine, &data, rule);
            for i in 0..3 {
                let trace = model.forward(&to_f64(&data[i * LEN..][..LEN]));
                let what = format!("{variant} {dead_code} {rule} image {i}");
                assert_near(&what, &logits[i * CLASSES..][..CLASSES], &trace.logits, 1e-5);
                for k in 0..2 {
                    let at = 2 * i + k;
                    let expected = model.backward(&trace, &to_f64(&rows[at * CLASSES..][..CLASSES]), rule, None);
                    assert_near(&what, &gradients[at * LEN..][..LEN], &expected.input, 1e-3);
                }
            }
        }
    }
}

#[test]
fn every_precision_is_as_good_as_its_numbers() {
    let (data, rows) = (images(1), seeds(1));
    for (precision, sixteen, logits, gradients) in [
        (Precision::Mixed, Sixteen::F16, 1e-5, 5e-3),
        (Precision::Half, Sixteen::F16, 5e-3, 2e-1),
        (Precision::Half, Sixteen::Bf16, 5e-2, 5e-1),
    ] {
        for variant in VARIANTS {
            let mut machine = machine(How { variant, precision, sixteen, ..HOW });
            let found = gradient(&mut machine, &data, Rule::Plain);
            let trace = oracle(variant).forward(&to_f64(&data));
            let expected = oracle(variant).backward(&trace, &to_f64(&rows[..CLASSES]), Rule::Plain, None);
            let what = format!("{variant} {} {sixteen}", precision.as_str());
            assert_near(&format!("{what} logits"), &found.0, &trace.logits, logits);
            assert_near(&format!("{what} gradient"), &found.1[..LEN], &expected.input, gradients);
        }
    }
}

#[test]
fn what_is_left_out_changes_nothing() {
    let data = images(2);
    for precision in [Precision::F32, Precision::Mixed, Precision::Half] {
        let mut thinned = machine(How { precision, ..HOW });
        let mut whole = machine(How { precision, dead_code: false, ..HOW });
        for rule in RULES {
            let (found, expected) = (gradient(&mut thinned, &data, rule), gradient(&mut whole, &data, rule));
            assert_bits("logits", &found.0, &expected.0);
            // A sum that skips zeros and one that adds them may differ in the sign of a zero.
            let differs = found.1.iter().zip(&expected.1).position(|(a, b)| a != b);
            assert_eq!(differs, None, "{} {rule}", precision.as_str());
        }
    }
}

#[test]
fn neither_batches_nor_memory_change_a_bit() {
    let data = images(3);
    for (variant, precision) in
        [(Variant::V1, Precision::F32), (Variant::V1_5, Precision::Mixed), (Variant::V1, Precision::Half)]
    {
        let how = How { variant, precision, ..HOW };
        let expected = gradient(&mut machine(how), &data, Rule::Plain);
        for other in [How { limit: 2, ..how }, How { limit: 1, ..how }, How { sharing: Sharing::Apart, ..how }] {
            let mut machine = machine(other);
            let found = gradient(&mut machine, &data, Rule::Plain);
            assert_bits("logits", &found.0, &expected.0);
            assert_bits("gradient", &found.1, &expected.1);
            // Once more, from the graphs, and in other company.
            let found = gradient(&mut machine, &data[..LEN], Rule::Plain);
            assert_bits("alone", &found.1, &expected.1[..2 * LEN]);
        }
    }
}

#[test]
fn taps_and_features_agree_with_the_oracle() {
    let (data, rows) = (images(2), seeds(2));
    for (variant, precision, near) in [
        (Variant::V1, Precision::F32, 1e-3),
        (Variant::V1_5, Precision::F32, 1e-3),
        (Variant::V1, Precision::Mixed, 5e-3),
    ] {
        let model = oracle(variant);
        let mut machine = machine(How { variant, precision, ..HOW });
        // Block 2 is computed in part unless someone looks.
        let taps = [2, LAST, 9];
        let question = Question {
            seeds: Seeds::Rows { data: &rows, per_image: 2 },
            outputs: &taps,
            passes: &[
                Pass { rule: Rule::Plain, taps: &taps, input: true },
                Pass { rule: Rule::Guided, taps: &[9], input: false },
            ],
        };
        let found = ask(&mut machine, &data, &question);
        assert_bits("logits", &found.logits, &gradient(&mut machine, &data, Rule::Plain).0);
        let plain = gradient(&mut machine, &data, Rule::Plain).1;
        let differs = found.back[0].input.iter().zip(&plain).position(|(a, b)| a != b);
        assert_eq!(differs, None, "the gradient with taps on the way");
        assert!(found.back[1].input.is_empty());
        for i in 0..2 {
            let trace = model.forward(&to_f64(&data[i * LEN..][..LEN]));
            for (t, &block) in taps.iter().enumerate() {
                let output = &trace.blocks[block].output;
                let len = output.len();
                assert_near("output", &found.outputs[t][i * len..][..len], output, 1e-5);
                for k in 0..2 {
                    let seed = to_f64(&rows[(2 * i + k) * CLASSES..][..CLASSES]);
                    let at = |all: &[f32]| all[(2 * i + k) * len..][..len].to_vec();
                    let expected = model.backward(&trace, &seed, Rule::Plain, None);
                    assert_near("tap", &at(&found.back[0].taps[t]), &expected.blocks[block], near);
                    if block == 9 {
                        let expected = model.backward(&trace, &seed, Rule::Guided, Some(9));
                        assert_near("guided tap", &at(&found.back[1].taps[0]), &expected.blocks[9], near);
                    }
                }
            }
        }
    }
}

#[test]
fn every_convolution_shows_its_gradient() {
    let (data, rows) = (images(1), seeds(1));
    for (variant, rule) in [(Variant::V1, Rule::Plain), (Variant::V1_5, Rule::Rectified)] {
        let model = oracle(variant);
        let mut machine = machine(How { variant, ..HOW });
        let trace = model.forward(&to_f64(&data));
        let mut expected = Vec::new();
        for k in 0..2 {
            let seed = to_f64(&rows[k * CLASSES..][..CLASSES]);
            model.backward_seen(&trace, &seed, rule, None, &mut |conv, d| expected.push((k, conv.index, d.to_vec())));
        }
        let mut found = Vec::new();
        let question = Question {
            seeds: Seeds::Rows { data: &rows, per_image: 2 },
            outputs: &[],
            passes: &[Pass { rule, taps: &[], input: true }],
        };
        let mut room = room(1, &question);
        let mut see = |k: usize, conv: usize, d: &[f32]| found.push((k, conv, d.to_vec()));
        machine.answer(&data, 0, &question, Room::of(&mut room), Some(&mut see)).expect("an answer");
        assert_eq!(found.len(), expected.len());
        for ((k, conv, d), (wanted_k, wanted_conv, wanted)) in found.iter().zip(&expected) {
            assert_eq!((k, conv), (wanted_k, wanted_conv), "{variant} {rule}");
            assert_near(&format!("{variant} {rule} convolution {conv}"), d, wanted, 1e-3);
        }
    }
}

#[test]
fn the_network_can_be_entered_in_the_middle() {
    let data = images(3);
    for precision in [Precision::F32, Precision::Mixed] {
        let mut machine = machine(How { precision, limit: 2, ..HOW });
        // What a block put out goes in again. Split, the same number may come as two other halves.
        for block in [0, 2, 9, LAST] {
            let found = ask(&mut machine, &data, &Question { outputs: &[block], ..NOTHING });
            let mut logits = vec![f32::NAN; 3 * CLASSES];
            machine.resume(block, &found.outputs[0], 0, &mut logits).expect("logits");
            let what = format!("{} from block {block}", precision.as_str());
            match precision {
                Precision::F32 => assert_bits(&what, &logits, &found.logits),
                _ => assert_near(&what, &logits, &to_f64(&found.logits), 1e-6),
            }
        }
    }
}

#[test]
fn seeds_may_depend_on_the_logits() {
    let data = images(3);
    let mut machine = machine(How { limit: 2, ..HOW });
    let write = |image: usize, logits: &[f32], rows: &mut [f32]| {
        let best = (0..CLASSES).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap_or(0);
        rows[best] = 1.0;
        rows[CLASSES + image] = 2.0;
    };
    let late = Question { seeds: Seeds::FromLogits { per_image: 2, write: &write }, outputs: &[], passes: &PLAIN };
    let found = ask(&mut machine, &data, &late);
    let mut rows = vec![0.0; 6 * CLASSES];
    for (i, rows) in rows.chunks_exact_mut(2 * CLASSES).enumerate() {
        write(i, &found.logits[i * CLASSES..][..CLASSES], rows);
    }
    let early = Question { seeds: Seeds::Rows { data: &rows, per_image: 2 }, ..late };
    let expected = ask(&mut machine, &data, &early);
    assert_bits("logits", &found.logits, &expected.logits);
    assert_bits("gradient", &found.back[0].input, &expected.back[0].input);
}

#[test]
fn the_checker_finds_nothing_and_changes_nothing() {
    let data = images(2);
    for (variant, precision) in
        [(Variant::V1, Precision::F32), (Variant::V1_5, Precision::Mixed), (Variant::V1, Precision::Half)]
    {
        let how = How { variant, precision, sharing: Sharing::Apart, ..HOW };
        let expected = gradient(&mut machine(how), &data, Rule::Guided);
        for settings in [
            Settings { checked: true, ..Settings::default() },
            Settings { checked: true, seed: 5, timing: Async::Random, ..Settings::default() },
        ] {
            let found = with(settings, || gradient(&mut machine(how), &data, Rule::Guided));
            assert_bits("checked logits", &found.0, &expected.0);
            assert_bits("checked gradient", &found.1, &expected.1);
        }
    }
}

#[test]
fn pixels_beyond_all_bounds_are_an_error() {
    for precision in [Precision::F32, Precision::Mixed, Precision::Half] {
        let mut machine = machine(How { precision, ..HOW });
        let mut data = images(2);
        data[LEN..].fill(3e38);
        let mut found = room(2, &NOTHING);
        let done = machine.answer(&data, 7, &NOTHING, Room::of(&mut found), None);
        assert_eq!(done, Err(EngineError::NonFiniteLogits { image: 8 }), "{}", precision.as_str());
    }
}

#[test]
fn copies_that_take_their_time_change_nothing() {
    let data = images(3);
    let how = How { limit: 1, ..HOW };
    let expected = gradient(&mut machine(how), &data, Rule::Plain);
    let found = lazy_streams(|| gradient(&mut machine(how), &data, Rule::Plain));
    assert_bits("logits", &found.0, &expected.0);
    assert_bits("gradient", &found.1, &expected.1);
}

#[test]
fn a_batch_is_divided_among_gpus() {
    let (data, rows) = (images(3), seeds(3));
    let question = Question { seeds: Seeds::Rows { data: &rows, per_image: 2 }, outputs: &[0], passes: &PLAIN };
    let expected = ask(&mut machine(HOW), &data, &question);
    with_gpus(&[Gpu::default(), Gpu::default()], || {
        let machines = [0, 1].map(|ordinal| Mutex::new(machine_on(ordinal, HOW).expect("two GPUs")));
        let mut found = room(3, &question);
        crate::split::answer(&machines, &data, LEN, &question, Room::of(&mut found)).expect("an answer");
        assert_bits("logits", &found.logits, &expected.logits);
        assert_bits("output", &found.outputs[0], &expected.outputs[0]);
        assert_bits("gradient", &found.back[0].input, &expected.back[0].input);
        let mut logits = vec![f32::NAN; 3 * CLASSES];
        crate::split::resume(&machines, 0, &found.outputs[0], &mut logits).expect("logits");
        assert_bits("resumed", &logits, &expected.logits);
    });
}

#[test]
fn a_small_gpu_takes_smaller_batches_until_one_image_does_not_fit() {
    let data = images(8);
    let used = |machine: &Machine| {
        let (free, total) = machine.parts.device.free_memory();
        total - free
    };
    let (expected, weights, all) = with_gpu(Gpu::default(), || {
        let mut machine = machine(HOW);
        let weights = used(&machine);
        let expected = gradient(&mut machine, &data, Rule::Plain);
        (expected, weights, used(&machine))
    });
    let with_room_for =
        |share: f64| Gpu { memory: weights + ((all - weights) as f64 * share) as u64, ..Gpu::default() };
    with_gpu(with_room_for(0.7), || {
        let mut machine = machine(HOW);
        let found = gradient(&mut machine, &data, Rule::Plain);
        assert!((1..8).contains(&machine.limit), "{} at a time", machine.limit);
        assert_bits("gradient", &found.1, &expected.1);
    });
    with_gpu(with_room_for(0.02), || {
        let mut machine = machine(HOW);
        let mut found = room(1, &NOTHING);
        let refused = machine.answer(&data[..LEN], 0, &NOTHING, Room::of(&mut found), None).expect_err("no room");
        assert!(refused.to_string().contains("out of GPU memory"), "{refused}");
    });
}

#[test]
fn a_call_that_fails_is_an_error_and_the_next_question_is_answered() {
    let data = images(2);
    let how = How { limit: 1, ..HOW };
    let expected = gradient(&mut machine(how), &data, Rule::Plain);
    let rows = seeds(2);
    let question = Question { seeds: Seeds::Rows { data: &rows, per_image: 2 }, outputs: &[], passes: &PLAIN };
    let mut failed = 0;
    with_gpu(Gpu::default(), || {
        for k in [1, 5, 14, 30, 47, 60, 75, 110, 150, 170] {
            let mut machine = machine(how);
            let mut found = room(2, &question);
            // 1: CUDA_ERROR_INVALID_VALUE, which does not take the device with it.
            fail_call(k, 1);
            let done = machine.answer(&data, 0, &question, Room::of(&mut found), None);
            fail_call(0, 0);
            match done {
                Err(error) => {
                    assert!(matches!(error, EngineError::Device { .. }), "call {k}: {error}");
                    failed += 1;
                }
                // Nothing may go wrong in silence.
                Ok(()) => assert_bits(&format!("in spite of call {k}"), &found.back[0].input, &expected.1),
            }
            let found = gradient(&mut machine, &data, Rule::Plain);
            assert_bits(&format!("after call {k}"), &found.1, &expected.1);
        }
    });
    assert!(failed > 0, "no call failed");
}
