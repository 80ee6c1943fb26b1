//! moments on the stand-in driver: the bits of the host.

mod modes;

use backlit_cuda::ops::moments::{Finished, MomentSums, SampleWeight};
use backlit_cuda::{Buffer, CudaError};
use backlit_cuda_emu::Settings;
use backlit_net::engine::{Moments, Pace, PathNode, Sampler};
use backlit_net::{CLASSES, Engine, IMAGE_LEN, Images, Rule, Seeds};
use backlit_testkit::random::{Random, to_f32};
use backlit_testkit::toy::Toy;
use modes::{CHECKED, FAST, all, assert_bits, device, run};

/// The weights of samples as the host's loop has them.
fn weights(of: impl Iterator<Item = f64>) -> (Vec<SampleWeight>, f64) {
    let mut total = 0.0;
    let weights = of
        .map(|weight| {
            total += weight;
            SampleWeight { weight, share: if weight > 0.0 { weight / total } else { 0.0 } }
        })
        .collect();
    (weights, total)
}

/// Mean, mean size, mean square and variance of gradients `[samples, len]`, taken `batch` at a time.
fn moments(mode: Settings, gradients: &[f32], of: &[f64], batch: usize) -> [Vec<f32>; 4] {
    let (device, stream) = device();
    let len = gradients.len() / of.len();
    let kernels = MomentSums::prepare(&device, len).expect("they load");
    let sums = Buffer::<f64>::new(&device, 3 * len).expect("memory");
    let (weights, total) = weights(of.iter().copied());
    for (i, (gradients, weights)) in gradients.chunks(batch * len).zip(weights.chunks(batch)).enumerate() {
        let g = Buffer::from_slice(&device, gradients).expect("memory");
        let w = Buffer::from_slice(&device, weights).expect("memory");
        run(mode, &stream, || kernels.add(&stream, weights.len(), (&g).into(), (&w).into(), (&sums).into(), i == 0));
    }
    let total = Buffer::from_slice(&device, &[total]).expect("memory");
    let out: [Buffer<f32>; 4] = std::array::from_fn(|_| Buffer::new(&device, len).expect("memory"));
    let to = Finished {
        mean: (&out[0]).into(),
        mean_absolute: (&out[1]).into(),
        mean_square: (&out[2]).into(),
        variance: (&out[3]).into(),
    };
    run(mode, &stream, || kernels.finish(&stream, (&sums).into(), (&total).into(), to));
    out.map(|b| b.read(&stream).expect("a copy"))
}

#[test]
fn the_bits_of_the_host() {
    let random = Random::new(31);
    let slope = to_f32(&random.stream(0).values(IMAGE_LEN, 0.01));
    let image = to_f32(&random.stream(1).values(IMAGE_LEN, 120.0));
    let toy = Toy::quadratic(slope.clone());
    let mut seed = vec![0.0; CLASSES];
    seed[0] = 1.0;
    let node = |alpha, weight| PathNode { alpha, weight };
    let samplers = [
        Sampler::Noise { sigma: 20.0, seed: 5, key: 6, samples: 7 },
        // The first weighs nothing, all have another weight.
        Sampler::Path {
            baseline: vec![0.5; IMAGE_LEN],
            nodes: vec![node(0.1, 0.0), node(0.2, 0.3), node(0.9, 1.7), node(0.4, 1e-3)],
        },
    ];
    for sampler in samplers {
        let samples = sampler.check().expect("a sampler");
        let images = Images::new(&image).expect("an image");
        let seeds = Seeds::Rows { data: &seed, per_image: 1 };
        let expected: Moments =
            toy.gradient_moments(images, &sampler, seeds, Rule::Plain, &mut Pace::default()).expect("an answer");
        let mut gradients = vec![0.0; samples * IMAGE_LEN];
        sampler.write(0, &image, &mut gradients);
        gradients.iter_mut().enumerate().for_each(|(i, g)| *g *= slope[i % IMAGE_LEN]);
        let of: Vec<f64> = (0..samples).map(|i| sampler.weight(i)).collect();
        for (mode, batch) in [(FAST[0], 3), (FAST[1], 1), (FAST[2], samples)] {
            let [mean, absolute, square, variance] = moments(mode, &gradients, &of, batch);
            assert_bits("mean", &mean, &expected.mean);
            assert_bits("mean size", &absolute, &expected.mean_absolute);
            assert_bits("mean square", &square, &expected.mean_square);
            assert_bits("variance", &variance, &expected.variance);
        }
    }
}

#[test]
fn every_mode_agrees_and_equal_samples_have_no_variance() {
    let one = to_f32(&Random::new(32).values(300, 1.0));
    let gradients = one.repeat(5);
    let of = [0.1, 0.7, 0.2, 3.0, 0.9];
    let [mean, absolute, _, variance] = moments(FAST[0], &gradients, &of, 2);
    assert_bits("mean", &mean, &one);
    assert!(variance.iter().all(|&v| v == 0.0));
    let random = to_f32(&Random::new(33).values(5 * 300, 1.0));
    let first = moments(FAST[0], &random, &of, 2);
    assert!(first[3].iter().all(|&v| v > 0.0) && absolute.iter().all(|&v| v > 0.0));
    for mode in all().chain(CHECKED) {
        assert_eq!(moments(mode, &random, &of, 3), first);
    }
}

#[test]
fn wrong_lengths_are_refused() {
    let (device, stream) = device();
    let kernels = MomentSums::prepare(&device, 10).expect("they load");
    let (g, w) = (Buffer::<f32>::new(&device, 19).expect("memory"), Buffer::new(&device, 2).expect("memory"));
    let sums = Buffer::<f64>::new(&device, 30).expect("memory");
    let refused = kernels.add(&stream, 2, (&g).into(), (&w).into(), (&sums).into(), true);
    assert!(matches!(refused, Err(CudaError::Shape { .. })));
    assert!(matches!(MomentSums::prepare(&device, usize::MAX), Err(CudaError::Shape { .. })));
}
