//! rten, forward only: it has no gradient.
#![forbid(unsafe_code)]

use std::path::Path;
use std::sync::Arc;

use backlit_net::weights::Weights;
use backlit_net::{CHANNELS, SIDE};
use backlit_peers::{About, Answer, Args, Case, Photographs, Result, Subject, What, serve};
use clap::Parser;
use rten::{Model, ModelOptions, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;
use serde_json::json;

struct Rten {
    model: Model,
    pool: Arc<ThreadPool>,
}

impl Rten {
    fn open(path: &Path, threads: usize) -> Result<Rten> {
        let model = ModelOptions::with_all_ops().prepack_weights(true).load_file(path)?;
        Ok(Rten { model, pool: Arc::new(ThreadPool::with_num_threads(threads)) })
    }
}

impl Subject for Rten {
    type Placed = NdTensor<f32, 4>;
    type Found = rten::Value;

    fn place(&self, images: &[f32], targets: &[usize]) -> Result<Self::Placed> {
        let nhwc = NdTensor::from_data([targets.len(), SIDE, SIDE, CHANNELS], images.to_vec());
        Ok(nhwc.permuted([0, 3, 1, 2]).to_tensor())
    }

    fn run(&self, images: &Self::Placed) -> Result<Self::Found> {
        let options = RunOptions::default().with_thread_pool(Some(self.pool.clone()));
        Ok(self.model.run_one(ValueOrView::from(images.view()), Some(options))?)
    }

    fn read(&self, found: Self::Found) -> Result<Answer> {
        let logits: NdTensor<f32, 2> = found.try_into()?;
        Ok(Answer { logits: logits.into_data(), gradient: None })
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    let photos = Photographs::open(&args.golden, &Weights::open(&args.weights)?)?;
    let case = |&batch: &usize| {
        let path = args.onnx.join(format!("resnet50-v1-batch{batch}.onnx"));
        let threads = args.threads;
        Case::new(What::Forward, "f32", "prepacked", batch, move || Rten::open(&path, threads))
    };
    let cases = args.batch.iter().map(case).collect();
    let about = About {
        peer: "rten",
        versions: json!({ "rten": "0.27.0" }),
        isa: "the best that it finds".into(),
        more: serde_json::Map::new(),
    };
    serve(&args, about, &photos, cases)
}
