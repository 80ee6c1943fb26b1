//! One Markdown table: every layer and the whole network, speed beside error and roof.
//!
//! `cargo bench -p backlit-benches --bench table [-- --quick | --save]`; README.md explains the columns.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use backlit_benches::layers::{Case, Layer, Pass};
use backlit_benches::network::{BATCHES, Workload};
use backlit_benches::report::{LayerRow, Measured, NetworkRow, Report};
use backlit_benches::stopwatch::{Effort, time};
use backlit_benches::{levels, machine, roof};
use backlit_cpu::isa::Level;
use clap::Parser;

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

fn main() {
    let options = Options::parse();
    if options.filter.is_some_and(|f| !"table".contains(&f)) {
        return;
    }
    let quick = options.quick || !(options.bench || options.save);
    let report = measure(quick);
    print!("{report}");
    if options.save {
        let path = path();
        match save(&path, &report.to_string()) {
            Ok(()) => eprintln!("saved as {}", path.display()),
            Err(e) => {
                eprintln!("could not write {}: {e}", path.display());
                std::process::exit(1);
            }
        }
    }
}

fn measure(quick: bool) -> Report {
    let effort = if quick { Effort::QUICK } else { Effort::FULL };
    let work = Workload::new();
    let mut roofs: Vec<(Level, f64)> = levels().into_iter().map(|l| (l, 0.0)).collect();
    // The machine may be slower at one moment than at another: the roof is taken before and after, and the higher
    // one counts.
    measure_roofs(&mut roofs);

    let mut networks = Vec::new();
    for &(level, _) in roofs.iter().rev() {
        let engine = work.engine(level);
        // Lower instruction sets are there to compare with: one image tells enough.
        let batches = if quick || level != Level::best() { &BATCHES[..1] } else { &BATCHES };
        for &n in batches {
            eprintln!("network, {level}, batch {n}");
            let error = work.check_predict(&engine, n);
            let times = time(effort, || drop(work.predict(&engine, n)));
            let forward = Measured { times, error };
            let error = work.check_gradient(&engine, n);
            let times = time(effort, || drop(work.gradient(&engine, n)));
            networks.push(NetworkRow { level, batch: n, forward, gradient: Measured { times, error } });
        }
    }

    let token = Level::best().token().expect("an available level");
    let layers = Layer::distinct(work.network()).into_iter().map(|layer| {
        eprintln!("{}", layer.id());
        let [forward, dgrad] = Pass::ALL.map(|pass| {
            let mut case = Case::checked(&layer, pass, token);
            Measured { times: time(effort, || case.run()), error: case.error }
        });
        LayerRow { layer, forward, dgrad }
    });
    let layers = layers.collect();
    measure_roofs(&mut roofs);
    Report { network: work.network(), quick, roofs, networks, layers }
}

fn measure_roofs(roofs: &mut [(Level, f64)]) {
    for (level, roof) in roofs {
        let token = level.token().expect("an available level");
        *roof = roof.max(roof::measure(token, Duration::from_millis(300)));
    }
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
