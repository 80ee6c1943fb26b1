//! Command lines that are wrong: exit code 2, one line, nothing written.

use std::process::Stdio;

use crate::support::{Place, finished, split};

#[test]
fn each_mistake_is_told_in_one_line() {
    let place = Place::new();
    for (line, says) in [
        ("predict {cat} --jsn", &["'--jsn'", "'--json'", "--help"][..]),
        ("frobnicate {cat}", &["'frobnicate'"]),
        ("predict {cat} --threads 0", &["--threads", "1..=1024"]),
        ("predict {cat} --threads many", &["--threads", "many"]),
        ("predict {cat} --batch 0", &["--batch", "1..=4096"]),
        ("predict {cat} --top 0", &["--top", "1..=1000"]),
        ("predict {cat} --top 1001", &["--top", "1..=1000"]),
        ("predict {cat} --engine gpu", &["--engine", "auto, cpu, cuda, reference"]),
        ("predict {cat} --isa sse9", &["--isa", "portable"]),
        ("predict {cat} --resize squeeze", &["--resize", "stretch", "crop"]),
        ("predict {cat} --filter lanczos", &["--filter", "bilinear"]),
        ("predict {cat} --orientation down", &["--orientation", "exif"]),
        ("predict {cat} --weights hf:nobody", &["--weights", "OWNER/NAME"]),
        ("saliency {cat} --target taby", &["--target", "taby", "tabby"]),
        ("saliency {cat} --target crane", &["n02012849", "n03126707"]),
        ("saliency {cat} --target 1000", &["1000", "0 to 999"]),
        ("saliency {cat} --target top0", &["top0", "top1"]),
        ("saliency {cat} --against zzzzqqq", &["--against", "zzzzqqq"]),
        ("saliency {cat} --method lime", &["--method", "gradient", "guided", "rectified"]),
        ("saliency {cat} --score odds", &["--score", "logit", "probability"]),
        ("saliency {cat} --modifier square", &["--modifier", "absolute"]),
        ("saliency {cat} --reduce median", &["--reduce", "max"]),
        ("saliency {cat} --format jpg", &["--format", "png, npy, safetensors, json"]),
        ("explain {cat} --cmap rainbow", &["--cmap", "viridis"]),
        ("explain {cat} --alpha 2", &["--alpha is 2", "between 0 and 1"]),
        ("explain {cat} --alpha -0.5", &["--alpha is -0.5"]),
        ("explain {cat} --alpha nan", &["--alpha is NaN"]),
        ("explain {cat} --sigma -1", &["--sigma is -1", "between 0 and 2500"]),
        ("explain {cat} --sigma nan", &["--sigma is NaN"]),
        ("explain {cat} --sigma 1e300", &["--sigma is 1e300"]),
        ("saliency {cat} --compat keras-vis-0.4.1 --method guided", &["--compat", "--method gradient", "forward pass"]),
        ("saliency {cat} --compat keras-vis-0.4.1 --raw", &["--compat", "leave them out"]),
        ("saliency {cat} --compat keras-vis-0.5", &["keras-vis-0.4.1"]),
    ] {
        println!("{line}");
        place.run(line).fails(2, says);
    }
    place.run("predict {cat} --precision f64").fails(1, &["cpu", "f64", "f32"]);
    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn a_reader_may_leave() {
    let place = Place::new();
    for line in [
        "predict {cat} {mirrored} --batch 1",
        "predict {cat} --json --top 1000",
        "model",
        "explain --help",
        "completions bash",
    ] {
        let mut command = place.command(&split(line));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let run = finished(child.wait_with_output().unwrap());
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{line}");
    }
}
