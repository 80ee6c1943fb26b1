//! layers: every convolution launch of the network by itself, with every kernel that there is for it.
//!
//! First the roofs that the times are held against: a copy on the device, and a large product of matrices through the
//! best of our own kernels.

mod memory;
mod shapes;

use std::sync::Arc;

use backlit_cuda::ops::conv::{
    Arithmetic, Conv, ConvArgs, ConvShape, Direction, Gates, RowOrder, Rule, Term, VARIANTS, Variant, gates,
};
use backlit_cuda::{Buffer, CudaError, Device, Event, Sixteen, Stream};
use backlit_net::Variant as Network;
use backlit_testkit::compare::median;

use crate::Args;
use crate::part::Part;
use crate::suite::device;
use memory::Ring;
use shapes::{Layer, layers};

/// Images of a launch.
const BATCH: usize = 64;
/// Launches between two events, and how often.
const LAUNCHES: usize = 4;
const REPEATS: usize = 7;

struct Bench {
    device: Arc<Device>,
    stream: Stream,
    /// Nothing is timed, one launch of one image shows that it runs.
    emulated: bool,
}

pub(crate) fn run(_: &crate::suite::Suite, args: &Args) -> Result<Part, String> {
    let head = ["way", "layer", "count", "kernel", "dispatched", "us", "TFLOP/s", "GB/s"];
    let mut part = Part::new("layers", &head);
    let (name, emulated) = device()?;
    part.notes.push(name);
    measure(&mut part, args, emulated).map_err(|e| e.to_string())?;
    Ok(part)
}

fn measure(part: &mut Part, args: &Args, emulated: bool) -> Result<(), CudaError> {
    let device = Device::open(0)?;
    let stream = device.stream()?;
    let bench = Bench { device, stream, emulated };
    if !emulated {
        part.notes.push(format!("copy on the device: {:.2} TB/s, read and written", bench.copy()?));
    }
    let mut all = layers(backlit_net::arch::Network::of(Network::V1));
    if args.quick || emulated {
        all.retain(|l| l.shape.side == 7);
        all.truncate(2);
    }
    for arithmetic in [Arithmetic::Half(Sixteen::F16), Arithmetic::Split, Arithmetic::F32] {
        let words = if emulated { 1 << 23 } else { 1 << 29 };
        let mut read = Ring::new(&bench.device, words, arithmetic, 0.05)?;
        let mut written = Ring::new(&bench.device, words, arithmetic, 0.05)?;
        let product = Layer { name: "product".into(), count: 0, shape: product() };
        let with_product = (!emulated).then_some(&product);
        for layer in with_product.into_iter().chain(&all) {
            let direction = layer.shape.direction;
            for variant in VARIANTS.iter().filter(|v| v.serves(direction, arithmetic)) {
                bench.one(part, layer, variant, &mut read, &mut written)?;
            }
        }
    }
    Ok(())
}

/// 262,144 x 2048 x 2048 at a batch of 64: large enough for any kernel to show what it can.
fn product() -> ConvShape {
    ConvShape {
        direction: Direction::Forward,
        terms: vec![Term { side: 64, channels: 2048, kernel: 1, stride: 1, pad: 0 }],
        side: 64,
        channels: 2048,
        residual: None,
        order: RowOrder::Raster,
    }
}

impl Bench {
    /// TB/s.
    fn copy(&self) -> Result<f64, CudaError> {
        let bytes = 2usize << 30;
        let (from, to) = (Buffer::<u8>::new(&self.device, bytes)?, Buffer::<u8>::new(&self.device, bytes)?);
        from.set_bytes(0x5a, &self.stream)?;
        let source = from.slice(0..bytes)?;
        let us = self.times(2, &mut || to.copy_from(&source, &self.stream))?;
        Ok(2.0 * bytes as f64 / us / 1e6)
    }

    /// Microseconds of one call, the median of several trains of them.
    fn times(&self, calls: usize, call: &mut dyn FnMut() -> Result<(), CudaError>) -> Result<f64, CudaError> {
        let (start, end) = (Event::timed(&self.device)?, Event::timed(&self.device)?);
        let mut found = vec![];
        for repeat in 0..=REPEATS {
            start.record(&self.stream)?;
            (0..calls).try_for_each(|_| call())?;
            end.record(&self.stream)?;
            let ms = f64::from(start.elapsed_ms(&end)?);
            if repeat > 0 {
                found.push(1e3 * ms / calls as f64);
            }
        }
        Ok(median(&found))
    }

    fn one(
        &self,
        part: &mut Part,
        layer: &Layer,
        variant: &'static Variant,
        read: &mut Ring,
        written: &mut Ring,
    ) -> Result<(), CudaError> {
        let (n, shape, arithmetic) = (if self.emulated { 1 } else { BATCH }, &layer.shape, variant.arithmetic);
        let Ok(conv) = Conv::prepare_variant(&self.device, shape.clone(), variant, n) else { return Ok(()) };
        let chosen = Conv::prepare(&self.device, shape.clone(), arithmetic, n)?.variant(n).kernel == variant.kernel;
        let weights = shape.terms.iter().map(|t| read.planes(arithmetic, t.weight_len(shape.channels)));
        let weights = weights.collect::<Result<Vec<_>, _>>()?;
        let forward = shape.direction == Direction::Forward;
        let words = gates::words(shape.order, n, shape.side, shape.channels);
        let mut launch = || {
            let mut terms = vec![];
            for (term, weights) in shape.terms.iter().zip(&weights) {
                terms.push((read.planes(arithmetic, term.tensor_len(n))?, *weights));
            }
            let residual = shape.residual.map(|r| read.planes(arithmetic, n * r.side * r.side * shape.channels));
            let args = ConvArgs {
                n,
                terms: &terms,
                out_scale: 1.0,
                bias: forward.then(|| read.span(shape.channels)),
                residual: residual.transpose()?,
                gates: if forward {
                    Gates::Write(written.span(words))
                } else {
                    Gates::Apply(read.span(words), Rule::Plain)
                },
                relu: forward,
                out: written.planes(arithmetic, shape.output_len(n))?,
            };
            conv.launch(&self.stream, &args)
        };
        let us = if self.emulated {
            launch()?;
            self.stream.synchronize()?;
            None
        } else {
            Some(self.times(LAUNCHES, &mut launch)?)
        };
        let flops = 2.0 * n as f64 * shape.macs() as f64;
        let per_us = |amount: f64, unit: f64| us.map_or(String::new(), |us| format!("{:.0}", amount / us / unit));
        part.rows.push(vec![
            if forward { "forward" } else { "back" }.into(),
            layer.name.clone(),
            layer.count.to_string(),
            variant.kernel.into(),
            if chosen { "yes" } else { "" }.into(),
            us.map_or(String::new(), |us| format!("{us:.1}")),
            per_us(flops, 1e6),
            per_us(bytes(shape, arithmetic, n) as f64, 1e3),
        ]);
        Ok(())
    }
}

/// Bytes that a launch has to move: every tensor once.
fn bytes(shape: &ConvShape, arithmetic: Arithmetic, n: usize) -> usize {
    let element = if matches!(arithmetic, Arithmetic::Half(_)) { 2 } else { 4 };
    let read: usize = shape.terms.iter().map(|t| t.tensor_len(n) + t.weight_len(shape.channels)).sum();
    let residual = shape.residual.map_or(0, |r| {
        let pixels = r.side.div_ceil(r.stride_read);
        n * pixels * pixels * shape.channels
    });
    element * (read + residual + shape.output_len(n)) + shape.output_len(n) / 8
}
