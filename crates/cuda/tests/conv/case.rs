//! One launch: its data, what the reference says, and what a kernel makes of it.

use std::sync::{Arc, OnceLock};

use backlit_cuda::ops::conv::{
    Arithmetic, Conv, ConvArgs, ConvShape, Direction, Gates, RowOrder, Rule, Term, Variant, gates,
};
use backlit_cuda::planes::{Planes, Sixteen, Span};
use backlit_cuda::{Buffer, Device, Stream};
use backlit_cuda_emu::{Settings, install, with};
use backlit_reference::ops::{Conv2d, conv2d_dgrad, conv2d_fwd};
use backlit_testkit::compare::sum_tolerance;
use backlit_testkit::random::Random;
use half::{bf16, f16};

/// The stand-in device.
pub(crate) fn device() -> (Arc<Device>, Stream) {
    static DEVICE: OnceLock<(Arc<Device>, Stream)> = OnceLock::new();
    let (device, stream) = DEVICE.get_or_init(|| {
        install();
        let device = Device::open(0).expect("the stand-in opens");
        let stream = device.stream().expect("a stream");
        (device, stream)
    });
    (device.clone(), stream.clone())
}

/// A launch and its data, as float64 values that the arithmetic holds exactly.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) shape: ConvShape,
    pub(crate) n: usize,
    pub(crate) relu: bool,
    /// Gates are written forward, and applied in dgrad by this rule.
    pub(crate) rule: Option<Rule>,
    pub(crate) scale: f64,
    pub(crate) arithmetic: Arithmetic,
    pub(crate) tensors: Vec<Vec<f64>>,
    pub(crate) weights: Vec<Vec<f64>>,
    pub(crate) bias: Option<Vec<f64>>,
    pub(crate) residual: Option<Vec<f64>>,
    pub(crate) bits: Vec<bool>,
    /// Sums are exact.
    pub(crate) exact: bool,
    /// The output overwrites the residual.
    pub(crate) in_place: bool,
}

/// What a kernel wrote.
pub(crate) struct Answer {
    pub(crate) values: Vec<f64>,
    pub(crate) bits: Vec<bool>,
}

/// Rounds to what the arithmetic stores.
pub(crate) fn stored(arithmetic: Arithmetic, v: f64) -> f64 {
    let v = v as f32;
    match arithmetic {
        Arithmetic::F32 => v.into(),
        Arithmetic::Half(Sixteen::F16) => f16::from_f32(v.clamp(-65504.0, 65504.0)).to_f64(),
        Arithmetic::Half(Sixteen::Bf16) => bf16::from_f32(v).to_f64(),
        Arithmetic::Split => {
            let hi = f16::from_f32(v).to_f32();
            f64::from(hi) + f16::from_f32(v - hi).to_f64()
        }
    }
}

impl Case {
    /// Data of a shape: small integers, whose sums are exact, or random values.
    pub(crate) fn new(shape: &ConvShape, n: usize, arithmetic: Arithmetic, exact: bool, seed: u64) -> Case {
        let random = Random::new(seed);
        let values = |stream: u64, len: usize| -> Vec<f64> {
            let random = random.stream(stream);
            let raw = if exact { random.integers(len, 1) } else { random.values(len, 1.0) };
            raw.into_iter().map(|v| stored(arithmetic, v)).collect()
        };
        let forward = shape.direction == Direction::Forward;
        let elements = shape.output_len(n);
        Case {
            shape: shape.clone(),
            n,
            relu: forward,
            rule: Some(Rule::Plain),
            scale: 0.5,
            arithmetic,
            tensors: (0..).zip(&shape.terms).map(|(i, t)| values(i, t.tensor_len(n))).collect(),
            weights: (0..).zip(&shape.terms).map(|(i, t)| values(10 + i, t.weight_len(shape.channels))).collect(),
            bias: forward.then(|| random.stream(20).integers(shape.channels, 3)),
            residual: shape.residual.map(|r| values(21, n * r.side * r.side * shape.channels)),
            bits: (0..elements).map(|i| random.stream(22).bits(i) & 1 == 1).collect(),
            exact,
            in_place: false,
        }
    }

    /// Scaled sum, bias and residual, before ReLU and rule.
    pub(crate) fn sums(&self) -> Vec<f64> {
        let (shape, channels) = (&self.shape, self.shape.channels);
        let mut sums = vec![0.0; shape.output_len(self.n)];
        let one = shape.output_len(1);
        for (image, sums) in sums.chunks_exact_mut(one).enumerate() {
            for ((term, tensor), weights) in shape.terms.iter().zip(&self.tensors).zip(&self.weights) {
                let read = &tensor[image * term.tensor_len(1)..][..term.tensor_len(1)];
                let mut part = vec![0.0; one];
                let layer = layer(shape, term);
                match shape.direction {
                    Direction::Forward => conv2d_fwd(&layer, read, weights, &vec![0.0; channels], &mut part),
                    Direction::Dgrad => conv2d_dgrad(&layer, read, weights, &mut part),
                }
                sums.iter_mut().zip(part).for_each(|(s, p)| *s += p * self.scale);
            }
            for (i, s) in sums.iter_mut().enumerate() {
                let (y, x, c) = (i / channels / shape.side, i / channels % shape.side, i % channels);
                *s += self.bias.as_ref().map_or(0.0, |b| b[c]);
                if let (Some(values), Some(r)) = (&self.residual, &shape.residual)
                    && y % r.stride_write == 0
                    && x % r.stride_write == 0
                {
                    let at = |v: usize| v / r.stride_write * r.stride_read;
                    *s += values[((image * r.side + at(y)) * r.side + at(x)) * channels + c];
                }
            }
        }
        sums
    }

    /// Some of the images of a case with a plain residual.
    pub(crate) fn images(&self, from: usize, to: usize) -> Case {
        let part = |v: &[f64]| {
            let one = v.len() / self.n;
            v[from * one..to * one].to_vec()
        };
        let bits = self.bits.len() / self.n;
        Case {
            n: to - from,
            tensors: self.tensors.iter().map(|t| part(t)).collect(),
            residual: self.residual.as_ref().map(|r| part(r)),
            bits: self.bits[from * bits..to * bits].to_vec(),
            ..self.clone()
        }
    }

    /// What ReLU or the rule make of a sum, before rounding.
    fn after(&self, sum: f64, bit: bool) -> f64 {
        let passes = match (self.shape.direction, self.rule) {
            (Direction::Forward, _) => !self.relu || sum > 0.0,
            (Direction::Dgrad, None) => true,
            (Direction::Dgrad, Some(Rule::Plain)) => bit,
            (Direction::Dgrad, Some(Rule::Guided)) => bit && sum > 0.0,
            (Direction::Dgrad, Some(Rule::Rectified)) => sum > 0.0,
        };
        if passes { sum } else { 0.0 }
    }

    /// Runs it with one kernel, or with the one that dispatch picks.
    pub(crate) fn run(&self, variant: Option<&'static Variant>, settings: Settings) -> Answer {
        let (device, stream) = device();
        let (shape, n) = (&self.shape, self.n);
        let conv = match variant {
            Some(v) => Conv::prepare_variant(&device, shape.clone(), v, n),
            None => Conv::prepare(&device, shape.clone(), self.arithmetic, n),
        };
        let conv = conv.expect("the shape is taken");
        let stores: Vec<(Store, Store)> = (self.tensors.iter().zip(&self.weights))
            .map(|(t, w)| (Store::of(&device, self.arithmetic, t), Store::of(&device, self.arithmetic, w)))
            .collect();
        let terms: Vec<_> = stores.iter().map(|(t, w)| (t.planes(), w.planes())).collect();
        let residual = self.residual.as_ref().map(|r| Store::of(&device, self.arithmetic, r));
        let bias: Option<Vec<f32>> = self.bias.as_ref().map(|b| b.iter().map(|&v| v as f32).collect());
        let bias = bias.map(|b| Buffer::from_slice(&device, &b).expect("memory"));
        let forward = shape.direction == Direction::Forward;
        let words = if forward {
            Buffer::<u32>::new(&device, gates::words(shape.order, n, shape.side, shape.channels))
        } else {
            Buffer::from_slice(&device, &gates::pack(&self.bits, shape.order, n, shape.side, shape.channels))
        };
        let words = words.expect("memory");
        let fresh = Store::new(&device, self.arithmetic, shape.output_len(n));
        let out = if self.in_place { residual.as_ref().expect("a residual") } else { &fresh };
        let args = ConvArgs {
            n,
            terms: &terms,
            out_scale: self.scale as f32,
            bias: bias.as_ref().map(Span::from),
            residual: residual.as_ref().map(Store::planes),
            gates: match self.rule {
                None => Gates::None,
                Some(_) if forward => Gates::Write(Span::from(&words)),
                Some(rule) => Gates::Apply(Span::from(&words), rule),
            },
            relu: self.relu,
            out: out.planes(),
        };
        with(settings, || conv.launch(&stream, &args)).unwrap_or_else(|e| {
            panic!("{:?} {settings:?}: {e}: {}", conv.variant(n).kernel, backlit_cuda_emu::last_error())
        });
        let bits = match self.rule {
            Some(_) if forward => {
                gates::unpack(&words.read(&stream).expect("a copy"), shape.order, n, shape.side, shape.channels)
            }
            _ => vec![],
        };
        Answer { values: out.read(&stream), bits }
    }

    /// Compares with the reference: exact data bit for bit, other data within the error of float32 sums and of the
    /// stored format.
    #[track_caller]
    pub(crate) fn check(&self, what: &str, sums: &[f64], answer: &Answer) {
        assert!(sums.iter().any(|&s| s != 0.0), "{what}: all zero, nothing is shown");
        assert_eq!(sums.len(), answer.values.len(), "{what}");
        let terms: usize = self.shape.terms.iter().map(|t| t.kernel * t.kernel * t.channels).sum();
        let (relative, absolute) = match self.arithmetic {
            Arithmetic::F32 => (f64::from(f32::EPSILON), 0.0),
            // Half a unit of the last place, and of the smallest number.
            Arithmetic::Half(Sixteen::F16) => (2f64.powi(-11), 2f64.powi(-25)),
            Arithmetic::Half(Sixteen::Bf16) => (2f64.powi(-8), 0.0),
            // Twice that of 22 bits: two roundings and the product of lower halves that is left out.
            Arithmetic::Split => (2f64.powi(-21), 2f64.powi(-25)),
        };
        let sum_error = if self.exact { 0.0 } else { sum_tolerance(terms) * self.scale };
        for (i, (&sum, &found)) in sums.iter().zip(&answer.values).enumerate() {
            let bit = self.bits[i];
            if let Some(&gate) = answer.bits.get(i) {
                assert!(gate == (sum > 0.0) || sum.abs() <= sum_error, "{what}: gate {i} of {sum}");
            }
            let expected = self.after(sum, bit);
            if self.exact {
                let expected = stored(self.arithmetic, expected);
                assert!(found == expected, "{what}: element {i} is {found}, expected {expected}");
            } else {
                let tolerance = sum_error + relative * (expected.abs() + sum_error) + absolute;
                // Where the sum is nearly zero, the rule may fall either way; both are within the tolerance.
                let error = (found - expected).abs();
                assert!(error <= tolerance, "{what}: element {i} is {found}, expected {expected} within {tolerance}");
            }
        }
    }
}

/// The layer behind a term.
pub(crate) fn layer(shape: &ConvShape, term: &Term) -> Conv2d {
    let (side, c_in, c_out) = match shape.direction {
        Direction::Forward => (term.side, term.channels, shape.channels),
        Direction::Dgrad => (shape.side, shape.channels, term.channels),
    };
    Conv2d { height: side, width: side, c_in, c_out, kernel: term.kernel, stride: term.stride, pad: term.pad }
}

/// A launch that writes `channels` at `side`, of a layer with one term.
pub(crate) fn single(
    direction: Direction,
    side: usize,
    c_in: usize,
    c_out: usize,
    kernel: usize,
    stride: usize,
) -> ConvShape {
    let out = (side + 2 * (kernel / 2) - kernel) / stride + 1;
    let term = |side, channels| Term { side, channels, kernel, stride, pad: kernel / 2 };
    let (term, side, channels) = match direction {
        Direction::Forward => (term(side, c_in), out, c_out),
        Direction::Dgrad => (term(out, c_out), side, c_in),
    };
    let parity = direction == Direction::Dgrad && stride == 2;
    let order = if parity { RowOrder::Parity } else { RowOrder::Raster };
    ConvShape { direction, terms: vec![term], side, channels, residual: None, order }
}

/// Device memory of a tensor in the storage of an arithmetic.
enum Store {
    F32(Buffer<f32>),
    Sixteen(Buffer<u16>, Sixteen),
    Split(Buffer<u16>, Buffer<u16>),
}

impl Store {
    fn new(device: &Device, arithmetic: Arithmetic, len: usize) -> Store {
        let plane = || Buffer::new(device, len).expect("memory");
        match arithmetic {
            Arithmetic::F32 => Store::F32(Buffer::new(device, len).expect("memory")),
            Arithmetic::Half(kind) => Store::Sixteen(plane(), kind),
            Arithmetic::Split => Store::Split(plane(), plane()),
        }
    }

    fn of(device: &Device, arithmetic: Arithmetic, values: &[f64]) -> Store {
        let mut store = Store::new(device, arithmetic, values.len());
        let bits = |f: &dyn Fn(f64) -> u16| -> Vec<u16> { values.iter().map(|&v| f(v)).collect() };
        match &mut store {
            Store::F32(b) => b.write(&values.iter().map(|&v| v as f32).collect::<Vec<_>>()),
            Store::Sixteen(b, Sixteen::F16) => b.write(&bits(&|v| f16::from_f64(v).to_bits())),
            Store::Sixteen(b, Sixteen::Bf16) => b.write(&bits(&|v| bf16::from_f64(v).to_bits())),
            Store::Split(hi, lo) => {
                hi.write(&bits(&|v| f16::from_f64(v).to_bits())).expect("a copy");
                lo.write(&bits(&|v| f16::from_f64(v - f16::from_f64(v).to_f64()).to_bits()))
            }
        }
        .expect("a copy");
        store
    }

    fn planes(&self) -> Planes {
        match self {
            Store::F32(b) => Planes::f32(b),
            Store::Sixteen(b, kind) => Planes::sixteen(b, *kind),
            Store::Split(hi, lo) => Planes::split(hi, lo),
        }
    }

    fn read(&self, stream: &Stream) -> Vec<f64> {
        let f16s = |b: &Buffer<u16>| -> Vec<f64> {
            b.read(stream).expect("a copy").into_iter().map(|v| f16::from_bits(v).to_f64()).collect()
        };
        match self {
            Store::F32(b) => b.read(stream).expect("a copy").into_iter().map(f64::from).collect(),
            Store::Sixteen(b, Sixteen::F16) => f16s(b),
            Store::Sixteen(b, Sixteen::Bf16) => {
                b.read(stream).expect("a copy").into_iter().map(|v| bf16::from_bits(v).to_f64()).collect()
            }
            Store::Split(hi, lo) => f16s(hi).into_iter().zip(f16s(lo)).map(|(h, l)| h + l).collect(),
        }
    }
}
