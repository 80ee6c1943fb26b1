//! candle: forward, and its own backward pass.
//!
//! candle keeps NCHW. Its backward pass gives every convolution's weights a gradient as well and cannot be told not to,
//! and it has none for a max-pool whose windows overlap: there, the pool is written as maxima of slices.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::rc::Rc;

use backlit_net::arch::Conv;
use backlit_net::weights::Weights;
use backlit_net::{CHANNELS, CLASSES, SIDE};
use backlit_peers::{About, Answer, Args, Case, Photographs, Result, Subject, What, serve};
use candle_core::{D, Device, Tensor, Var};
use clap::Parser;
use serde_json::json;

/// Weights as candle wants them.
struct Net {
    /// Filter `[c_out, c_in, rows, columns]` and bias `[1, c_out, 1, 1]` by index.
    convs: HashMap<usize, (Tensor, Tensor)>,
    /// Matrix `[2048, 1000]` and bias.
    dense: (Tensor, Tensor),
    network: &'static backlit_net::arch::Network,
}

impl Net {
    fn new(weights: &Weights) -> Result<Net> {
        let network = weights.network();
        let mut convs = HashMap::new();
        for conv in network.convs() {
            let folded = weights.conv(conv);
            let shape = (conv.kernel, conv.kernel, conv.c_in, conv.c_out);
            let filter = tensor(&folded.weight, shape)?.permute((3, 2, 0, 1))?.contiguous()?;
            convs.insert(conv.index, (filter, tensor(&folded.bias, (1, conv.c_out, 1, 1))?));
        }
        let dense = weights.dense();
        let (features, classes) = (network.head.c_in, network.head.c_out);
        let dense = (tensor(&dense.weight, (features, classes))?, tensor(&dense.bias, (1, classes))?);
        Ok(Net { convs, dense, network })
    }

    fn conv(&self, x: &Tensor, conv: &Conv) -> candle_core::Result<Tensor> {
        let (filter, bias) = &self.convs[&conv.index];
        x.conv2d(filter, conv.pad, conv.stride, 1, 1)?.broadcast_add(bias)
    }

    fn forward(&self, x: &Tensor, what: What) -> candle_core::Result<Tensor> {
        let x = self.conv(x, &self.network.stem)?.relu()?;
        // Behind a ReLU a border of zeros never wins.
        let x = x.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?;
        let mut x = match what {
            What::Forward => x.max_pool2d_with_stride(3, 2)?,
            What::Gradient => max_of_three(&max_of_three(&x, 2)?, 3)?,
        };
        for block in &self.network.blocks {
            let y = self.conv(&x, &block.reduce)?.relu()?;
            let y = self.conv(&y, &block.spatial)?.relu()?;
            let y = self.conv(&y, &block.expand)?;
            let shortcut = match &block.project {
                Some(project) => self.conv(&x, project)?,
                None => x,
            };
            x = (y + shortcut)?.relu()?;
        }
        let (matrix, bias) = &self.dense;
        x.mean((2, 3))?.matmul(matrix)?.broadcast_add(bias)
    }
}

fn tensor(numbers: &[f64], shape: impl Into<candle_core::Shape>) -> Result<Tensor> {
    let numbers: Vec<f32> = numbers.iter().map(|x| *x as f32).collect();
    Ok(Tensor::from_vec(numbers, shape, &Device::Cpu)?)
}

/// Maxima of windows of three with stride two along a dimension of even length `2 n`: `n - 1` of them.
fn max_of_three(x: &Tensor, dim: usize) -> candle_core::Result<Tensor> {
    let half = x.dim(dim)? / 2;
    let mut shape = x.dims().to_vec();
    shape[dim] = half;
    shape.insert(dim + 1, 2);
    let pairs = x.reshape(shape)?;
    let [even, odd] = [0, 1].map(|i| pairs.narrow(dim + 1, i, 1).and_then(|x| x.squeeze(dim + 1)));
    let (even, odd) = (even?, odd?);
    let first = even.narrow(dim, 0, half - 1)?.maximum(&odd.narrow(dim, 0, half - 1)?)?;
    first.maximum(&even.narrow(dim, 1, half - 1)?)
}

struct Candle {
    net: Rc<Net>,
    what: What,
}

impl Subject for Candle {
    /// Images, and for each the place of its logit among all.
    type Placed = (Tensor, Tensor);
    type Found = (Tensor, Option<Tensor>);

    fn place(&self, images: &[f32], targets: &[usize]) -> Result<Self::Placed> {
        let shape = (targets.len(), SIDE, SIDE, CHANNELS);
        let images = Tensor::from_slice(images, shape, &Device::Cpu)?.permute((0, 3, 1, 2))?.contiguous()?;
        let mut seeds = vec![0f32; targets.len() * CLASSES];
        for (row, &target) in targets.iter().enumerate() {
            seeds[row * CLASSES + target] = 1.0;
        }
        Ok((images, Tensor::from_vec(seeds, (targets.len(), CLASSES), &Device::Cpu)?))
    }

    fn run(&self, (images, seeds): &Self::Placed) -> Result<Self::Found> {
        if self.what == What::Forward {
            return Ok((self.net.forward(images, self.what)?, None));
        }
        let x = Var::from_tensor(images)?;
        let logits = self.net.forward(&x, self.what)?;
        let gradients = (&logits * seeds)?.sum_all()?.backward()?;
        let gradient = gradients.get(&x).ok_or("no gradient reached the image")?.clone();
        Ok((logits.detach(), Some(gradient)))
    }

    fn read(&self, (logits, gradient): Self::Found) -> Result<Answer> {
        let nhwc = |g: Tensor| g.permute((0, 2, 3, 1))?.flatten_all()?.to_vec1();
        Ok(Answer { logits: logits.flatten(0, D::Minus1)?.to_vec1()?, gradient: gradient.map(nhwc).transpose()? })
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    // candle takes as many threads as rayon's global pool has.
    rayon::ThreadPoolBuilder::new().num_threads(args.threads).build_global()?;
    let weights = Weights::open(&args.weights)?;
    let photos = Photographs::open(&args.golden, &weights)?;
    let net = Rc::new(Net::new(&weights)?);
    let mut cases = vec![];
    for &batch in &args.batch {
        for (what, mode) in [(What::Forward, "forward"), (What::Gradient, "backward")] {
            let net = net.clone();
            cases.push(Case::new(what, "f32", mode, batch, move || Ok(Candle { net, what })));
        }
    }
    let about = About {
        peer: "candle",
        versions: json!({ "candle-core": "0.11.1" }),
        isa: format!(
            "compiled in: {}; its products take what they find",
            if candle_core::utils::with_avx() { "AVX" } else { "no AVX" }
        ),
        more: serde_json::Map::new(),
    };
    serve(&args, about, &photos, cases)
}
