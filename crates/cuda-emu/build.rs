//! Builds the stand-ins: every kernel twice (fast, and instrumented for the checker) together with the emulator in one
//! `libcuda.so`, and `libnvrtc.so.13`. Only objects whose source, headers or flags changed are compiled again.

#[path = "build/compiler.rs"]
mod compiler;
#[path = "build/objects.rs"]
mod objects;

use std::path::{Path, PathBuf};
use std::{env, fs};

use compiler::{Compiler, Flavour};
use objects::{Job, compile_all};

fn main() {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    let workspace = here.ancestors().nth(2).expect("the crate is in crates/cuda-emu").to_path_buf();
    let (kernels, own, native) = (workspace.join("kernels"), here.join("kernels"), here.join("native"));
    for folder in [&kernels, &own, &native, &here.join("build"), &here.join("build.rs")] {
        println!("cargo:rerun-if-changed={}", folder.display());
    }
    let compiler = Compiler::find(&[&native, &kernels]);

    let (mut driver, mut nvrtc) = (vec![], vec![]);
    let mut add = |source: &Path, flavour: Flavour| {
        let file = source.file_stem().unwrap_or_default().to_string_lossy();
        let folder = source.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        let object = out.join(format!("{flavour:?}")).join(format!("{folder}-{file}.o"));
        // native/nvrtc* makes a library of its own.
        let part = source.strip_prefix(&native).ok().and_then(|s| s.iter().next()).unwrap_or_default();
        let library = if part.to_string_lossy().starts_with("nvrtc") { &mut nvrtc } else { &mut driver };
        library.push(Job { source: source.into(), object, flavour });
    };
    for source in files(&native, "cpp") {
        add(&source, Flavour::Runtime);
    }
    for folder in [&kernels, &own] {
        for source in files(folder, "cu") {
            add(&source, Flavour::Fast);
            add(&source, Flavour::Checked);
        }
    }
    compile_all(&compiler, &[&driver[..], &nvrtc[..]].concat());
    for (name, jobs) in [("libcuda.so", &driver), ("libnvrtc.so.13", &nvrtc)] {
        compiler.link(&out.join(name), &jobs.iter().map(|j| j.object.clone()).collect::<Vec<_>>());
    }
}

/// Every file below a folder with this extension, in order.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}
