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
    find(&kernels, &mut sources);
    find(&here.join("kernels"), &mut sources);
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
    for file in ["emu.cpp", "check.cpp", "driver.cpp"] {
        runtime.file(native.join(file));
    }
    objects.extend(runtime.compile_intermediates());
    let mut fast = base(2);
    fast.flag("-x").flag("c++").files(&sources);
    objects.extend(fast.compile_intermediates());
    let mut checked = base(1);
    checked
        .flag("-fsanitize=thread")
        .flag("-fsanitize=bounds-strict,shift,signed-integer-overflow,integer-divide-by-zero");
    checked.define("EMU_CHECKED", None).flag("-x").flag("c++");
    // Another folder: the objects of both builds have the same names.
    fs::create_dir_all(out.join("checked")).expect("OUT_DIR is writable");
    checked.out_dir(out.join("checked")).files(&sources);
    objects.extend(checked.compile_intermediates());
    link(&out, "libcuda.so", &objects);
    let mut nvrtc = base(1);
    nvrtc.file(native.join("nvrtc.cpp"));
    link(&out, "libnvrtc.so.13", &nvrtc.compile_intermediates());
}

fn link(out: &Path, name: &str, objects: &[PathBuf]) {
    let mut command = Command::new("g++");
    command.arg("-shared").arg("-o").arg(out.join(name)).arg(format!("-Wl,-soname,{name}")).args(objects);
    let status = command.args(["-pthread", "-ldl"]).status().expect("g++ runs");
    assert!(status.success(), "linking {name} failed");
}

/// Every `.cu` file below a folder.
fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|e| e == "cu") {
            files.push(path);
        }
    }
}
