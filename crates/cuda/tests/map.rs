//! map on the stand-in driver: the bits of the host's default map.

mod modes;

use backlit_cuda::ops::map::{MapArgs, SaliencyMap};
use backlit_cuda::{Buffer, CudaError};
use backlit_cuda_emu::Settings;
use backlit_net::{CHANNELS, SIDE};
use backlit_saliency::smooth::taps;
use backlit_saliency::{Map, MapOptions, SaliencyMap as Expected, saliency_map_from};
use backlit_testkit::random::{Random, to_f32};
use modes::{FAST, all, assert_bits, device, run};

/// Maps and ranges of gradients `[n, side, side, 3]`.
fn maps(mode: Settings, gradient: &[f32], n: usize, side: usize, options: &MapOptions) -> (Vec<f32>, Vec<f32>) {
    let (device, stream) = device();
    let kernels = SaliencyMap::prepare(&device, side).expect("they load");
    let pixels = n * side * side;
    let gradient = Buffer::from_slice(&device, gradient).expect("memory");
    let taps = Buffer::from_slice(&device, &taps(options.sigma, options.truncate).expect("taps")).expect("memory");
    let (size, range) =
        (Buffer::<f32>::new(&device, pixels).expect("memory"), Buffer::<f32>::new(&device, 2 * n).expect("memory"));
    let (between, map) =
        (Buffer::<f64>::new(&device, pixels).expect("memory"), Buffer::<f32>::new(&device, pixels).expect("memory"));
    let args = MapArgs {
        n,
        gradient: (&gradient).into(),
        taps: (&taps).into(),
        normalize: options.normalize,
        size: (&size).into(),
        range: (&range).into(),
        between: (&between).into(),
        map: (&map).into(),
    };
    run(mode, &stream, || kernels.launch(&stream, &args));
    (map.read(&stream).expect("a copy"), range.read(&stream).expect("a copy"))
}

fn expected(gradient: &[f32], side: usize, options: &MapOptions) -> Expected {
    let found = Map { height: side, width: side, channels: CHANNELS, values: gradient.to_vec() };
    saliency_map_from(&found, options).expect("a map")
}

#[test]
fn the_bits_of_the_host() {
    let default = MapOptions::default();
    for (n, side, options) in [
        (1, SIDE, default),
        (2, SIDE, MapOptions { sigma: 2.3, ..default }),
        (3, 7, default),
        (2, 33, MapOptions { normalize: false, sigma: 1.0, ..default }),
        (2, 33, MapOptions { sigma: 0.0, ..default }),
        (1, 1, default),
    ] {
        let len = side * side * 3;
        let mut gradient = to_f32(&Random::new(41).values(n * len, 0.01));
        gradient[len - 1] = -0.02;
        let (map, range) = maps(FAST[0], &gradient, n, side, &options);
        for image in 0..n {
            let host = expected(&gradient[image * len..][..len], side, &options);
            let one = &map[image * side * side..][..side * side];
            match side {
                1 => assert_eq!(one, host.map.values),
                _ => assert_bits(&format!("{side} {options:?}"), one, &host.map.values),
            }
            assert_eq!(range[2 * image..][..2], [host.raw_min, host.raw_max]);
        }
    }
}

#[test]
fn every_mode_agrees_and_what_is_not_finite_is_seen() {
    let options = MapOptions { sigma: 1.5, ..MapOptions::default() };
    let mut gradient = to_f32(&Random::new(42).values(2 * 20 * 20 * 3, 1.0));
    let first = maps(FAST[0], &gradient, 2, 20, &options);
    for mode in all() {
        assert_eq!(maps(mode, &gradient, 2, 20, &options), first, "{mode:?}");
    }
    gradient[20 * 20 * 3 + 700] = f32::NAN;
    let (map, range) = maps(FAST[0], &gradient, 2, 20, &options);
    assert_eq!(map[..400], first.0[..400]);
    assert_eq!(range[..2], first.1[..2]);
    assert!(range[2].is_nan() && range[3].is_nan() && map[400..].iter().all(|v| v.is_nan()));
    // A constant gradient shows nothing and is never NaN.
    let (map, range) = maps(FAST[0], &[-0.25; 20 * 20 * 3], 1, 20, &options);
    assert!(map.iter().all(|&v| v == 0.0));
    assert_eq!(range, [0.25, 0.25]);
}

#[test]
fn wrong_lengths_are_refused() {
    let (device, stream) = device();
    assert!(matches!(SaliencyMap::prepare(&device, 0), Err(CudaError::Shape { .. })));
    let kernels = SaliencyMap::prepare(&device, 4).expect("they load");
    let floats = Buffer::<f32>::new(&device, 48).expect("memory");
    let doubles = Buffer::<f64>::new(&device, 15).expect("memory");
    let all = (&floats).into();
    let args = MapArgs {
        n: 1,
        gradient: all,
        taps: (&doubles).into(),
        normalize: true,
        size: all,
        range: all,
        between: (&doubles).into(),
        map: all,
    };
    assert!(matches!(kernels.launch(&stream, &args), Err(CudaError::Shape { .. })));
}
