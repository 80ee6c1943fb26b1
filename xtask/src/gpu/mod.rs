//! `cargo xtask gpu`: a folder with everything that a machine with a GPU and nothing else needs to check and to measure.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{kernels, project};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Architectures whose cubins go along
    #[arg(long, value_delimiter = ',', default_value = "sm_90a")]
    arch: Vec<String>,
    /// The Keras weights, as `backlit weights fetch` leaves them
    #[arg(long, default_value = "weights/keras-resnet50-v1.safetensors")]
    weights: PathBuf,
}

/// The most that the folder may weigh, in MiB.
const MOST: u64 = 48;

/// Tests of the stand-in driver rather than of kernels: a GPU has nothing to say about them.
const STAND_IN_ONLY: [&str; 6] = ["backlit_cuda", "cache", "device", "faults", "graph", "memory"];

pub(crate) fn run(args: &Args) -> Result<(), String> {
    let (root, packed) = (project::root(), project::target().join("gpu-suite"));
    let folder = packed.join("unpacked");
    let staging = project::target().join("gpu-suite-staging");
    let _ = std::fs::remove_dir_all(kernels::cubins().join("ready"));
    kernels::run(&kernels::Args { arch: args.arch.clone(), ..Default::default() })?;

    build(&["build", "--release", "--package", "backlit-gpu-suite"])?;
    let tests = test_programs()?;
    let program = project::target().join("release/backlit-gpu-suite");
    let weights = root.join(&args.weights);
    if !weights.is_file() {
        return Err(format!("no weights at {}: fetch them with `backlit weights fetch`", weights.display()));
    }
    let mut pack = Command::new(&program);
    pack.arg("pack").arg("--suite").arg(&staging).arg("--weights").arg(&weights);
    done(&mut pack, "packing the weights")?;

    let _ = std::fs::remove_dir_all(&packed);
    strip(&program, &folder.join("gpu-suite"))?;
    for (name, path) in &tests {
        strip(path, &folder.join("tests").join(name))?;
    }
    let ready = kernels::cubins().join("ready");
    for path in files(&ready)?.into_iter().chain(files(&staging.join("golden"))?) {
        let within = path.strip_prefix(&ready).map(|p| Path::new("cubins").join(p));
        let within = within.or_else(|_| path.strip_prefix(&staging).map(Path::to_path_buf));
        copy(&path, &folder.join(within.map_err(|e| e.to_string())?))?;
    }
    copy(&staging.join("weights.safetensors"), &folder.join("weights.safetensors"))?;
    for script in ["pytorch.py", "common.py"] {
        copy(&root.join("benches/peers").join(script), &folder.join(script))?;
    }
    project::write(&folder.join("commit"), commit())?;
    // One archive: a dozen programs that share most of their code are little more than one.
    let archive = packed.join("suite.tar.xz");
    done(Command::new("tar").arg("-C").arg(&folder).arg("-cJf").arg(&archive).arg("."), "compressing")?;
    std::fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    project::write(&packed.join("run.sh"), include_str!("run.sh"))?;
    done(Command::new("chmod").arg("+x").arg(packed.join("run.sh")), "chmod")?;

    let size = files(&packed)?.iter().map(|f| f.metadata().map_or(0, |m| m.len())).sum::<u64>() >> 20;
    println!("{}: {size} MiB; on the machine with the GPU: ./run.sh OUT", packed.display());
    if size >= MOST { Err(format!("{size} MiB are too many, {MOST} are allowed")) } else { Ok(()) }
}

fn done(command: &mut Command, what: &str) -> Result<(), String> {
    let status = command.status().map_err(|e| format!("{what}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{what} failed")) }
}

fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(project::root());
    cargo
}

fn build(arguments: &[&str]) -> Result<(), String> {
    done(cargo().args(arguments), "building")
}

/// The tests of kernels and engine, built: name and path of each.
fn test_programs() -> Result<Vec<(String, PathBuf)>, String> {
    let mut cargo = cargo();
    cargo.args(["test", "--release", "--package", "backlit-cuda", "--no-run", "--message-format=json"]);
    let output = cargo.stderr(Stdio::inherit()).output().map_err(|e| format!("cargo: {e}"))?;
    if !output.status.success() {
        return Err("the tests of backlit-cuda do not build".into());
    }
    let programs = programs(&String::from_utf8_lossy(&output.stdout));
    if programs.is_empty() { Err("backlit-cuda has no tests".into()) } else { Ok(programs) }
}

/// Reads what cargo built.
fn programs(messages: &str) -> Vec<(String, PathBuf)> {
    let program = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let (path, name) = (message["executable"].as_str()?, message["target"]["name"].as_str()?);
        let wanted = message["profile"]["test"] == Value::Bool(true) && !STAND_IN_ONLY.contains(&name);
        wanted.then(|| (name.to_owned(), PathBuf::from(path)))
    };
    messages.lines().filter_map(program).collect()
}

fn strip(from: &Path, to: &Path) -> Result<(), String> {
    copy(from, to)?;
    done(Command::new("strip").arg(to), "strip")
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    std::fs::create_dir_all(to.parent().unwrap_or(to)).map_err(|e| format!("{}: {e}", to.display()))?;
    std::fs::copy(from, to).map(drop).map_err(|e| format!("{}: {e}", from.display()))
}

/// Every file below a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let (mut found, mut folders) = (vec![], vec![folder.to_path_buf()]);
    while let Some(next) = folders.pop() {
        let entries = std::fs::read_dir(&next).map_err(|e| format!("{}: {e}", next.display()))?;
        for path in entries.flatten().map(|e| e.path()) {
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(project::root()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown commit".into());
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|changes| !changes.is_empty());
    if changed { format!("{commit} with uncommitted changes\n") } else { format!("{commit}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tests_that_a_gpu_can_run() {
        let line = |name: &str, test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","target":{{"name":"{name}"}},"profile":{{"test":{test}}},"executable":{executable}}}"#
            )
        };
        let messages = [
            line("conv", true, r#""/t/conv-1""#),
            line("faults", true, r#""/t/faults-1""#),
            line("build-script", false, r#""/t/build""#),
            line("backlit_net", true, "null"),
            r#"{"reason":"build-finished","success":true}"#.into(),
        ];
        assert_eq!(programs(&messages.join("\n")), [("conv".to_owned(), PathBuf::from("/t/conv-1"))]);
    }
}
