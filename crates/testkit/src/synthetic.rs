//! Full-size weights files with random numbers in them: for tests that must not depend on a download.
//!
//! Filters are drawn as He et al. (2015, arXiv:1502.01852) propose, uniformly with variance `2 / fan_in`; BatchNorm's
//! statistics are what activations of unit size would leave behind, and never trivial; the last scale of a block is
//! small, so that sixteen residual blocks neither explode nor vanish.

use backlit_net::arch::{Conv, Network, Role, Variant};
use backlit_net::preprocess::Preprocessing;
use backlit_net::weights::{Layout, Naming};

use crate::random::Random;

/// Enough for the largest file, header included.
const FILE_BYTES: usize = 103_000_000;

/// Bytes of a safetensors file with a random ResNet-50; under any naming the same numbers for the same seed.
///
/// Variant, epsilon and preprocessing (those that [`variant`](Variant) is published with) are in the metadata. Keras
/// files hold a bias for every convolution; elsewhere it is taken off the running mean, which is the same network.
pub fn weights_bytes(variant: Variant, naming: Naming, seed: u64) -> Vec<u8> {
    let (epsilon, preprocessing) = match variant {
        Variant::V1 => ("0.001", Preprocessing::Caffe),
        _ => ("0.00001", Preprocessing::Torch),
    };
    let network = Network::of(variant);
    let seed_stream = Random::new(seed);
    let mut file = Writer { entries: Vec::new(), data: Vec::with_capacity(FILE_BYTES) };
    for conv in network.convs() {
        let random = |n| seed_stream.stream((conv.index * 8 + n) as u64);
        let names = naming.conv(network, conv);
        file.kernel(&names.kernel, naming.layout(), conv, random(0));

        let channels = |n, value: &dyn Fn(f32) -> f32| -> Vec<f32> {
            (0..conv.c_out).map(|o| value(random(n).signed(o))).collect()
        };
        let power = input_power(conv, preprocessing);
        let gamma = channels(1, &|u| scale(conv.role) * (1.0 + 0.2 * u));
        let beta = channels(2, &|u| 0.1 * u);
        let variance = channels(3, &|u| 2.0 * power * (1.0 + 0.2 * u));
        // Multiples of 2^-8 have exact sums.
        let mean = channels(4, &|u| (32.0 * power.sqrt() * u).round() / 256.0);
        let bias = channels(5, &|u| (32.0 * u).round() / 256.0);
        let mean = match &names.bias {
            Some(name) => {
                file.tensor(name, &[conv.c_out], &bias);
                mean
            }
            None => mean.iter().zip(&bias).map(|(m, b)| m - b).collect(),
        };
        file.tensor(&names.gamma, &[conv.c_out], &gamma);
        file.tensor(&names.beta, &[conv.c_out], &beta);
        file.tensor(&names.mean, &[conv.c_out], &mean);
        file.tensor(&names.variance, &[conv.c_out], &variance);
    }
    let (head, names, random) = (&network.head, naming.dense(), seed_stream.stream(1 << 32));
    let reach = (6.0 / head.c_in as f32).sqrt();
    let (c_in, c_out) = (head.c_in, head.c_out);
    match naming.layout() {
        Layout::Hwio => file.fill(&names.kernel, &[c_in, c_out], |n| reach * random.signed(n)),
        Layout::Oihw => {
            file.fill(&names.kernel, &[c_out, c_in], |n| reach * random.signed(n % c_in * c_out + n / c_in))
        }
    }
    file.fill(&names.bias, &[c_out], |o| 0.1 * random.stream(1).signed(o));
    file.finish(&[
        ("variant", variant.as_str()),
        ("epsilon", epsilon),
        ("preprocessing", preprocessing.as_str()),
        ("source", "synthetic"),
    ])
}

/// Mean square of what a convolution reads, apart from what all its positions have in common: pixels of a photograph
/// for the stem, elsewhere outputs of a ReLU of about unit size.
fn input_power(conv: &Conv, preprocessing: Preprocessing) -> f32 {
    match (conv.role, preprocessing) {
        (Role::Stem, Preprocessing::Caffe) => 1200.0,
        (Role::Stem, _) => 0.4,
        (Role::Reduce | Role::Project, _) => 0.6,
        _ => 0.4,
    }
}

/// BatchNorm's scale, on average.
fn scale(role: Role) -> f32 {
    match role {
        Role::Expand => 0.35,
        Role::Project => 0.8,
        _ => 1.0,
    }
}

/// A safetensors file in the making: tensors in the order in which they come.
struct Writer {
    entries: Vec<String>,
    data: Vec<u8>,
}

impl Writer {
    fn fill(&mut self, name: &str, shape: &[usize], value: impl Fn(usize) -> f32) {
        let (start, len) = (self.data.len(), shape.iter().product::<usize>());
        let end = start + 4 * len;
        self.data.resize(end, 0);
        let (words, _) = self.data[start..].as_chunks_mut::<4>();
        words.iter_mut().enumerate().for_each(|(n, word)| *word = value(n).to_le_bytes());
        self.entries.push(format!(r#""{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{start},{end}]}}"#));
    }

    fn tensor(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        self.fill(name, shape, |n| values[n]);
    }

    /// Filters: the number at `[row, column, c_in, c_out]` is the same in both layouts.
    fn kernel(&mut self, name: &str, layout: Layout, conv: &Conv, random: Random) {
        let (taps, c_in, c_out) = (conv.kernel * conv.kernel, conv.c_in, conv.c_out);
        let reach = (6.0 / (taps * c_in) as f32).sqrt();
        let shape = layout.kernel_shape(conv);
        match layout {
            Layout::Hwio => self.fill(name, &shape, |n| reach * random.signed(n)),
            Layout::Oihw => self.fill(name, &shape, |n| {
                let (o, i, tap) = (n / taps / c_in, n / taps % c_in, n % taps);
                reach * random.signed((tap * c_in + i) * c_out + o)
            }),
        }
    }

    fn finish(self, metadata: &[(&str, &str)]) -> Vec<u8> {
        let metadata: Vec<_> = metadata.iter().map(|(key, value)| format!(r#""{key}":"{value}""#)).collect();
        let mut header = format!(r#"{{"__metadata__":{{{}}},{}}}"#, metadata.join(","), self.entries.join(","));
        while !header.len().is_multiple_of(8) {
            header.push(' ');
        }
        let mut file = self.data;
        file.splice(0..0, (header.len() as u64).to_le_bytes().into_iter().chain(header.into_bytes()));
        file
    }
}
