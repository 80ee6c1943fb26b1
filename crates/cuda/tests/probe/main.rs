//! Probes of single instructions: the emulator against plain Rust models of what the PTX manual says.

mod matrix;
mod scalar;
mod tensor;
mod warp;
mod wgmma;

use std::sync::Arc;

use backlit_cuda::ops::probe::{PROBES, Probe};
use backlit_cuda::{Device, Stream};
use backlit_cuda_emu::{Async, Settings, install, with};

fn device() -> (Arc<Device>, Stream) {
    install();
    let device = Device::open(0).expect("the stand-in opens");
    let stream = device.stream().expect("a stream");
    (device, stream)
}

fn modes() -> Vec<Settings> {
    let fast = Settings { threads: 1, ..Settings::default() };
    vec![
        fast,
        Settings { timing: Async::Eager, ..fast },
        Settings { timing: Async::Random, seed: 5, ..fast },
        Settings { checked: true, ..fast },
    ]
}

/// What the manual says that a probe answers.
fn model(probe: &Probe, input: &[u32]) -> Vec<u32> {
    match probe.kernel {
        "probe_access" => scalar::access(input),
        "probe_cp_async" => scalar::cp_async(input),
        "probe_convert" => scalar::convert(input),
        "probe_arithmetic" => scalar::arithmetic(input),
        "probe_bits" => scalar::bits(input),
        "probe_warp" => warp::collectives(input),
        "probe_ldmatrix" => warp::ldmatrix(input),
        "probe_mma_f16" => matrix::mma(input, 16, matrix::f16),
        "probe_mma_bf16" => matrix::mma(input, 16, matrix::bf16),
        "probe_mma_tf32" => matrix::mma_tf32(input),
        kernel => wgmma::product(kernel, probe, input),
    }
}

#[test]
fn every_probe_answers_as_the_manual_says() {
    let (device, stream) = device();
    for probe in PROBES {
        for (seed, settings) in modes().into_iter().enumerate() {
            let input = probe.input(seed as u64);
            let got = with(settings, || probe.run(&device, &stream, &input)).expect("it runs");
            let expected = model(probe, &input);
            if let Some(i) = probe.difference(&expected, &got) {
                let (e, g) = (expected.get(i), got.get(i));
                panic!("{} {settings:?}: word {i} is {g:x?}, not {e:x?}", probe.kernel);
            }
        }
    }
}
