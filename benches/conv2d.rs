//! conv2d: every distinct convolution of the v1 table, forward and input gradient, one image, best instruction set.
//!
//! An element is a floating-point operation, so that Gelem/s reads GFLOP/s. Ids end with the number of such layers in
//! the network.
#![forbid(unsafe_code)]

use std::time::Duration;

use backlit_bench::layers::{Case, Layer, Pass};
use backlit_bench::{Roof, check};
use backlit_cpu::isa::Level;
use backlit_net::Variant;
use backlit_net::arch::Network;
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};

fn conv2d(c: &mut Criterion) {
    let level = Level::best();
    let token = level.token().expect("an available level");
    let roof = Roof::compute(token, Roof::FULL).expect("a roof") / 1e9;
    eprintln!("roof: {roof:.1} GFLOP/s at {level} on {} threads", rayon::current_num_threads());
    for pass in Pass::ALL {
        let mut group = c.benchmark_group(pass.stem());
        group.sampling_mode(SamplingMode::Flat);
        for layer in Layer::distinct(Network::of(Variant::V1)) {
            group.throughput(Throughput::Elements(layer.flops()));
            // Made, and checked against the oracle, only if this layer is asked for.
            let mut case = None;
            group.bench_function(layer.id(), |b| {
                let case = case.get_or_insert_with(|| {
                    let mut case = Case::new(&layer, pass, token, 1);
                    check(&mut case).unwrap_or_else(|problem| panic!("{problem}"));
                    case
                });
                b.iter(|| case.run());
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400));
    targets = conv2d
}
criterion_main!(benches);
