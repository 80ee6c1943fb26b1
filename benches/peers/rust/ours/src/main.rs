//! Backlit's own CPU engine, asked as the peers are.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::Duration;

use backlit_bench::Roof;
use backlit_cpu::isa::Level;
use backlit_cpu::{Cpu, CpuOptions};
use backlit_net::engine::Precision;
use backlit_net::weights::Weights;
use backlit_net::{CLASSES, Engine, Images, Rule, Seeds};
use backlit_peers::{About, Answer, Args, Case, Photographs, Result, Subject, What, serve};
use clap::Parser;
use serde_json::{Map, json};

struct Ours {
    engine: Arc<Cpu>,
    what: What,
}

impl Subject for Ours {
    type Placed = (Vec<f32>, Vec<f32>);
    type Found = Answer;

    fn place(&self, images: &[f32], targets: &[usize]) -> Result<Self::Placed> {
        let mut seeds = vec![0f32; targets.len() * CLASSES];
        for (row, &target) in targets.iter().enumerate() {
            seeds[row * CLASSES + target] = 1.0;
        }
        Ok((images.to_vec(), seeds))
    }

    fn run(&self, (images, seeds): &Self::Placed) -> Result<Answer> {
        let images = Images::new(images)?;
        if self.what == What::Forward {
            return Ok(Answer { logits: self.engine.predict(images)?.data, gradient: None });
        }
        let seeds = Seeds::Rows { data: seeds, per_image: 1 };
        let found = self.engine.gradient(images, seeds, Rule::Plain)?;
        Ok(Answer { logits: found.logits, gradient: Some(found.gradient) })
    }

    fn read(&self, found: Answer) -> Result<Answer> {
        Ok(found)
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    let weights = Weights::open(&args.weights)?;
    let photos = Photographs::open(&args.golden, &weights)?;
    let mut options = CpuOptions { threads: Some(args.threads), ..CpuOptions::default() };
    let level = options.level()?;
    let all = [Precision::F32, Precision::Mixed, Precision::Half];
    let mut cases = vec![];
    for &precision in &all[..if level == Level::Amx { 3 } else { 1 }] {
        options.precision = Some(precision);
        let engine = Arc::new(Cpu::new(&weights, options)?);
        for &batch in &args.batch {
            for what in [What::Forward, What::Gradient] {
                let engine = engine.clone();
                cases.push(Case::new(what, precision.as_str(), "fused", batch, move || Ok(Ours { engine, what })));
            }
        }
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads).build()?;
    let token = level.token().ok_or("no token for the level that was chosen")?;
    let roof = pool.install(|| Roof::compute(token, Duration::from_millis(500)))?;
    let about = About {
        peer: "Backlit",
        versions: json!({ "backlit": env!("CARGO_PKG_VERSION") }),
        isa: level.to_string(),
        more: Map::from_iter([
            ("roof_gflops".to_owned(), json!(roof / 1e9)),
            ("forward_gflop".to_owned(), json!(2e-9 * weights.network().macs() as f64)),
        ]),
    };
    serve(&args, about, &photos, cases)
}
