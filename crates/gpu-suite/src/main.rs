//! Everything to be run once on a machine with a GPU and nothing else: checks first, speeds after.
//!
//! `cargo xtask gpu` packs the folder that this program reads, and writes the script that calls it part by part.
#![forbid(unsafe_code)]

mod bench;
mod bytes;
mod golden;
mod layers;
mod pack;
mod part;
mod suite;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use part::Part;
use suite::{Arithmetic, Suite};

#[derive(Parser)]
#[command(name = "gpu-suite")]
struct Args {
    /// What to do
    part: Which,
    /// The packed folder
    #[arg(long, default_value = ".")]
    suite: PathBuf,
    /// Where results go, PART.md and PART.json
    #[arg(long, default_value = "results")]
    out: PathBuf,
    /// Weights to pack
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Batches to measure
    #[arg(long, value_delimiter = ',', default_value = "1,8,64,256")]
    batches: Vec<usize>,
    /// Arithmetics to check and measure
    #[arg(long, value_delimiter = ',', default_value = "half,bf16,mixed,f32")]
    arithmetics: Vec<Arithmetic>,
    /// Images whose gradients are compared byte by byte
    #[arg(long, default_value_t = 37)]
    images: usize,
    /// Only what is quick
    #[arg(long)]
    quick: bool,
    /// Run on the emulator of the CPU: checks, but no speeds
    #[arg(long)]
    stand_in: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    Pack,
    Golden,
    Bytes,
    Layers,
    Bench,
    Collect,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.stand_in {
        backlit_cuda_emu::install();
    }
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything that was checked holds.
fn run(args: &Args) -> Result<bool, String> {
    let suite = Suite::at(&args.suite);
    let done = match args.part {
        Which::Pack => {
            let weights = args.weights.as_deref().ok_or("pack needs --weights")?;
            return pack::pack(&suite, weights).map(|()| true);
        }
        Which::Collect => return part::collect(&args.out),
        Which::Golden => golden::run(&suite, args),
        Which::Bytes => bytes::run(&suite, args),
        Which::Layers => layers::run(&suite, args),
        Which::Bench => bench::run(&suite, args),
    };
    let name = format!("{:?}", args.part).to_lowercase();
    let part: Part = done.unwrap_or_else(|problem| Part::failed(&name, problem));
    part.write(&args.out)?;
    print!("{}", part.markdown());
    Ok(part.failures.is_empty())
}
