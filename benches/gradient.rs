//! The gradient path end to end: forward plus input gradient, one seed an image, and the forward pass alone.
//!
//! An element is an image, so that elem/s reads images/s.
#![forbid(unsafe_code)]

use std::cell::LazyCell;
use std::time::Duration;

use backlit_bench::network::{Ask, Question, Workload};
use backlit_bench::{Subject, check, levels};
use backlit_cpu::{Cpu, CpuOptions};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};

/// Images that go through together.
const BATCHES: [usize; 2] = [1, 8];

fn gradient(c: &mut Criterion) {
    let work = LazyCell::new(|| Workload::synthetic(BATCHES[1]));
    for level in levels().into_iter().rev() {
        // Weights are packed, and results checked against the oracle, only if this level is asked for.
        let options = CpuOptions { threads: None, level: Some(level), ..CpuOptions::default() };
        let engine = LazyCell::new(|| Cpu::new(work.weights(), options).expect("an available level"));
        for batch in BATCHES {
            for ask in [Ask::Gradient, Ask::Forward] {
                let mut group = c.benchmark_group(ask.as_str());
                group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(batch as u64));
                let mut checked = None;
                group.bench_function(BenchmarkId::new(level.as_str(), format!("batch {batch}")), |b| {
                    let (question, _) = checked.get_or_insert_with(|| {
                        let mut question = Question::new(&work, &*engine, ask, batch);
                        let error = check(&mut question).unwrap_or_else(|problem| panic!("{problem}"));
                        (question, error)
                    });
                    b.iter(|| question.run());
                });
                if let Some((_, error)) = checked {
                    println!("relative error against the oracle, worst of {batch}: {error:.1e}");
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
