//! Builds the stand-in driver: the emulator, and every kernel twice (fast and checked), linked into one `libcuda.so`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    let (kernels, native) = (here.join("../../kernels"), here.join("native"));
    for folder in [&kernels, &native, &here.join("kernels")] {
        println!("cargo:rerun-if-changed={}", folder.display());
    }
    let mut sources = vec![];
    find(&kernels, "cu", &mut sources);
    find(&here.join("kernels"), "cu", &mut sources);
    sources.sort();

    let base = |opt: u32| {
        let mut build = cc::Build::new();
        build.cpp(true).std("c++17").include(&native).include(&kernels).debug(true).opt_level(opt).pic(true);
        build.warnings(false).flag("-Wno-unknown-pragmas").flag("-Wno-psabi").flag("-ffp-contract=off");
        if std::is_x86_feature_detected!("fma")
            && std::is_x86_feature_detected!("avx2")
            && std::is_x86_feature_detected!("f16c")
        {
            build.flag("-mavx2").flag("-mfma").flag("-mf16c");
        }
        build
    };
    let mut objects = vec![];
    let mut runtime = base(2);
    let mut runtime_files = vec![];
    find(&native, "cpp", &mut runtime_files);
    runtime_files.sort();
    let (compiler, runtime_files): (Vec<_>, Vec<_>) =
        runtime_files.into_iter().partition(|file| file.starts_with(native.join("nvrtc")));
    runtime.files(&runtime_files);
    objects.extend(runtime.compile_intermediates());
    let mut fast = base(2);
    fast.flag("-x").flag("c++").files(&sources);
    objects.extend(fast.compile_intermediates());
    let mut checked = base(1);
    checked.flag("-fsanitize=thread").define("EMU_CHECKED", None).flag("-x").flag("c++");
    // Another folder: the objects of both builds have the same names.
    fs::create_dir_all(out.join("checked")).expect("OUT_DIR is writable");
    checked.out_dir(out.join("checked")).files(&sources);
    objects.extend(checked.compile_intermediates());
    link(&out, "libcuda.so", &objects);
    let mut nvrtc = base(1);
    nvrtc.files(&compiler);
    link(&out, "libnvrtc.so.13", &nvrtc.compile_intermediates());
}

fn link(out: &Path, name: &str, objects: &[PathBuf]) {
    let mut command = Command::new("g++");
    command.arg("-shared").arg("-o").arg(out.join(name)).arg(format!("-Wl,-soname,{name}")).args(objects);
    let status = command.args(["-pthread", "-ldl"]).status().expect("g++ runs");
    assert!(status.success(), "linking {name} failed");
}

/// Every file below a folder that ends so.
fn find(folder: &Path, extension: &str, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(&path, extension, files);
        } else if path.extension().is_some_and(|e| e == extension) {
            files.push(path);
        }
    }
}
