//! One Markdown table: every layer and the whole network, speed beside error and roof.
//!
//! `cargo bench -p backlit-benches --bench table [-- --quick | --save]`; README.md explains the columns.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use backlit_bench::layers::{Layer, LayerRow};
use backlit_bench::network::{Ask, Question, Workload};
use backlit_bench::report::{NetworkRow, Report};
use backlit_bench::stopwatch::Effort;
use backlit_bench::{BenchError, Roof, levels, machine, measure};
use backlit_cpu::isa::Level;
use backlit_cpu::{Cpu, CpuOptions};
use clap::Parser;

/// Images that go through together.
const BATCHES: [usize; 2] = [1, 8];

/// Prints the table of speeds; what is measured is checked against the oracle first.
#[derive(Parser)]
#[command(name = "table")]
struct Options {
    /// Also writes the table to benches/results.
    #[arg(long, conflicts_with = "quick")]
    save: bool,
    /// One run each, and no batch but 1: shows that everything works, not how fast it is.
    #[arg(long, alias = "test")]
    quick: bool,
    /// Given by `cargo bench`; without it, as under `cargo test`, the table is quick.
    #[arg(long, hide = true)]
    bench: bool,
    /// As in the other benches: nothing happens unless the word `table` contains it.
    filter: Option<String>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.filter.is_some_and(|f| !"table".contains(&f)) {
        return ExitCode::SUCCESS;
    }
    let quick = options.quick || !(options.bench || options.save);
    let report = match table(quick) {
        Ok(report) => report,
        Err(problem) => {
            eprintln!("error: {problem}");
            return ExitCode::FAILURE;
        }
    };
    print!("{report}");
    if options.save {
        let path = path();
        match save(&path, &report.to_string()) {
            Ok(()) => eprintln!("saved as {}", path.display()),
            Err(e) => {
                eprintln!("could not write {}: {e}", path.display());
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn table(quick: bool) -> Result<Report, BenchError> {
    let (effort, a_while) = if quick { (Effort::QUICK, Roof::QUICK) } else { (Effort::FULL, Roof::FULL) };
    let work = Workload::synthetic(if quick { 1 } else { BATCHES[1] });
    // The machine may be slower at one moment than at another: roofs are taken before and after, the higher count.
    let mut roofs = roofs(a_while)?;

    let mut networks = Vec::new();
    for &(level, _) in roofs.iter().rev() {
        let options = CpuOptions { threads: None, level: Some(level), ..CpuOptions::default() };
        let engine = Cpu::new(work.weights(), options).expect("an available level, and no threads to start");
        // Lower instruction sets are there to compare with: one image tells enough.
        let batches = if quick || level != Level::best() { &BATCHES[..1] } else { &BATCHES };
        for &batch in batches {
            eprintln!("network, {level}, batch {batch}");
            let ask = |ask| measure(&mut Question::new(&work, &engine, ask, batch), effort);
            networks.push(NetworkRow { level, batch, forward: ask(Ask::Forward)?, gradient: ask(Ask::Gradient)? });
        }
    }

    let token = Level::best().token().expect("an available level");
    let layers = Layer::distinct(work.network()).into_iter().map(|layer| {
        eprintln!("{}", layer.id());
        LayerRow::measure(layer, token, 1, effort)
    });
    let layers = layers.collect::<Result<_, _>>()?;
    for (before, after) in roofs.iter_mut().zip(self::roofs(a_while)?) {
        before.1 = before.1.or(after.1);
    }
    Ok(Report { network: work.network(), quick, roofs, networks, layers })
}

fn roofs(a_while: Duration) -> Result<Vec<(Level, Roof)>, BenchError> {
    levels().into_iter().map(|level| Ok((level, Roof::measure(level, a_while)?))).collect()
}

fn path() -> PathBuf {
    let name = format!("{}-{}.md", machine::today(), machine::slug(&machine::cpu_model()));
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results").join(name)
}

/// Whole or not at all.
fn save(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let part = path.with_extension("md.part");
    let written = std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        // The first error is the one to tell of.
        let _ = std::fs::remove_file(&part);
    }
    written
}
