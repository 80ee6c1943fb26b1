//! The gradient on a GPU, by CUDA events: what the kernels take, with images and gradient on the device.
//!
//! An element is an image, so that elem/s reads images/s. Without a GPU nothing is measured, and the emulator that the
//! tests run on is refused: its times say nothing.
#![forbid(unsafe_code)]

use std::time::Duration;

use backlit_bench::check;
use backlit_bench::network::{Ask, Question, Workload};
use backlit_cuda::{Cuda, CudaOptions, Device};
use backlit_net::engine::Precision;
use backlit_net::{Images, Rule};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};

/// Images that go through together.
const BATCHES: [usize; 4] = [1, 8, 64, 256];

/// Why nothing can be measured here.
fn refusal() -> Option<String> {
    match Device::list() {
        Err(e) => Some(e.to_string()),
        Ok(devices) => match devices.first() {
            None => Some("there is no GPU".into()),
            Some(d) if d.name.contains("CPU emulator") => Some(format!("{} is no GPU: its times say nothing", d.name)),
            Some(_) => None,
        },
    }
}

fn gradient(c: &mut Criterion) {
    if let Some(why) = refusal() {
        println!("cuda: nothing is measured: {why}");
        return;
    }
    let work = Workload::synthetic(1);
    for precision in [Precision::Half, Precision::Mixed, Precision::F32] {
        let options = CudaOptions { precision, ..CudaOptions::default() };
        let engine = Cuda::new(work.weights(), options).expect("an engine on the first GPU");
        for n in BATCHES {
            let error = check(&mut Question::new(&work, &engine, Ask::Gradient, n));
            let error = error.unwrap_or_else(|problem| panic!("{problem}"));
            println!("{}, batch {n}: relative error against the oracle {error:.1e}", precision.as_str());
            let (images, rows) = work.batch(n);
            let images = Images::new(&images).expect("whole images");
            for (name, forward_only) in [("cuda gradient", false), ("cuda forward", true)] {
                let mut group = c.benchmark_group(name);
                group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(n as u64));
                group.bench_function(BenchmarkId::new(precision.as_str(), format!("batch {n}")), |b| {
                    b.iter_custom(|runs| {
                        let times = engine.time_kernels(images, &rows, Rule::Plain, runs as usize).expect("times");
                        let ms =
                            |t: &backlit_cuda::KernelTimes| if forward_only { t.forward_ms } else { t.gradient_ms };
                        Duration::from_secs_f64(times.iter().map(|t| f64::from(ms(t)) / 1e3).sum())
                    });
                });
                group.finish();
            }
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = gradient
}
criterion_main!(benches);
