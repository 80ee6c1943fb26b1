//! stem on the stand-in driver: both passes against the reference and against each other.

mod modes;

use backlit_cuda::ops::sample::Source;
use backlit_cuda::ops::stem::{
    DGRAD, FORWARD, Stem, StemArgs, StemDgrad, StemDgradArgs, StemWeights, Variant, codes_len,
};
use backlit_cuda::{Buffer, CudaError};
use backlit_cuda_emu::Settings;
use backlit_net::Rule;
use backlit_net::arch::PoolBorder;
use backlit_reference::ops::{
    Conv2d, MaxPool, conv2d_dgrad, conv2d_fwd, max_pool_dgrad, max_pool_fwd, relu_dgrad, relu_fwd,
};
use backlit_testkit::compare::{assert_close, sum_tolerance};
use backlit_testkit::random::{Random, to_f32, to_f64};
use modes::{CHECKED, FAST, KINDS, Kind, Tensor, all, assert_bits, device, run, stored};

const BORDERS: [PoolBorder; 2] = [PoolBorder::Zero, PoolBorder::NegativeInfinity];
const RULES: [Rule; 3] = [Rule::Plain, Rule::Guided, Rule::Rectified];
const WEIGHTS: usize = 7 * 7 * 3 * 64;

/// Pictures, weights and bias.
struct Case {
    n: usize,
    side: usize,
    x: Vec<f32>,
    weight: Vec<f64>,
    bias: Vec<f64>,
}

impl Case {
    /// Small whole numbers; few enough values that windows tie, and biases that leave some windows without a
    /// positive element.
    fn integers(n: usize, side: usize) -> Case {
        let random = Random::new(7);
        let x = to_f32(&random.stream(0).integers(n * side * side * 3, 3));
        let weight = random.stream(1).integers(WEIGHTS, 2);
        let bias = random.stream(2).integers(64, 60).iter().map(|b| b - 30.0).collect();
        Case { n, side, x, weight, bias }
    }

    fn random(n: usize, side: usize) -> Case {
        let random = Random::new(8);
        let f32s = |v: Vec<f64>| to_f64(&to_f32(&v));
        let x = to_f32(&random.stream(0).values(n * side * side * 3, 1.0));
        let (weight, bias) = (random.stream(1).values(WEIGHTS, 1.0), random.stream(2).values(64, 8.0));
        Case { n, side, x, weight: f32s(weight), bias: f32s(bias) }
    }

    fn conv(&self) -> Conv2d {
        Conv2d { height: self.side, width: self.side, c_in: 3, c_out: 64, kernel: 7, stride: 2, pad: 3 }
    }

    fn pool(&self, border: PoolBorder) -> MaxPool {
        MaxPool { side_in: self.side / 2, channels: 64, kernel: 3, stride: 2, pad: 1, border }
    }

    fn picture(&self, image: usize) -> Vec<f64> {
        let len = self.side * self.side * 3;
        to_f64(&self.x[image * len..][..len])
    }

    /// The convolution after ReLU, the pool's output and its winners, of one picture.
    fn reference(&self, image: usize, border: PoolBorder) -> (Vec<f64>, Vec<f64>, Vec<u32>) {
        let mut map = vec![0.0; self.conv().output_len()];
        conv2d_fwd(&self.conv(), &self.picture(image), &self.weight, &self.bias, &mut map);
        relu_fwd(&mut map);
        let len = (self.side / 4) * (self.side / 4) * 64;
        let (mut y, mut winner) = (vec![0.0; len], vec![0; len]);
        max_pool_fwd(&self.pool(border), &map, &mut y, &mut winner);
        (map, y, winner)
    }

    /// Output and codes of a kernel.
    fn forward(&self, variant: &'static Variant, kind: Kind, mode: Settings) -> (Vec<f32>, Vec<u8>) {
        let (device, stream) = device();
        let weights = StemWeights::new(&device, &self.weight, &self.bias).expect("weights");
        let x = Buffer::from_slice(&device, &self.x).expect("memory");
        let out = Tensor::new(&device, kind, self.n * (self.side / 4) * (self.side / 4) * 64);
        let codes = Buffer::<u8>::new(&device, codes_len(self.n, self.side)).expect("memory");
        let stem = Stem::prepare_variant(&device, self.side, variant).expect("it loads");
        let args = StemArgs {
            n: self.n,
            from: Source::Pictures((&x).into()),
            weights: &weights,
            out: out.planes(),
            codes: (&codes).into(),
        };
        run(mode, &stream, || stem.launch(&stream, &args));
        (out.read(&stream), codes.read(&stream).expect("a copy"))
    }

    /// Gradient of a kernel.
    fn dgrad(&self, variant: &'static Variant, kind: Kind, mode: Settings, back: &Back) -> Vec<f32> {
        let (device, stream) = device();
        let weights = StemWeights::new(&device, &self.weight, &self.bias).expect("weights");
        let d = Tensor::from(&device, kind, &back.d);
        let codes = Buffer::from_slice(&device, &back.codes).expect("memory");
        let unscale = Buffer::from_slice(&device, &back.unscale).expect("memory");
        let dx = Buffer::<f32>::new(&device, self.x.len()).expect("memory");
        let stem = StemDgrad::prepare_variant(&device, self.side, variant).expect("it loads");
        let args = StemDgradArgs {
            n: self.n,
            d: d.planes(),
            codes: (&codes).into(),
            unscale: (&unscale).into(),
            weights: &weights,
            rule: back.rule,
            border: back.border,
            dx: (&dx).into(),
        };
        run(mode, &stream, || stem.launch(&stream, &args));
        dx.read(&stream).expect("a copy")
    }

    /// The gradient of the reference, times the scales.
    fn reference_dgrad(&self, back: &Back) -> Vec<f64> {
        let (mut dx, len) = (vec![], back.d.len() / self.n);
        for image in 0..self.n {
            let (map, _, winner) = self.reference(image, back.border);
            let mut d = vec![0.0; map.len()];
            let dy = to_f64(&back.d[image * len..][..len]);
            max_pool_dgrad(&self.pool(back.border), &winner, &dy, &mut d);
            relu_dgrad(back.rule, &map, &mut d);
            let mut one = vec![0.0; self.conv().input_len()];
            conv2d_dgrad(&self.conv(), &d, &self.weight, &mut one);
            dx.extend(one.into_iter().map(|v| v * f64::from(back.unscale[image])));
        }
        dx
    }
}

/// What the gradient is given.
struct Back {
    d: Vec<f32>,
    codes: Vec<u8>,
    unscale: Vec<f32>,
    rule: Rule,
    border: PoolBorder,
}

/// The code of every element of the reference, two a byte.
fn codes(case: &Case, y: &[f64], winner: &[u32]) -> Vec<u8> {
    let (conv, pooled) = (case.side / 2, case.side / 4);
    let code = |i: usize| {
        if y[i] <= 0.0 {
            return 15;
        }
        let (p, q, at) = (i / 64 / pooled, i / 64 % pooled, winner[i] as usize);
        (at / conv + 1 - 2 * p) * 3 + at % conv + 1 - 2 * q
    };
    (0..y.len() / 2).map(|i| (code(2 * i) | code(2 * i + 1) << 4) as u8).collect()
}

#[test]
fn integers_are_exact_in_every_storage() {
    for (n, side) in [(1, 32), (2, 36)] {
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
fn random_data_is_close_and_every_kernel_and_mode_agrees() {
    let case = Case::random(2, 36);
    let (naive, naive_codes) = case.forward(&FORWARD[0], Kind::F32, FAST[0]);
    let mut expected = vec![];
    for image in 0..case.n {
        expected.extend(case.reference(image, PoolBorder::Zero).1);
    }
    assert_close("forward", &to_f64(&naive), &expected, 3.0 * sum_tolerance(147));
    for mode in all() {
        for variant in FORWARD.iter().filter(|v| v.kernel != "stem_forward_naive" || !mode.checked) {
            let (y, codes) = case.forward(variant, Kind::F32, mode);
            assert_bits(variant.kernel, &y, &naive);
            assert_eq!(codes, naive_codes, "{} {mode:?}", variant.kernel);
        }
    }
}

fn back(case: &Case, rule: Rule, border: PoolBorder, d: Vec<f64>) -> Back {
    let mut all_codes = vec![];
    for image in 0..case.n {
        let (_, y, winner) = case.reference(image, PoolBorder::NegativeInfinity);
        all_codes.extend(codes(case, &y, &winner));
    }
    let unscale = (0..case.n).map(|i| 0.5f32.powi(i as i32 + 1)).collect();
    Back { d: to_f32(&d), codes: all_codes, unscale, rule, border }
}

#[test]
fn gradients_of_integers_are_exact_for_every_rule_and_border() {
    for (n, side) in [(1, 32), (2, 36)] {
        let case = Case::integers(n, side);
        for (border, rule) in BORDERS.into_iter().flat_map(|b| RULES.map(|r| (b, r))) {
            let d = Random::new(9).integers(n * (side / 4) * (side / 4) * 64, 3);
            let back = back(&case, rule, border, d);
            let expected = to_f32(&case.reference_dgrad(&back));
            for variant in DGRAD {
                for kind in if rule == Rule::Guided { &KINDS[..] } else { &KINDS[..2] } {
                    let found = case.dgrad(variant, *kind, FAST[0], &back);
                    assert_bits(&format!("{} {kind:?} {border:?} {rule}", variant.kernel), &found, &expected);
                }
            }
        }
    }
}

#[test]
fn random_gradients_are_close_in_every_mode() {
    let case = Case::random(2, 36);
    for (rule, border) in [(Rule::Plain, BORDERS[1]), (Rule::Rectified, BORDERS[0])] {
        let d = Random::new(10).values(case.n * 9 * 9 * 64, 1.0);
        let back = back(&case, rule, border, d);
        let expected = case.reference_dgrad(&back);
        for variant in DGRAD {
            let first = case.dgrad(variant, Kind::F32, FAST[0], &back);
            assert_close(variant.kernel, &to_f64(&first), &expected, 3.0 * sum_tolerance(7 * 64));
            let slow = variant.kernel == "stem_dgrad_naive";
            for mode in all().filter(|m| !(m.checked && slow)) {
                assert_bits(variant.kernel, &case.dgrad(variant, Kind::F32, mode, &back), &first);
            }
        }
    }
}

#[test]
fn a_picture_has_the_same_bits_in_any_batch() {
    let all = Case::random(3, 36);
    let len = all.x.len() / 3;
    let alone = Case { n: 1, x: all.x[2 * len..].to_vec(), weight: all.weight.clone(), bias: all.bias.clone(), ..all };
    let variant = &FORWARD[FORWARD.len() - 1];
    let ((many, codes), (one, code)) =
        (all.forward(variant, Kind::Split, FAST[0]), alone.forward(variant, Kind::Split, FAST[0]));
    assert_bits("forward", &many[many.len() / 3 * 2..], &one);
    assert_eq!(codes[codes.len() / 3 * 2..], code);
    let d = Random::new(11).values(3 * 9 * 9 * 64, 1.0);
    let together = back(&all, Rule::Plain, BORDERS[0], d.clone());
    let by_itself = Back {
        unscale: vec![together.unscale[2]],
        ..back(&alone, Rule::Plain, BORDERS[0], d[2 * 9 * 9 * 64..].to_vec())
    };
    let variant = &DGRAD[DGRAD.len() - 1];
    let many = all.dgrad(variant, Kind::F16, CHECKED[0], &together);
    assert_bits("gradient", &many[2 * len..], &alone.dgrad(variant, Kind::F16, FAST[2], &by_itself));
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
