//! `cargo xtask kernels`: every kernel for every architecture, without a GPU, and what must hold of the machine code.

mod arch;
mod checks;
mod examine;
mod log;
mod promises;
mod report;
mod sass;
mod spills;
mod tools;

use std::path::PathBuf;

use rayon::prelude::*;

use crate::project;
pub(crate) use report::markdown;

use arch::{ARCHS, Arch};
use checks::Row;
use promises::Promises;
use spills::Allowed;
use tools::Tools;

#[derive(clap::Args, Debug, Default)]
pub(crate) struct Args {
    /// Only files whose path below kernels/ contains this
    pub(crate) filter: Option<String>,
    /// Only these architectures
    #[arg(long, value_delimiter = ',')]
    pub(crate) arch: Vec<String>,
}

/// Where the cubins are: `ARCH/FILE.cubin` in here, and in `ready` as the engine takes them.
pub(crate) fn cubins() -> PathBuf {
    project::target().join("cubins")
}

/// A file: its path below `kernels/`, and its text.
type Source = (String, String);

/// What one file became for one architecture.
struct Unit {
    rows: Vec<Row>,
    problems: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<(), String> {
    let folder = project::root().join("kernels");
    let wanted = |name: &String| args.filter.as_ref().is_none_or(|f| name.contains(f.as_str()));
    let mut sources = project::texts(&folder, "cu")?;
    sources.retain(|(name, _)| wanted(name));
    let headers = project::texts(&folder, "cuh")?;
    let archs: Vec<&Arch> =
        ARCHS.iter().filter(|a| args.arch.is_empty() || args.arch.contains(&a.name.into())).collect();
    if sources.is_empty() || archs.is_empty() {
        return Err("no such kernel or architecture".into());
    }
    let tools = Tools::find()?;
    let allowed = Allowed::read(&folder.join("allowed-spills.toml"))?;

    let mut problems = unlisted(&headers);
    let promises: Vec<Promises> = sources.iter().map(|(name, text)| Promises::of(name, text)).collect();
    problems.extend(promises.iter().flat_map(|p| p.problems.iter().cloned()));
    let jobs: Vec<(usize, &Arch)> = (0..sources.len()).flat_map(|s| archs.iter().map(move |a| (s, *a))).collect();
    let units: Vec<Result<Unit, String>> =
        jobs.par_iter().map(|&(s, arch)| unit(&tools, &sources[s], &headers, arch, &promises[s], &allowed)).collect();
    let mut rows = vec![];
    for unit in units {
        let unit = unit?;
        rows.extend(unit.rows);
        problems.extend(unit.problems);
    }
    problems.extend(rows.iter().filter_map(launched_otherwise));
    if args.filter.is_none() && args.arch.is_empty() {
        problems.extend(promises.iter().flat_map(|p| p.idle(&rows)));
    }
    let table = report::table(&rows);
    print!("{table}");
    project::write(&cubins().join("report.md"), &table)?;
    if problems.is_empty() {
        println!(
            "{} kernels in {} files for {} architectures: all is well",
            kernels(&rows),
            sources.len(),
            archs.len()
        );
        return Ok(());
    }
    problems.sort();
    problems.dedup();
    Err(format!("{} problems:\n  {}", problems.len(), problems.join("\n  ")))
}

/// How many different kernels there are.
fn kernels(rows: &[Row]) -> usize {
    rows.iter().map(|r| &r.kernel).collect::<std::collections::BTreeSet<_>>().len()
}

/// A convolution that its launcher gives other threads or shared memory than its file says.
fn launched_otherwise(row: &Row) -> Option<String> {
    let variant = backlit_cuda::ops::conv::VARIANTS.iter().find(|v| v.kernel == row.kernel)?;
    let (launched, said) = ((variant.threads, variant.shared), (row.threads, row.dynamic));
    let sentence = || {
        let ((threads, shared), (bound, promised)) = (launched, said);
        format!(
            "{} ({}): launched with {threads} threads and {shared} bytes of shared memory; the file says {bound} and \
             {promised}",
            row.kernel, row.file
        )
    };
    (launched != said).then(sentence)
}

/// Headers that the engine does not know: what includes them compiles here and nowhere else.
fn unlisted(headers: &[Source]) -> Vec<String> {
    let listed = |name: &str| backlit_cuda::kernels::HEADERS.iter().any(|(n, _)| *n == name);
    let missing = headers.iter().filter(|(name, _)| !listed(name));
    missing.map(|(name, _)| format!("kernels/{name} is not in HEADERS of crates/cuda/src/kernels.rs")).collect()
}

/// Compiles one file and looks at what came out.
fn unit(
    tools: &Tools,
    source: &Source,
    headers: &[Source],
    arch: &'static Arch,
    promises: &Promises,
    allowed: &Allowed,
) -> Result<Unit, String> {
    let found = match examine::examine(tools, source, headers, arch)? {
        Ok(found) => found,
        Err(problem) => return Ok(Unit { rows: vec![], problems: vec![problem] }),
    };
    let file = &source.0;
    let warning = |w: &String| format!("kernels/{file} for {}: {w}", arch.name);
    let mut problems: Vec<String> = found.log.warnings.iter().map(warning).collect();
    let mut rows = vec![];
    for (kernel, usage) in found.log.kernels {
        let row = Row {
            file: file.clone(),
            arch,
            threads: found.threads.get(&kernel).copied().unwrap_or(0),
            dynamic: promises.shared(&kernel, arch),
            opcodes: found.opcodes.get(&kernel).cloned().unwrap_or_default(),
            cubin: found.size,
            usage,
            kernel,
        };
        problems.extend(checks::problems(&row, promises, allowed));
        rows.push(row);
    }
    Ok(Unit { rows, problems })
}
