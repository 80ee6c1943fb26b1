//! sample on the stand-in driver: the bits of the host's samplers, written out and inside of the stem.

mod modes;

use std::sync::Arc;

use backlit_cuda::ops::sample::{Sample, SampleState, Source};
use backlit_cuda::ops::stem::{FORWARD, Stem, StemArgs, StemWeights, codes_len};
use backlit_cuda::{Buffer, CudaError, Device, Stream};
use backlit_cuda_emu::Settings;
use backlit_net::engine::{PathNode, Sampler};
use backlit_net::random::{Purpose, Random as Noise};
use backlit_net::{IMAGE_LEN, SIDE};
use backlit_testkit::random::{Random, to_f32};
use modes::{CHECKED, FAST, Kind, Tensor, assert_bits, device, run};

/// A picture, another, and what the copies are made with.
struct Case {
    side: usize,
    picture: Vec<f32>,
    other: Vec<f32>,
    alphas: Vec<f64>,
    bits: Vec<u32>,
    blend: Vec<f32>,
    state: SampleState,
}

/// The same on the device.
struct Loaded {
    picture: Buffer<f32>,
    other: Buffer<f32>,
    alphas: Buffer<f64>,
    bits: Buffer<u32>,
    blend: Buffer<f32>,
    state: Buffer<SampleState>,
}

const COPIES: usize = 9;

impl Case {
    fn new(side: usize, first: u32) -> Case {
        let (random, len) = (Random::new(21), side * side * 3);
        let words = (side * side).div_ceil(32);
        Case {
            side,
            picture: to_f32(&random.stream(0).values(len, 150.0)),
            other: to_f32(&random.stream(1).values(len, 130.0)),
            alphas: (0..COPIES).map(|i| (i as f64 + 0.3) / 7.0).collect(),
            bits: (0..COPIES * words).map(|i| random.stream(2).bits(i) as u32).collect(),
            blend: to_f32(&random.stream(3).values(COPIES * side * side, 1.0)),
            state: SampleState { seed: 0x1234_5678_9abc, key: u64::MAX / 3, sigma: 38.5, first, pad: 0 },
        }
    }

    fn load(&self, device: &Arc<Device>) -> Loaded {
        Loaded {
            picture: Buffer::from_slice(device, &self.picture).expect("memory"),
            other: Buffer::from_slice(device, &self.other).expect("memory"),
            alphas: Buffer::from_slice(device, &self.alphas).expect("memory"),
            bits: Buffer::from_slice(device, &self.bits).expect("memory"),
            blend: Buffer::from_slice(device, &self.blend).expect("memory"),
            state: Buffer::from_slice(device, &[self.state]).expect("memory"),
        }
    }

    /// Element `at` of copy `copy`, computed here.
    fn expected(&self, which: usize, copy: usize, at: usize) -> f32 {
        let (sample, pixels) = (self.state.first as usize + copy, self.side * self.side);
        let (x, y) = (f64::from(self.picture[at]), f64::from(self.other[at]));
        let between = |alpha: f64| (y + alpha * (x - y)) as f32;
        match which {
            0 => {
                let noise = Noise::new(self.state.seed, self.state.key, Purpose::Noise);
                (x + self.state.sigma * noise.normal(sample as u32, at)) as f32
            }
            1 => between(self.alphas[sample]),
            2 => {
                let word = self.bits[sample * pixels.div_ceil(32) + at / 3 / 32];
                if word >> (at / 3 % 32) & 1 == 1 { self.picture[at] } else { self.other[at] }
            }
            _ => between(f64::from(self.blend[sample * pixels + at / 3])),
        }
    }
}

impl Loaded {
    fn sources(&self) -> [Source; 4] {
        let (picture, state) = ((&self.picture).into(), (&self.state).into());
        let other = (&self.other).into();
        [
            Source::Noise { picture, state },
            Source::Path { picture, baseline: other, alphas: (&self.alphas).into(), state },
            Source::Bits { picture, fill: other, masks: (&self.bits).into(), state },
            Source::Blend { picture, fill: other, masks: (&self.blend).into(), state },
        ]
    }
}

fn copies(device: &Arc<Device>, stream: &Stream, mode: Settings, n: usize, side: usize, from: Source) -> Vec<f32> {
    let sample = Sample::prepare(device, side).expect("it loads");
    let y = Buffer::<f32>::new(device, n * side * side * 3).expect("memory");
    run(mode, stream, || sample.launch(stream, n, from, (&y).into()));
    y.read(stream).expect("a copy")
}

#[test]
fn every_kind_of_copy_has_the_bits_of_the_host() {
    let (device, stream) = device();
    for (side, first, n) in [(10, 2, 5), (36, 0, 3)] {
        let case = Case::new(side, first);
        let loaded = case.load(&device);
        for (which, from) in loaded.sources().into_iter().enumerate() {
            let len = side * side * 3;
            let expected: Vec<f32> = (0..n * len).map(|i| case.expected(which, i / len, i % len)).collect();
            for mode in [FAST[0], FAST[2], CHECKED[0], CHECKED[1]] {
                assert_bits(&format!("{from:?}"), &copies(&device, &stream, mode, n, side, from), &expected);
            }
        }
    }
}

#[test]
fn whole_pictures_are_those_of_the_samplers() {
    let (device, stream) = device();
    let case = Case::new(SIDE, 3);
    let loaded = case.load(&device);
    let [noise, path, ..] = loaded.sources();
    let SampleState { seed, key, sigma, .. } = case.state;
    let nodes = case.alphas.iter().map(|&alpha| PathNode { alpha, weight: 1.0 }).collect();
    for (from, sampler) in [
        (noise, Sampler::Noise { sigma, seed, key, samples: 10 }),
        (path, Sampler::Path { baseline: case.other.clone(), nodes }),
    ] {
        let mut expected = vec![f32::NAN; 2 * IMAGE_LEN];
        sampler.write(3, &case.picture, &mut expected);
        assert_bits("copies", &copies(&device, &stream, FAST[0], 2, SIDE, from), &expected);
    }
}

/// Deviates of all sizes, the logarithm's branches among them: bits that random ones hardly ever hit.
#[test]
fn rare_noise_too() {
    let (device, stream) = device();
    // 200 x 200 x 3 elements of 8 samples: a million deviates reach |z| = 4.9.
    let mut case = Case::new(200, 1_000_000);
    case.state.sigma = 1.0;
    case.picture.fill(0.0);
    let loaded = case.load(&device);
    let found = copies(&device, &stream, FAST[0], 8, 200, loaded.sources()[0]);
    let expected: Vec<f32> = (0..found.len()).map(|i| case.expected(0, i / 120_000, i % 120_000)).collect();
    assert_bits("noise", &found, &expected);
    assert!(found.iter().fold(0.0f32, |m, v| m.max(v.abs())) > 4.5);
}

#[test]
fn the_stem_makes_the_same_copies() {
    let (device, stream) = device();
    let (side, n) = (36, 3);
    let case = Case::new(side, 1);
    let loaded = case.load(&device);
    let random = Random::new(22);
    let weight = random.stream(0).values(7 * 7 * 3 * 64, 0.1);
    let weights = StemWeights::new(&device, &weight, &random.stream(1).values(64, 1.0)).expect("weights");
    let forward = |variant, mode, from: Source| {
        let out = Tensor::new(&device, Kind::F32, n * (side / 4) * (side / 4) * 64);
        let codes = Buffer::<u8>::new(&device, codes_len(n, side)).expect("memory");
        let stem = Stem::prepare_variant(&device, side, variant).expect("it loads");
        let args = StemArgs { n, from, weights: &weights, out: out.planes(), codes: (&codes).into() };
        run(mode, &stream, || stem.launch(&stream, &args));
        (out.read(&stream), codes.read(&stream).expect("a copy"))
    };
    for from in loaded.sources() {
        let written = copies(&device, &stream, FAST[0], n, side, from);
        let written = Buffer::from_slice(&device, &written).expect("memory");
        for variant in FORWARD {
            let (expected, expected_codes) = forward(variant, FAST[0], Source::Pictures((&written).into()));
            for mode in [FAST[0], FAST[3], CHECKED[1]] {
                if mode.checked && variant.kernel == "stem_forward_naive" {
                    continue;
                }
                let (found, codes) = forward(variant, mode, from);
                assert_bits(&format!("{} {from:?}", variant.kernel), &found, &expected);
                assert_eq!(codes, expected_codes);
            }
        }
    }
}

#[test]
fn wrong_lengths_are_refused() {
    let (device, stream) = device();
    assert!(matches!(Sample::prepare(&device, 7), Err(CudaError::Shape { .. })));
    let case = Case::new(10, 0);
    let loaded = case.load(&device);
    let sample = Sample::prepare(&device, 10).expect("it loads");
    let y = Buffer::<f32>::new(&device, 2 * 300 - 1).expect("memory");
    for from in loaded.sources() {
        let refused = sample.launch(&stream, 2, from, (&y).into());
        assert!(matches!(refused, Err(CudaError::Shape { .. })), "{from:?}");
    }
    let y = Buffer::<f32>::new(&device, 20 * 300).expect("memory");
    let refused = sample.launch(&stream, COPIES + 1, loaded.sources()[1], (&y).into());
    assert!(matches!(refused, Err(CudaError::Shape { .. })));
}
