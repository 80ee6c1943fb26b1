//! `backlit bench`: speeds with errors beside them, and none without. `--quick` runs everything once.

use std::fs;

use serde_json::Value;

use crate::support::{Place, keys, number, run, size, split};

#[test]
fn one_object_for_whoever_wants_one_number() {
    let place = Place::new();
    let found =
        place.run("bench --quick --gradient --precision f32 --engine cpu --batch 2 --threads 1 --json").ok().json();
    for (key, value) in
        [("engine", "cpu"), ("precision", "f32"), ("variant", "v1"), ("version", env!("CARGO_PKG_VERSION"))]
    {
        assert_eq!(found[key], value, "{found}");
    }
    assert_eq!((&found["batch"], &found["threads"], &found["quick"]), (&2.into(), &1.into(), &true.into()));
    assert!(number(&found["gradient_ms_per_image"]) > 1.0, "{found}");
    let error = number(&found["error"]);
    assert!(error > 0.0 && error <= 1e-2, "{error}");
    assert!(number(&found["roof"]["gflops"]) > 0.1 && number(&found["roof"]["gbytes_per_s"]) > 0.1);
    for key in ["level", "commit", "date", "processor", "weights"] {
        assert!(found[key].as_str().is_some_and(|s| !s.is_empty()), "{key}: {found}");
    }
    let gradient = &found["gradient"];
    assert!(number(&gradient["error"]) <= number(&gradient["tolerance"]), "{gradient}");
    // Nominal work, 4 operations a multiply-add of the table, in the time told.
    let work = number(&gradient["gflops"]) * number(&found["gradient_ms_per_image"]) / 1e3;
    assert!((work - 4.0 * 3.857_973_248).abs() <= 1e-6 * work, "{work}");
    assert!(found.get("forward_ms_per_image").is_none() && found.get("layers").is_none(), "{found}");
}

#[test]
fn layers_need_no_weights_and_stand_under_the_roof() {
    let place = Place::new();
    let line = "bench --quick --layers --engine cpu --plot roofline.png --json";
    let found = run(&mut place.bare(&split(line))).ok().json();
    assert_eq!(place.files(), ["roofline.png"]);
    assert_eq!(size(&place.path("roofline.png")), (1600, 1000));
    assert_eq!(found["weights"], "synthetic");
    let layers = found["layers"].as_array().unwrap();
    let count: u64 = layers.iter().map(|l| l["count"].as_u64().unwrap()).sum();
    assert_eq!(count, 53);
    for layer in layers {
        assert_eq!(keys(layer), ["name", "count", "shape", "macs", "forward", "dgrad"]);
        for pass in ["forward", "dgrad"] {
            let found: &Value = &layer[pass];
            assert!(number(&found["ms_median"]) > 0.0 && number(&found["flop_per_byte"]) > 1.0, "{layer}");
            assert!(number(&found["error"]) <= 1e-4 && number(&found["percent_of_roof"]) > 0.0, "{layer}");
            let (executed, nominal) = (found["executed_macs"].as_u64().unwrap(), layer["macs"].as_u64().unwrap());
            assert!(0 < executed && executed <= nominal, "{layer}");
            assert_eq!(executed < nominal, found["algorithm"] == "winograd", "{layer}");
        }
    }
    assert!(layers.iter().any(|layer| layer["dgrad"]["algorithm"] == "winograd"));
}

#[test]
fn without_weights_it_draws_its_own_and_fetches_nothing() {
    let place = Place::new();
    let text = run(&mut place.bare(&split("bench --quick --forward --engine cpu"))).ok().out;
    for words in ["weights: synthetic", "roof:", "GFLOP/s nominal", "% of roof", "error", "one run each"] {
        assert!(text.contains(words), "no `{words}`: {text}");
    }
    assert!(!place.path("cache").exists());
}

#[test]
fn what_cannot_be_measured_is_said_before_anything_is() {
    let place = Place::new();
    place.run("bench --layers --engine reference").fails(2, &["--engine cpu"]);
    place.run("bench --plot x.png --precision half").fails(2, &["f32"]);
    place.run("bench --batch 0").fails(2, &["--batch", "1..=4096"]);
    place.run("bench --threads 0").fails(2, &["--threads"]);
    place.run("bench --precision f64 --engine cpu --gradient --quick").fails(1, &["f64", "f32"]);
    place.run("bench --plot no/such/folder/x.png").fails(1, &["x.png", "cannot write"]);
    fs::create_dir(place.path("folder")).unwrap();
    place.run("bench --plot folder").fails(1, &["folder"]);
    place.run("bench --weights none.safetensors").fails(1, &["none.safetensors"]);
}

#[test]
fn an_emulated_gpu_has_no_speed() {
    let place = Place::new();
    let stand_in = backlit_cuda_emu::library_dir();
    let mut command = place.command(&split("bench --quick --gradient --engine cuda"));
    run(command.env("LD_LIBRARY_PATH", &stand_in).env("BACKLIT_NVRTC_DIR", &stand_in)).fails(1, &["emulator"]);
}
