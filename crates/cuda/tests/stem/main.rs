//! stem on the stand-in driver: both passes against the reference and against each other.

mod dgrad;
mod forward;
#[path = "../modes/mod.rs"]
mod modes;

use backlit_cuda::Buffer;
use backlit_cuda::ops::sample::Source;
use backlit_cuda::ops::stem::{Stem, StemArgs, StemDgrad, StemDgradArgs, StemWeights, Variant, codes_len};
use backlit_cuda_emu::Settings;
use backlit_net::Rule;
use backlit_net::arch::PoolBorder;
use backlit_reference::ops::{
    Conv2d, MaxPool, conv2d_dgrad, conv2d_fwd, max_pool_dgrad, max_pool_fwd, relu_dgrad, relu_fwd,
};
use backlit_testkit::random::{Random, to_f32, to_f64};
use modes::{Kind, Tensor, device, run};

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

fn back(case: &Case, rule: Rule, border: PoolBorder, d: Vec<f64>) -> Back {
    let mut all_codes = vec![];
    for image in 0..case.n {
        let (_, y, winner) = case.reference(image, PoolBorder::NegativeInfinity);
        all_codes.extend(codes(case, &y, &winner));
    }
    let unscale = (0..case.n).map(|i| 0.5f32.powi(i as i32 + 1)).collect();
    Back { d: to_f32(&d), codes: all_codes, unscale, rule, border }
}
