//! Methods of many passes: the same bytes in any batch, and a way out.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{Place, finished, number, split};

#[test]
fn batches_change_no_byte_of_a_sampling_method() {
    let results = |batch: usize| -> BTreeMap<String, Vec<u8>> {
        let place = Place::new();
        let line = "saliency {cat} {mirrored} --method smoothgrad,vargrad,ig --samples 3 --steps 3 --seed 5";
        place.run(&format!("{line} --format npy,safetensors --batch {batch}")).ok();
        let files = place.files().into_iter().filter(|f| f != "manifest.json");
        files.map(|f| (f.clone(), fs::read(place.path(&f)).unwrap())).collect()
    };
    let expected = results(1);
    assert_eq!(expected.len(), 2 * 3 * 2);
    assert!(results(7) == expected);
}

#[test]
fn every_parameter_is_on_record() {
    let place = Place::new();
    let line = "--method smoothgrad,ig,gradcam --samples 2 --noise 0.1 --seed 9 --steps 3 --quadrature right \
                --baseline blur:4 --layer layer3 --upsample nearest";
    place.run(&format!("saliency {{cat}} {line} --format safetensors,npy")).ok();
    let maps = place.json("manifest.json")["images"][0]["maps"].clone();
    let recipe = |i: usize| maps[i]["params"]["recipe"].clone();
    let smooth = recipe(0);
    assert_eq!((&smooth["samples"], &smooth["noise"], &smooth["seed"]), (&2.into(), &0.1.into(), &9.into()));
    assert_eq!((&smooth["moment"], &smooth["scale"]), (&"mean".into(), &"range".into()));
    let ig = recipe(1);
    assert_eq!((&ig["steps"], &ig["quadrature"], &ig["baseline"]), (&3.into(), &"right".into(), &"blur:4".into()));
    let complete = &maps[1]["completeness"];
    let off = number(&complete["sum"]) - number(&complete["expected"]);
    assert!((off - number(&maps[1]["residual"])).abs() < 1e-9);
    let cam = recipe(2);
    assert_eq!((&cam["layer"], &cam["upsample"], &cam["relu"]), (&"4f".into(), &"nearest".into(), &true.into()));
    assert_eq!(maps[0]["samples"], 2);
    let tensors = place.tensors("chelsea.gradcam.285.safetensors");
    assert_eq!((tensors["coarse"].0.as_slice(), tensors["attribution"].0.as_slice()), (&[14, 14][..], &[224, 224][..]));
    assert!(place.path("chelsea.gradcam.285.coarse.npy").is_file());
}

#[cfg(unix)]
#[test]
fn interrupted_it_leaves_whole_files_only() {
    for line in [
        "saliency {cat} {mirrored} --method gradient,smoothgrad --samples 100000 --batch 1 -o out",
        "activation --target 285 --steps 100000 -o out",
        "audit {cat} --box 100,50,200,200 --controls 64 --batch 1 -o out",
        "mask {cat} {hides} -o out",
        "evaluate {cat} --method gradient --measures insertion --step 1 --batch 1 -o out",
    ] {
        interrupted(line);
    }
}

#[cfg(unix)]
fn interrupted(line: &str) {
    let place = Place::new();
    // Four hundred variants take more than the time until the interruption.
    let hides: Vec<String> = (0..400).map(|i| format!("--hide {}:{},0:50", i % 200, i % 200 + 1)).collect();
    let arguments = split(&line.replace("{hides}", &hides.join(" ")));
    let child = place.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(6));
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let run = finished(child.wait_with_output().unwrap());
    assert_eq!(run.code, 130, "{}", run.err);
    assert!(run.err.starts_with("error: interrupted"), "{}", run.err);
    assert_eq!(place.files(), [""; 0], "not even an empty folder");
}
