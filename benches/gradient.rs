//! The gradient path end to end: forward plus input gradient, one seed an image, and the forward pass alone.
//!
//! An element is an image, so that elem/s reads images/s.
#![forbid(unsafe_code)]

use std::cell::LazyCell;
use std::time::Duration;

use backlit_benches::levels;
use backlit_benches::network::{BATCHES, Workload};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};

fn gradient(c: &mut Criterion) {
    let work = LazyCell::new(Workload::new);
    for level in levels().into_iter().rev() {
        // Weights are packed, and results checked against the oracle, only if this level is asked for.
        let engine = LazyCell::new(|| work.engine(level));
        for n in BATCHES {
            for (name, forward_only) in [("gradient", false), ("forward", true)] {
                let mut group = c.benchmark_group(name);
                group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(n as u64));
                let mut error = None;
                group.bench_function(BenchmarkId::new(level.as_str(), format!("batch {n}")), |b| {
                    if forward_only {
                        error.get_or_insert_with(|| work.check_predict(&engine, n));
                        b.iter(|| work.predict(&engine, n));
                    } else {
                        error.get_or_insert_with(|| work.check_gradient(&engine, n));
                        b.iter(|| work.gradient(&engine, n));
                    }
                });
                if let Some(error) = error {
                    println!("relative error against the oracle, worst of {n}: {error:.1e}");
                }
                group.finish();
            }
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_secs(1));
    targets = gradient
}
criterion_main!(benches);
