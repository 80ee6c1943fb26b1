//! Objects: which have to be compiled again, and compiling them in parallel.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use crate::compiler::{Compiler, Flavour};

/// One object.
#[derive(Clone)]
pub(crate) struct Job {
    /// C++ text.
    pub(crate) source: PathBuf,
    /// Where it goes.
    pub(crate) object: PathBuf,
    /// How.
    pub(crate) flavour: Flavour,
}

/// Compiles what changed; all errors are shown before the build stops.
pub(crate) fn compile_all(compiler: &Compiler, jobs: &[Job]) {
    let mut stale: Vec<&Job> = jobs.iter().filter(|job| !is_fresh(compiler, job)).collect();
    // The long ones first.
    stale.sort_by_key(|job| {
        std::cmp::Reverse((job.flavour == Flavour::Checked, fs::metadata(&job.source).map_or(0, |m| m.len())))
    });
    let (next, errors) = (AtomicUsize::new(0), Mutex::new(vec![]));
    let wanted = env::var("NUM_JOBS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    thread::scope(|scope| {
        for _ in 0..wanted.min(stale.len()) {
            scope.spawn(|| {
                while let Some(job) = stale.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(said) = compile(compiler, job) {
                        errors.lock().expect("no thread panics with it").push(said);
                    }
                }
            });
        }
    });
    let errors = errors.into_inner().expect("no thread panics with it");
    if !errors.is_empty() {
        eprintln!("{}", errors.join("\n"));
        std::process::exit(1);
    }
}

fn compile(compiler: &Compiler, job: &Job) -> Result<(), String> {
    fs::create_dir_all(job.object.parent().expect("objects lie in a folder")).map_err(|e| e.to_string())?;
    let _ = fs::remove_file(stamp_of(job));
    let mut command = compiler.command(job.flavour);
    let output = command.arg("-c").arg(&job.source).arg("-o").arg(&job.object).output().map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(format!(
            "{} ({:?}):\n{}",
            job.source.display(),
            job.flavour,
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let stamp = stamp(compiler, job).ok_or_else(|| format!("{}: no list of its headers", job.source.display()))?;
    fs::write(stamp_of(job), stamp).map_err(|e| e.to_string())
}

fn is_fresh(compiler: &Compiler, job: &Job) -> bool {
    let now = stamp(compiler, job);
    now.is_some() && now == fs::read_to_string(stamp_of(job)).ok()
}

fn stamp_of(job: &Job) -> PathBuf {
    job.object.with_extension("stamp")
}

/// A hash over flags, source and headers; none if the object or one of the files is not there.
fn stamp(compiler: &Compiler, job: &Job) -> Option<String> {
    if !job.object.exists() {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    compiler.identity(job.flavour).hash(&mut hasher);
    for file in dependencies(&job.object.with_extension("d"))? {
        file.hash(&mut hasher);
        fs::read(&file).ok()?.hash(&mut hasher);
    }
    Some(format!("{:016x}", hasher.finish()))
}

/// The files that a `.d` file of the compiler names: `object: source header \ header ...`.
fn dependencies(list: &Path) -> Option<Vec<PathBuf>> {
    let text = fs::read_to_string(list).ok()?;
    let (_, files) = text.split_once(": ")?;
    // A space in a name is written as "\ ".
    let files = files.replace("\\\n", " ").replace("\\ ", "\u{0}");
    Some(files.split_whitespace().map(|f| PathBuf::from(f.replace('\u{0}', " "))).collect())
}
