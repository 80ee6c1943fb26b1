//! The project's own chores: `cargo xtask kernels`, `gpu`, `predict`.
#![forbid(unsafe_code)]

mod gpu;
mod kernels;
mod predict;
mod project;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own chores")]
struct Args {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Compile every CUDA kernel for every architecture, and check what came out
    Kernels(kernels::Args),
    /// Pack everything for a machine with a GPU into target/gpu-suite
    Gpu(gpu::Args),
    /// Write kernels/PREDICTIONS.md: the least time of every launch, and the time that it should take
    Predict,
}

fn main() -> ExitCode {
    let done = match Args::parse().chore {
        Chore::Kernels(args) => kernels::run(&args),
        Chore::Gpu(args) => gpu::run(&args),
        Chore::Predict => predict::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}
