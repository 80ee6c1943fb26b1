//! What the peers written in Rust share, the same as `../common.py`: photographs, errors, and the loop that measures.
//!
//! A binary makes a list of [`Case`]s and calls [`serve`]. It prints one line of JSON about itself, then answers every
//! line `CASE SECONDS` on standard input with the times of some calls. Nothing is timed whose result was not compared
//! with the golden files first.
#![forbid(unsafe_code)]

mod case;
mod golden;
mod serve;

use std::path::PathBuf;

pub use case::{Answer, Case, Errors, Spread, Subject, What};
pub use golden::Photographs;
pub use serve::{About, serve};

/// What goes wrong is passed on as a text.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The command line of every peer; `../common.py` has the same.
#[derive(clap::Parser)]
pub struct Args {
    /// Safetensors with the names of Keras' ResNet-50.
    #[arg(long)]
    pub weights: PathBuf,
    /// A golden file, or a folder of them.
    #[arg(long)]
    pub golden: PathBuf,
    /// Batch sizes, with commas.
    #[arg(long, value_delimiter = ',', default_value = "1,8")]
    pub batch: Vec<usize>,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
    /// `forward`, `gradient`; without it both.
    #[arg(long, value_delimiter = ',')]
    pub what: Vec<String>,
    /// `f32` and the like; without it all.
    #[arg(long, value_delimiter = ',')]
    pub precision: Vec<String>,
    /// Only these modes.
    #[arg(long, value_delimiter = ',')]
    pub mode: Vec<String>,
    /// Folder of the exported networks, for peers that read ONNX.
    #[arg(long, default_value = "target/peers/onnx")]
    pub onnx: PathBuf,
    /// Without `--serve`: how often each case is measured.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Without `--serve`: seconds for each case in each round.
    #[arg(long, default_value_t = 1.5)]
    pub seconds: f64,
    /// Without `--serve`: report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Be measured by run.py.
    #[arg(long)]
    pub serve: bool,
}
