//! head on the stand-in driver: both passes against the reference.

mod modes;

use std::rc::Rc;
use std::sync::Arc;

use backlit_cuda::ops::conv::{RowOrder, gates};
use backlit_cuda::ops::head::{
    CLASSES, DEFAULT_BINADE, FEATURES, Head, HeadArgs, HeadDgrad, HeadDgradArgs, HeadWeights, Ladder,
};
use backlit_cuda::{Buffer, CudaError, Device, Stream};
use backlit_cuda_emu::Settings;
use backlit_net::Rule;
use backlit_reference::ops::{dense_dgrad, dense_fwd, global_average_dgrad, global_average_fwd, relu_dgrad};
use backlit_testkit::compare::{assert_close, sum_tolerance};
use backlit_testkit::random::{Random, to_f32, to_f64};
use modes::{CHECKED, FAST, KINDS, Kind, Tensor, all, assert_bits, device, run, stored};

const LADDERS: [Ladder; 2] = [Ladder::Naive, Ladder::Split];
const PIXELS: usize = 49;

/// Images, seeds, and the weights on both sides.
#[derive(Clone)]
struct Case {
    n: usize,
    x: Vec<f32>,
    seeds: Vec<f32>,
    weight: Rc<Vec<f64>>,
    bias: Rc<Vec<f64>>,
    device: Arc<Device>,
    stream: Stream,
    loaded: Rc<HeadWeights>,
}

impl Case {
    fn integers(n: usize) -> Case {
        let random = Random::new(3);
        // Sums over 49 positions that are multiples of 49, so that the mean is whole.
        let mut x = to_f32(&random.stream(0).integers(n * PIXELS * FEATURES, 4));
        for (i, v) in x.iter_mut().enumerate() {
            *v = if (i / FEATURES).is_multiple_of(PIXELS) { *v * 49.0 } else { 0.0 };
        }
        let (weight, bias) = (random.stream(1).integers(FEATURES * CLASSES, 3), random.stream(2).integers(CLASSES, 9));
        Case::new(n, x, to_f32(&random.stream(3).integers(n * CLASSES, 3)), weight, bias)
    }

    fn random(n: usize) -> Case {
        let random = Random::new(4);
        let f32s = |v: Vec<f64>| to_f64(&to_f32(&v));
        let x = to_f32(&random.stream(0).values(n * PIXELS * FEATURES, 1.0));
        let seeds = to_f32(&random.stream(3).values(n * CLASSES, 1.0));
        let weight = f32s(random.stream(1).values(FEATURES * CLASSES, 1.0));
        Case::new(n, x, seeds, weight, f32s(random.stream(2).values(CLASSES, 1.0)))
    }

    fn new(n: usize, x: Vec<f32>, seeds: Vec<f32>, weight: Vec<f64>, bias: Vec<f64>) -> Case {
        let (device, stream) = device();
        let loaded = Rc::new(HeadWeights::new(&device, &weight, &bias).expect("weights"));
        Case { n, x, seeds, weight: Rc::new(weight), bias: Rc::new(bias), device, stream, loaded }
    }

    /// One image of them.
    fn only(&self, image: usize) -> Case {
        let (len, mut one) = (PIXELS * FEATURES, self.clone());
        one.n = 1;
        one.x = self.x[image * len..][..len].to_vec();
        one.seeds = self.seeds[image * CLASSES..][..CLASSES].to_vec();
        one
    }

    /// Logits and means of the reference.
    fn reference(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut logits, mut pooled) = (vec![0.0; self.n * CLASSES], vec![0.0; self.n * FEATURES]);
        for (image, (logits, pooled)) in logits.chunks_mut(CLASSES).zip(pooled.chunks_mut(FEATURES)).enumerate() {
            global_average_fwd(&to_f64(&self.x[image * PIXELS * FEATURES..][..PIXELS * FEATURES]), pooled);
            dense_fwd(pooled, &self.weight, &self.bias, logits);
        }
        (logits, pooled)
    }

    /// Gradient of the mean, one row an image.
    fn reference_dpool(&self) -> Vec<f64> {
        let mut dpool = vec![0.0; self.n * FEATURES];
        for (d, seed) in dpool.chunks_mut(FEATURES).zip(self.seeds.chunks(CLASSES)) {
            let mut all = vec![0.0; FEATURES];
            dense_dgrad(&to_f64(seed), &self.weight, &mut all);
            let mut pixels = vec![0.0; PIXELS * FEATURES];
            global_average_dgrad(&all, &mut pixels);
            d.copy_from_slice(&pixels[..FEATURES]);
        }
        dpool
    }

    fn forward(&self, ladder: Ladder, kind: Kind, mode: Settings) -> (Vec<f32>, Vec<f32>) {
        let (device, stream) = (&self.device, &self.stream);
        let x = Tensor::from(device, kind, &self.x);
        let logits = Buffer::<f32>::new(device, self.n * CLASSES).expect("memory");
        let pooled = Buffer::<f32>::new(device, self.n * FEATURES).expect("memory");
        let head = Head::prepare_ladder(device, PIXELS, ladder).expect("it loads");
        let args = HeadArgs {
            n: self.n,
            x: x.planes(),
            weights: &self.loaded,
            pooled: (&pooled).into(),
            logits: (&logits).into(),
        };
        run(mode, stream, || head.launch(stream, &args));
        (logits.read(stream).expect("a copy"), pooled.read(stream).expect("a copy"))
    }

    /// dz, its scales and the gradient of the mean.
    fn dgrad(
        &self,
        ladder: Ladder,
        kind: Kind,
        mode: Settings,
        gate: Option<(&[u32], Rule)>,
    ) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let (device, stream) = (&self.device, &self.stream);
        let seeds = Buffer::from_slice(device, &self.seeds).expect("memory");
        let dpool = Buffer::<f32>::new(device, self.n * FEATURES).expect("memory");
        let unscale = Buffer::<f32>::new(device, self.n).expect("memory");
        let dz = Tensor::new(device, kind, self.n * PIXELS * FEATURES);
        let words = gate.map(|(words, rule)| (Buffer::from_slice(device, words).expect("memory"), rule));
        let head = HeadDgrad::prepare_ladder(device, PIXELS, DEFAULT_BINADE, ladder).expect("it loads");
        let args = HeadDgradArgs {
            n: self.n,
            seeds: (&seeds).into(),
            weights: &self.loaded,
            dpool: (&dpool).into(),
            gates: words.as_ref().map(|(words, rule)| (words.into(), *rule)),
            dz: dz.planes(),
            unscale: (&unscale).into(),
        };
        run(mode, stream, || head.launch(stream, &args));
        let read = |buffer: &Buffer<f32>| buffer.read(stream).expect("a copy");
        (dz.read(stream), read(&unscale), read(&dpool))
    }
}

#[test]
fn integers_are_exact() {
    for n in [1, 5] {
        let case = Case::integers(n);
        let (logits, pooled) = case.reference();
        for (ladder, kind) in LADDERS.into_iter().flat_map(|l| KINDS.map(|k| (l, k))) {
            let (found, means) = case.forward(ladder, kind, FAST[0]);
            assert_bits(&format!("{ladder:?} {kind:?}"), &found, &to_f32(&logits));
            assert_bits(&format!("{ladder:?} {kind:?}"), &means, &to_f32(&pooled));
        }
    }
}

#[test]
fn random_data_is_close_and_every_mode_agrees() {
    let case = Case::random(3);
    let (logits, pooled) = case.reference();
    for ladder in LADDERS {
        let (first, means) = case.forward(ladder, Kind::F32, FAST[0]);
        assert_close("logits", &to_f64(&first), &logits, 2.0 * sum_tolerance(FEATURES) / 7.0);
        assert_close("means", &to_f64(&means), &pooled, sum_tolerance(PIXELS) / 49.0);
        for mode in all().filter(|m| !m.checked) {
            assert_bits(&format!("{ladder:?}"), &case.forward(ladder, Kind::F32, mode).0, &first);
        }
    }
    let small = case.only(0);
    let first = small.forward(Ladder::Split, Kind::F32, FAST[0]).0;
    for mode in CHECKED {
        assert_bits("checked", &small.forward(Ladder::Split, Kind::F32, mode).0, &first);
    }
}

/// Gates of the last block, random, and the same as an output to be sent back through.
fn random_gates(n: usize) -> (Vec<u32>, Vec<f64>) {
    let bits: Vec<bool> = (0..n * PIXELS * FEATURES).map(|i| Random::new(6).bits(i).is_multiple_of(3)).collect();
    let y = bits.iter().map(|&b| f64::from(u8::from(b))).collect();
    (gates::pack(&bits, RowOrder::Raster, n, 7, FEATURES), y)
}

#[test]
fn gradients_are_spread_scaled_and_gated() {
    let n = 3;
    let case = Case::integers(n);
    let (words, y) = random_gates(n);
    let dpool: Vec<f32> = to_f32(&case.reference_dpool());
    for (ladder, kind) in LADDERS.into_iter().flat_map(|l| KINDS.map(|k| (l, k))) {
        for rule in [None, Some(Rule::Plain), Some(Rule::Guided), Some(Rule::Rectified)] {
            let what = format!("{ladder:?} {kind:?} {rule:?}");
            let (dz, unscale, found) = case.dgrad(ladder, kind, FAST[0], rule.map(|r| (&words[..], r)));
            assert_bits(&what, &found, &dpool);
            for image in 0..n {
                let row = &dpool[image * FEATURES..][..FEATURES];
                let largest = row.iter().fold(0.0f32, |m, v| m.max(v.abs()));
                if kind == Kind::F32 {
                    assert_eq!(unscale[image], 1.0);
                } else {
                    let top = largest / unscale[image] / 2f32.powi(DEFAULT_BINADE);
                    assert!((1.0..2.0).contains(&top), "{what}: {top}");
                }
                let mut expected: Vec<f64> =
                    (0..PIXELS).flat_map(|_| row.iter().map(|&v| f64::from(v / unscale[image]))).collect();
                if let Some(rule) = rule {
                    relu_dgrad(rule, &y[image * expected.len()..][..expected.len()], &mut expected);
                }
                let expected: Vec<f32> = expected.iter().map(|&v| stored(kind, v as f32)).collect();
                assert_bits(&what, &dz[image * expected.len()..][..expected.len()], &expected);
            }
        }
    }
}

#[test]
fn random_gradients_are_close_and_every_mode_agrees() {
    let case = Case::random(2);
    let (words, _) = random_gates(2);
    let gate = Some((&words[..], Rule::Plain));
    let expected = case.reference_dpool();
    for ladder in LADDERS {
        let (dz, unscale, dpool) = case.dgrad(ladder, Kind::F16, FAST[0], gate);
        assert_close("dpool", &to_f64(&dpool), &expected, sum_tolerance(CLASSES) / 49.0);
        for mode in all().filter(|m| !m.checked || ladder == Ladder::Split) {
            let again = case.dgrad(ladder, Kind::F16, mode, gate);
            assert_bits("dz", &again.0, &dz);
            assert_eq!((again.1, again.2), (unscale.clone(), dpool.clone()));
        }
    }
}

#[test]
fn an_image_has_the_same_bits_in_any_batch() {
    let case = Case::random(6);
    let (many, _) = case.forward(Ladder::Split, Kind::Split, FAST[0]);
    let (dz, _, _) = case.dgrad(Ladder::Split, Kind::F16, FAST[0], None);
    for image in [0, 3, 5] {
        let (len, one) = (PIXELS * FEATURES, case.only(image));
        assert_bits("logits", &many[image * CLASSES..][..CLASSES], &one.forward(Ladder::Split, Kind::Split, FAST[2]).0);
        assert_bits("dz", &dz[image * len..][..len], &one.dgrad(Ladder::Split, Kind::F16, FAST[2], None).0);
    }
}

#[test]
fn seeds_of_nothing_and_of_extremes_have_usable_scales() {
    let n = 4;
    let mut case = Case::integers(n);
    case.seeds.fill(0.0);
    (case.seeds[CLASSES], case.seeds[2 * CLASSES], case.seeds[3 * CLASSES]) = (1e-44, 1e37, f32::NAN);
    let (dz, unscale, _) = case.dgrad(Ladder::Split, Kind::F16, FAST[0], None);
    assert_eq!((unscale[0], unscale[3]), (1.0, 1.0));
    assert!(unscale.iter().all(|s| s.is_normal()), "{unscale:?}");
    let images: Vec<&[f32]> = dz.chunks(PIXELS * FEATURES).collect();
    assert!(images[0].iter().all(|&v| v == 0.0));
    assert!(images[1].iter().chain(images[2]).all(|v| v.is_finite()));
    assert!(images[2].iter().any(|v| v.abs() >= 2f32.powi(DEFAULT_BINADE)));
    assert!(images[3].iter().any(|v| v.is_nan()));
}

#[test]
fn wrong_lengths_are_refused() {
    let case = Case::integers(1);
    let (device, stream) = (&case.device, &case.stream);
    assert!(matches!(HeadWeights::new(device, &case.weight[1..], &case.bias), Err(CudaError::Shape { .. })));
    let x = Tensor::from(device, Kind::F32, &case.x);
    let logits = Buffer::<f32>::new(device, CLASSES).expect("memory");
    let pooled = Buffer::<f32>::new(device, FEATURES).expect("memory");
    let head = Head::prepare(device, PIXELS).expect("it loads");
    let (pooled, logits) = ((&pooled).into(), (&logits).into());
    let args = HeadArgs { n: 2, x: x.planes(), weights: &case.loaded, pooled, logits };
    assert!(matches!(head.launch(stream, &args), Err(CudaError::Shape { .. })));
    let none = HeadArgs { n: 0, ..args };
    head.launch(stream, &none).expect("nothing to do");
}
