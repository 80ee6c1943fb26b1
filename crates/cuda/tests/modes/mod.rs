//! What the tests of kernels share: the modes in which the emulator runs them, tensors in every storage.
#![allow(dead_code, unreachable_pub)]

use std::sync::Arc;

use backlit_cuda::planes::{Planes, Sixteen};
use backlit_cuda::{Buffer, CudaError, Device, Stream};
use backlit_cuda_emu::{Async, Settings, install, last_error, with};
use half::{bf16, f16};

/// Without the checker: as late as allowed, at once, and two random orders.
pub const FAST: [Settings; 4] = [
    Settings { checked: false, seed: 0, timing: Async::Lazy, threads: 0 },
    Settings { checked: false, seed: 0, timing: Async::Eager, threads: 0 },
    Settings { checked: false, seed: 11, timing: Async::Random, threads: 0 },
    Settings { checked: false, seed: 12, timing: Async::Random, threads: 0 },
];

/// With the checker: in order and in a random one.
pub const CHECKED: [Settings; 2] = [
    Settings { checked: true, seed: 0, timing: Async::Lazy, threads: 0 },
    Settings { checked: true, seed: 13, timing: Async::Random, threads: 0 },
];

/// All modes.
pub fn all() -> impl Iterator<Item = Settings> {
    FAST.into_iter().chain(CHECKED)
}

/// The stand-in device.
pub fn device() -> (Arc<Device>, Stream) {
    install();
    let device = Device::open(0).expect("the stand-in opens");
    let stream = device.stream().expect("a stream");
    (device, stream)
}

/// Runs a launch in a mode; a failure says what the emulator said.
#[track_caller]
pub fn run(mode: Settings, stream: &Stream, launch: impl FnOnce() -> Result<(), CudaError>) {
    let done = with(mode, || launch().and_then(|()| stream.synchronize()));
    done.unwrap_or_else(|e| panic!("{mode:?}: {e}: {}", last_error()));
}

/// How a tensor is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    F32,
    F16,
    Bf16,
    Split,
}

pub const KINDS: [Kind; 4] = [Kind::F32, Kind::F16, Kind::Bf16, Kind::Split];

/// What becomes of a value that is stored and read again.
pub fn stored(kind: Kind, v: f32) -> f32 {
    match kind {
        Kind::F32 => v,
        Kind::F16 => f16::from_f32(v.clamp(-65504.0, 65504.0)).to_f32(),
        Kind::Bf16 => bf16::from_f32(v).to_f32(),
        Kind::Split => {
            let hi = f16::from_f32(v);
            hi.to_f32() + f16::from_f32(v - hi.to_f32()).to_f32()
        }
    }
}

/// A tensor with its memory.
pub struct Tensor {
    kind: Kind,
    float: Buffer<f32>,
    a: Buffer<u16>,
    b: Buffer<u16>,
}

impl Tensor {
    /// Unwritten.
    pub fn new(device: &Device, kind: Kind, len: usize) -> Tensor {
        let (floats, high, low) = match kind {
            Kind::F32 => (len, 0, 0),
            Kind::F16 | Kind::Bf16 => (0, len, 0),
            Kind::Split => (0, len, len),
        };
        let sixteen = |len| Buffer::new(device, len).expect("memory");
        Tensor { kind, float: Buffer::new(device, floats).expect("memory"), a: sixteen(high), b: sixteen(low) }
    }

    /// Holding values, rounded to what is stored.
    pub fn from(device: &Device, kind: Kind, values: &[f32]) -> Tensor {
        let mut tensor = Tensor::new(device, kind, values.len());
        let bits = |f: &dyn Fn(f32) -> u16| values.iter().map(|&v| f(v)).collect::<Vec<u16>>();
        let high = |v: f32| f16::from_f32(v);
        let written = match kind {
            Kind::F32 => tensor.float.write(values),
            Kind::F16 => tensor.a.write(&bits(&|v| high(v).to_bits())),
            Kind::Bf16 => tensor.a.write(&bits(&|v| bf16::from_f32(v).to_bits())),
            Kind::Split => tensor
                .a
                .write(&bits(&|v| high(v).to_bits()))
                .and_then(|()| tensor.b.write(&bits(&|v| f16::from_f32(v - high(v).to_f32()).to_bits()))),
        };
        written.expect("a copy");
        tensor
    }

    pub fn planes(&self) -> Planes {
        match self.kind {
            Kind::F32 => Planes::f32(&self.float),
            Kind::F16 => Planes::sixteen(&self.a, Sixteen::F16),
            Kind::Bf16 => Planes::sixteen(&self.a, Sixteen::Bf16),
            Kind::Split => Planes::split(&self.a, &self.b),
        }
    }

    /// As floats.
    pub fn read(&self, stream: &Stream) -> Vec<f32> {
        let high = |v: u16| f16::from_bits(v).to_f32();
        let a = self.a.read(stream).expect("a copy");
        match self.kind {
            Kind::F32 => self.float.read(stream).expect("a copy"),
            Kind::F16 => a.into_iter().map(high).collect(),
            Kind::Bf16 => a.into_iter().map(|v| bf16::from_bits(v).to_f32()).collect(),
            Kind::Split => {
                let b = self.b.read(stream).expect("a copy");
                a.into_iter().zip(b).map(|(a, b)| high(a) + high(b)).collect()
            }
        }
    }
}

/// Same bits in every element; the first that differs is named.
#[track_caller]
pub fn assert_bits(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths differ");
    assert!(expected.iter().any(|&v| v != 0.0), "{what}: all zero, nothing is shown");
    for (at, (f, e)) in found.iter().zip(expected).enumerate() {
        // The two zeros are one.
        assert!(f.to_bits() == e.to_bits() || (*f == 0.0 && *e == 0.0), "{what}: element {at} is {f}, expected {e}");
    }
}
