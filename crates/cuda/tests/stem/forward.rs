//! Forward.

use backlit_cuda::ops::conv::Arithmetic;
use backlit_cuda::ops::sample::Source;
use backlit_cuda::ops::stem::{FORWARD, Stem, StemArgs, StemDgrad, StemWeights, codes_len};
use backlit_cuda::planes::Sixteen;
use backlit_cuda::{Buffer, CudaError};
use backlit_net::arch::PoolBorder;
use backlit_testkit::compare::{assert_close, sum_tolerance};
use backlit_testkit::random::{to_f32, to_f64};

use super::modes::{FAST, KINDS, Kind, Tensor, all, assert_bits, device, stored};
use super::{Case, codes};

#[test]
fn integers_are_exact_in_every_storage() {
    for (n, side) in [(1, 32), (2, 36), (1, 72)] {
        let case = Case::integers(n, side);
        let (mut expected, mut expected_codes) = (vec![], vec![]);
        for image in 0..n {
            // A border of nothing: a window of zeros has a winner inside then, and the codes are the same.
            let (_, y, winner) = case.reference(image, PoolBorder::NegativeInfinity);
            expected_codes.extend(codes(&case, &y, &winner));
            expected.extend(to_f32(&y));
        }
        let zeros = expected.iter().filter(|&&v| v == 0.0).count();
        assert!(zeros > expected.len() / 50 && zeros < expected.len() / 2, "{zeros} windows without anything");
        for variant in FORWARD {
            // Whole numbers times a power of two fit in 8 bits of mantissa: every arithmetic is exact.
            for kind in KINDS {
                let what = format!("{} {kind:?} {n} x {side}", variant.kernel);
                let (y, found) = case.forward(variant, kind, FAST[0]);
                let rounded: Vec<f32> = expected.iter().map(|&v| stored(kind, v)).collect();
                assert_bits(&what, &y, &rounded);
                assert_eq!(found, expected_codes, "{what}");
            }
        }
    }
}

#[test]
fn random_data_is_close_and_every_mode_agrees() {
    let case = Case::random(2, 36);
    let mut expected = vec![];
    for image in 0..case.n {
        expected.extend(case.reference(image, PoolBorder::Zero).1);
    }
    let (naive, naive_codes) = case.forward(&FORWARD[0], Kind::F32, FAST[0]);
    for variant in FORWARD {
        let (first, first_codes) = case.forward(variant, Kind::F32, FAST[0]);
        // Rounding of both factors, added up over 147 random products of size 1/4 on average.
        let factors = |epsilon: f64| 3.0 * 147f64.sqrt() * epsilon;
        let tolerance = 3.0 * sum_tolerance(147)
            + match variant.arithmetic {
                Arithmetic::F32 => 0.0,
                Arithmetic::Split => factors(2f64.powi(-21)),
                Arithmetic::Half(Sixteen::F16) => factors(2f64.powi(-11)),
                Arithmetic::Half(Sixteen::Bf16) => factors(2f64.powi(-8)),
            };
        assert_close(variant.kernel, &to_f64(&first), &expected, tolerance);
        if variant.arithmetic == Arithmetic::F32 {
            // All sum in the same order.
            assert_bits(variant.kernel, &first, &naive);
            assert_eq!(first_codes, naive_codes, "{}", variant.kernel);
        }
        for mode in all().filter(|m| variant.kernel != "stem_forward_naive" || !m.checked) {
            let (y, codes) = case.forward(variant, Kind::F32, mode);
            assert_bits(variant.kernel, &y, &first);
            assert_eq!(codes, first_codes, "{} {mode:?}", variant.kernel);
        }
    }
}

#[test]
fn wrong_shapes_are_refused() {
    let (device, stream) = device();
    for side in [0, 30, 226, 5000] {
        assert!(matches!(Stem::prepare(&device, side), Err(CudaError::Shape { .. })), "{side}");
        assert!(matches!(StemDgrad::prepare(&device, side), Err(CudaError::Shape { .. })), "{side}");
    }
    let case = Case::integers(1, 32);
    assert!(matches!(StemWeights::new(&device, &case.weight[1..], &case.bias), Err(CudaError::Shape { .. })));
    let weights = StemWeights::new(&device, &case.weight, &case.bias).expect("weights");
    let x = Buffer::from_slice(&device, &case.x[1..]).expect("memory");
    let out = Tensor::new(&device, Kind::F32, 8 * 8 * 64);
    let codes = Buffer::<u8>::new(&device, codes_len(1, 32)).expect("memory");
    let stem = Stem::prepare(&device, 32).expect("it loads");
    let args = StemArgs {
        n: 1,
        from: Source::Pictures((&x).into()),
        weights: &weights,
        out: out.planes(),
        codes: (&codes).into(),
    };
    let error = stem.launch(&stream, &args).expect_err("a float is missing").to_string();
    assert!(error.contains("3072") && error.contains("3071"), "{error}");
}
