//! `backlit model`, `doctor`, `completions`, `--help` and `--version`.

use serde_json::Value;

use crate::support::{Place, keys, number};

#[test]
fn the_layers_of_both_variants_add_up() {
    let place = Place::new();
    for (variant, parameters, gmac) in [("v1", 25_530_472u64, 3.858), ("v1.5", 25_530_472, 4.089)] {
        let model = place.run(&format!("model --variant {variant} --json")).ok().json();
        assert_eq!(keys(&model), ["variant", "macs", "parameters", "relu_outputs", "layers"]);
        let layers = model["layers"].as_array().unwrap();
        // 53 convolutions, two poolings and the classifier.
        assert_eq!((&model["variant"], layers.len()), (&variant.into(), 56));
        let sum = |key: &str| layers.iter().map(|l| l[key].as_u64().unwrap()).sum::<u64>();
        assert_eq!(sum("macs"), model["macs"].as_u64().unwrap());
        assert_eq!((sum("weight_bytes"), model["parameters"].as_u64().unwrap()), (4 * parameters, parameters));
        assert!((number(&model["macs"]) / 1e9 - gmac).abs() < 1e-3, "{}", model["macs"]);
        let length = |shape: &Value| shape.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).product::<u64>();
        for layer in layers {
            assert_eq!(layer["input_bytes"], 4 * length(&layer["input"]));
            assert_eq!(layer["output_bytes"], 4 * length(&layer["output"]));
        }
        let text = place.run(&format!("model --variant {variant}")).ok().out;
        assert!(text.contains(&format!("ResNet-50 {variant}")) && text.lines().count() >= 60, "{text}");
        assert!(text.lines().all(|l| l.chars().count() <= 120), "fits a wide terminal");
    }
}

#[test]
fn the_doctor_says_what_there_is() {
    let place = Place::new();
    let findings = place.run("doctor --json").ok().json();
    let gpu = ["CUDA driver", "GPU", "NVRTC", "compiled kernels"];
    let machine = ["backlit", "processor", "threads", "instruction sets", "AMX", "engine"];
    let expected = [&machine[..], &gpu, &["npm", "cache", "weights"]].concat();
    assert_eq!(keys(&findings), expected);
    assert!(findings["weights"].as_str().unwrap().ends_with("intact"), "{findings}");
    assert!(findings["instruction sets"].as_str().unwrap().contains("portable: yes"), "{findings}");
    let text = place.run("doctor").ok().out;
    assert!(expected.iter().all(|name| text.lines().any(|l| l.starts_with(name))), "{text}");

    // Without weights it says so, and fetches nothing.
    let run = crate::support::run(&mut place.bare(&["doctor"])).ok();
    assert!(run.out.contains("not there yet"), "{}", run.out);
    assert!(!place.path("cache").exists());
}

#[test]
fn shells_can_complete() {
    let place = Place::new();
    for (shell, word) in [("bash", "_backlit"), ("zsh", "#compdef backlit"), ("fish", "complete -c backlit")] {
        let script = place.run(&format!("completions {shell}")).ok().out;
        for part in [word, "saliency", "keras-vis-0.4.1", "convert"] {
            assert!(script.contains(part), "{shell}: no {part}");
        }
    }
    place.run("completions tcsh").fails(2, &["tcsh", "bash"]);
}

#[test]
fn help_and_version() {
    let place = Place::new();
    assert_eq!(place.run("--version").ok().out, format!("backlit {}\n", env!("CARGO_PKG_VERSION")));
    let help = place.run("--help").ok().out;
    for word in
        ["explain", "predict", "saliency", "mask", "weights", "model", "bench", "doctor", "completions", "Exit codes"]
    {
        assert!(help.contains(word), "{word}: {help}");
    }
    for command in ["explain", "predict", "saliency", "mask", "weights convert"] {
        let help = place.run(&format!("{command} --help")).ok().out;
        assert!(help.contains("Usage: backlit"), "{help}");
        assert_eq!(place.run(&format!("{command} -h")).ok().code, 0);
    }
}
