//! The arguments of `backlit bench`.

use std::path::PathBuf;

use backlit::sources::Source;
use clap::Args;

use crate::cli::args::EngineArgs;

#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// The whole network forward [default: everything that the engine allows]
    #[arg(long, help_heading = "What is measured")]
    pub(crate) forward: bool,
    /// The whole network forward, and the gradient of one class score back to the pixels
    #[arg(long, help_heading = "What is measured")]
    pub(crate) gradient: bool,
    /// The layers one by one, forward and input gradient (cpu, f32)
    #[arg(long, help_heading = "What is measured")]
    pub(crate) layers: bool,
    /// Images that go through together
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4096), help_heading = "What is measured")]
    pub(crate) batch: u16,
    /// One run each: shows that everything works, not how fast it is
    #[arg(long, help_heading = "What is measured")]
    pub(crate) quick: bool,
    /// Print one JSON object instead of text
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Also draw every layer under the roof, into this PNG file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) plot: Option<PathBuf>,
    /// Weights: npm, hf:OWNER/NAME[@REVISION][:FILE], or a safetensors file [default: npm if they are fetched already,
    /// else random numbers: the speed is the same]
    #[arg(long, value_name = "SOURCE", help_heading = "Network")]
    pub(crate) weights: Option<Source>,
    #[command(flatten)]
    pub(crate) how: EngineArgs,
}
