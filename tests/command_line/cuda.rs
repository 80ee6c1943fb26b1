//! `--engine cuda` and `auto` on the stand-in driver, and on a machine without a GPU.

use std::process::Command;

use backlit::cpu::ISA_VARIABLE;
use backlit::cpu::isa::Level;
use serde_json::Value;

use crate::support::{Place, Run, run, split};

/// The command on a machine with such a GPU.
fn with_gpu(place: &Place, line: &str, environment: &[(&str, &str)]) -> Run {
    let stand_in = backlit_cuda_emu::library_dir();
    let mut command: Command = place.command(&split(line));
    // A named instruction set would mean the CPU.
    command.env_remove(ISA_VARIABLE);
    command.env("LD_LIBRARY_PATH", &stand_in).env("BACKLIT_NVRTC_DIR", &stand_in);
    run(command.envs(environment.iter().copied()))
}

#[test]
fn without_a_gpu_there_is_one_clear_line() {
    let place = Place::new();
    place.run("predict --engine cuda {cat}").fails(1, &["CUDA driver", "--engine cpu"]);
    if !Level::Amx.is_available() {
        let mut command = place.command(&split("predict --precision half {cat}"));
        run(command.env_remove(ISA_VARIABLE)).fails(1, &["CUDA driver"]);
    }
    place.run("predict --device 0 {cat}").fails(1, &["CUDA driver"]);
}

/// Options, environment, and what the error says.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn a_gpu_that_cannot_be_used_says_why() {
    let place = Place::new();
    let empty = place.write("empty/file", b"");
    let empty = empty.parent().unwrap().to_str().unwrap();
    let cases: [Case<'_>; 8] = [
        ("", &[("BACKLIT_EMU_DRIVER", "12040")], &["supports CUDA 12.4", "13.0 is needed"]),
        ("", &[("BACKLIT_EMU_DEVICES", "0")], &["found no GPU"]),
        ("", &[("BACKLIT_EMU_ARCH", "sm_75")], &["sm_75", "sm_80"]),
        ("", &[("BACKLIT_EMU_MODE", "3")], &["cannot be used now"]),
        ("", &[("BACKLIT_NVRTC_DIR", empty)], &["no libnvrtc 13", "pip install nvidia-cuda-nvrtc"]),
        ("", &[("BACKLIT_EMU_NVRTC", "12.9")], &["version 12.9"]),
        ("", &[("BACKLIT_EMU_MEMORY", "32m")], &["out of GPU memory"]),
        ("--device 3", &[], &["there is no GPU 3", "1"]),
    ];
    for (options, environment, says) in cases {
        with_gpu(&place, &format!("predict --engine cuda {options} {{cat}}"), environment).fails(1, says);
    }
    with_gpu(&place, "predict --engine cuda --precision f64 {cat}", &[]).fails(1, &["f64", "f32, mixed and half"]);
    with_gpu(&place, "explain --engine cuda --method lrp {cat}", &[]).fails(1, &["relevance", "--engine cpu"]);
    with_gpu(&place, "predict --engine cpu --device 0 {cat}", &[]).fails(2, &["--device"]);
}

#[test]
fn auto_falls_back_to_the_cpu_and_says_why() {
    let place = Place::new();
    let run = with_gpu(&place, "predict --json {cat}", &[("BACKLIT_EMU_ARCH", "sm_75")]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.starts_with("note: computing on the CPU, because GPU 0"), "{}", run.err);
    assert_eq!(run.err.lines().count(), 1, "{}", run.err);
    // What only the CPU has is not a question of GPUs.
    with_gpu(&place, "predict --isa portable {cat}", &[]).ok();
}

#[test]
fn auto_takes_the_gpu_and_says_so() {
    let place = Place::new();
    let class = |run: &Run| run.json()["images"][0]["predictions"][0]["class_idx"].clone();
    let gpu = with_gpu(&place, "predict --json --precision f32 {cat}", &[("BACKLIT_EMU_ARCH", "sm_80")]);
    assert_eq!((gpu.code, gpu.err.as_str()), (0, "note: computing on CPU emulator (sm_80)\n"));
    let cpu = place.run("predict --json {cat}").ok();
    assert_eq!(class(&gpu), class(&cpu));
    assert_ne!(class(&gpu), Value::Null);
}

#[test]
fn a_map_comes_from_the_gpu_by_name() {
    let place = Place::new();
    let run = with_gpu(&place, "explain --engine cuda --method gradient -o out {cat}", &[]).ok();
    assert!(!run.out.is_empty());
    let manifest = place.json("out/manifest.json");
    assert_eq!(manifest["engine"]["kernel"], "cuda/mixed/sm_90a");
}

#[test]
fn the_doctor_sees_gpus() {
    let place = Place::new();
    let findings = |environment: &[(&str, &str)]| with_gpu(&place, "doctor --json", environment).ok().json();
    let found = findings(&[("BACKLIT_EMU_DEVICES", "2"), ("BACKLIT_EMU_MEMORY", "8g")]);
    assert_eq!(found["engine"], "cuda, mixed, sm_90a");
    assert_eq!(found["CUDA driver"], "for CUDA 13.0");
    let gpu = |i| format!("{i}: CPU emulator (sm_90), sm_90a, 8.0 GiB, 132 multiprocessors");
    assert_eq!(found["GPU"], format!("{}; {}", gpu(0), gpu(1)));
    assert!(found["NVRTC"].as_str().unwrap().starts_with("13.0, "), "{found}");

    let old = findings(&[("BACKLIT_EMU_ARCH", "sm_75")]);
    assert!(old["GPU"].as_str().unwrap().contains("too old: sm_80 or newer is needed"), "{old}");
    assert!(old["engine"].as_str().unwrap().starts_with("cpu"), "{old}");
    let outdated = findings(&[("BACKLIT_EMU_DRIVER", "12040")]);
    assert_eq!(outdated["CUDA driver"], "for CUDA 12.4, and 13.0 is needed: update NVIDIA's driver");
    let bare = findings(&[("BACKLIT_NVRTC_DIR", "nowhere")]);
    let nvrtc = bare["NVRTC"].as_str().unwrap();
    assert!(nvrtc.contains("pip install nvidia-cuda-nvrtc") && nvrtc.contains("nowhere (no such folder)"), "{nvrtc}");
    assert!(bare["engine"].as_str().unwrap().starts_with("cpu"), "{bare}");
}
