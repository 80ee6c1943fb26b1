//! The stem by tiles against that in float32.

use backlit_net::IMAGE_LEN;
use backlit_net::arch::{Conv, Network, Variant};
use backlit_net::weights::FoldedConv;
use backlit_testkit::compare::{assert_same, relative_l2};
use backlit_testkit::random::{Random, to_f32, to_f64};

use super::super::conv::Machine;
use super::super::scheme::Scheme;
use super::super::stem::TileStem;
use super::machines;
use crate::ops::max_pool::{CODES_LEN, OUTPUT_LEN};
use crate::ops::stem::Stem;

fn conv() -> Conv {
    Network::of(Variant::V1).stem.clone()
}

/// Pooled map and codes.
type Found = (Vec<f32>, Vec<u8>);

/// Bit by bit.
fn bytes((pooled, codes): &Found) -> (Vec<u32>, &[u8]) {
    (pooled.iter().map(|v| v.to_bits()).collect(), codes)
}

fn run(n: usize, forward: impl Fn(&mut [f32], &mut [u8])) -> Found {
    let (mut pooled, mut codes) = (vec![f32::NAN; n * OUTPUT_LEN], vec![0xA5; n * CODES_LEN]);
    forward(&mut pooled, &mut codes);
    (pooled, codes)
}

fn by_tiles(machine: Machine, scheme: Scheme, folded: &FoldedConv, images: &[f32]) -> Found {
    let stem = TileStem::new(scheme, &conv(), folded);
    run(images.len() / IMAGE_LEN, |pooled, codes| stem.forward_pooled(machine, images, pooled, codes))
}

fn in_float32(machine: Machine, folded: &FoldedConv, images: &[f32]) -> Found {
    let stem = Stem::new(machine.token, &conv(), folded);
    run(images.len() / IMAGE_LEN, |pooled, codes| stem.forward_pooled(machine.token, images, pooled, codes))
}

#[test]
fn bitwise_equal_where_sums_are_exact() {
    let r = Random::new(21);
    let folded = FoldedConv { weight: r.stream(0).integers(conv().weight_len(), 4), bias: r.stream(1).integers(64, 9) };
    for (name, machine) in machines() {
        // With several parts, numbers that one part does not hold.
        for (scheme, most) in [(Scheme::X1, 9), (Scheme::X3, 700), (Scheme::X6, 700)] {
            let images = to_f32(&r.stream(2).integers(IMAGE_LEN, most));
            let (found, expected) =
                (by_tiles(machine, scheme, &folded, &images), in_float32(machine, &folded, &images));
            assert_same(&format!("{name} {scheme:?}"), &found.0, &expected.0);
            assert!(found.1 == expected.1, "{name} {scheme:?}: codes");
        }
    }
}

#[test]
fn as_exact_as_the_scheme() {
    let r = Random::new(22);
    let folded = FoldedConv { weight: r.stream(0).values(conv().weight_len(), 0.1), bias: r.stream(1).values(64, 1.0) };
    let images = to_f32(&r.stream(2).values(IMAGE_LEN, 120.0));
    for (name, machine) in machines() {
        let (expected, _) = in_float32(machine, &folded, &images);
        for (scheme, bounds) in [(Scheme::X1, 5e-4..5e-3), (Scheme::X3, 5e-7..1e-5), (Scheme::X6, 1e-8..5e-7)] {
            let error = relative_l2(&to_f64(&by_tiles(machine, scheme, &folded, &images).0), &to_f64(&expected));
            assert!(bounds.contains(&error), "{name} {scheme:?}: {error:e}");
        }
    }
}

#[test]
fn the_same_bytes_for_any_batch_and_number_of_threads() {
    let r = Random::new(23);
    let folded = FoldedConv { weight: r.stream(0).values(conv().weight_len(), 0.1), bias: r.stream(1).values(64, 1.0) };
    let images = to_f32(&r.stream(2).values(2 * IMAGE_LEN, 120.0));
    let (_, machine) = machines().pop().expect("the model is always there");
    let on = |threads: usize, images: &[f32]| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a few threads");
        pool.install(|| by_tiles(machine, Scheme::X3, &folded, images))
    };
    let expected = on(1, &images);
    for threads in [2, 5, 16] {
        assert!(bytes(&on(threads, &images)) == bytes(&expected), "{threads} threads");
    }
    let (first, second) = images.split_at(IMAGE_LEN);
    let (first, second) = (on(2, first), on(2, second));
    let both = ([first.0, second.0].concat(), [first.1, second.1].concat());
    assert!(bytes(&both) == bytes(&expected), "one by one");
}
