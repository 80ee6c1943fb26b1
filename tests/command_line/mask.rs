//! `backlit mask`.

use std::fs;

use image::{GrayImage, Luma};

use crate::support::{Place, keys, number, size};

/// A mask whose object is the left half.
fn left_half(place: &Place, name: &str) {
    let mask = GrayImage::from_fn(90, 60, |x, _| Luma([if x < 45 { 255 } else { 0 }]));
    mask.save(place.path(name)).unwrap();
}

#[test]
fn all_kinds_of_regions_and_fills_together() {
    let place = Place::new();
    left_half(&place, "left.png");
    let regions = "--hide 32:55,116:146 --keep :,-112: --box 50,50,200,150 --mask left.png";
    let printed = place.run(&format!("mask {{cat}} {regions} --fill black,blur --json -o out")).ok().json();
    assert_eq!(place.files(), ["left.png", "out/chelsea.mask.png", "out/manifest.json"]);
    let (width, height) = size(&place.path("out/chelsea.mask.png"));
    assert!(width >= 700 && height >= 13 * 200, "{width} x {height}");
    let manifest = place.json("out/manifest.json");
    assert_eq!(printed, manifest);
    let image = &manifest["images"][0];
    assert_eq!(keys(image), ["image", "image_sha256", "class_idx", "predictions", "variants", "files"]);
    assert_eq!((&image["class_idx"], &image["files"]), (&285.into(), &serde_json::json!(["chelsea.mask.png"])));
    let variants = image["variants"].as_array().unwrap();
    // The untouched picture, one hidden, one kept, and a box and a mask tried both ways, each with two fills.
    assert_eq!(variants.len(), 1 + 6 * 2);
    for variant in variants {
        assert_eq!(variant["original"]["class_idx"], 285);
        assert!(number(&variant["original"]["logit"]).is_finite());
        let (top, own) = (&variant["top1"], &variant["original"]);
        assert!(number(&top["probability"]) >= number(&own["probability"]));
        assert_eq!(variant["survives"], top["class_idx"] == own["class_idx"]);
        assert_eq!(variant["predictions"].as_array().unwrap().len(), 5);
    }
    let probability = |name: &str| {
        let variant = variants.iter().find(|v| v["name"] == name).unwrap_or_else(|| panic!("{name}"));
        number(&variant["original"]["probability"])
    };
    // A patch of fur hardly matters.
    assert!(probability("original") >= 0.95 && probability("hide 32:55,116:146, black") >= 0.9);
    assert!(probability("keep left.png, blur") < probability("original"));
}

#[test]
fn the_table_compares_original_and_variants() {
    let place = Place::new();
    let run = place.run("mask {cat} --hide 32:55,116:146 --box 0,0,40,30 --fill mean").ok();
    let lines: Vec<&str> = run.out.lines().collect();
    assert!(lines[0].ends_with("chelsea.png") && lines[1].starts_with("variant "), "{}", run.out);
    assert!(lines[1].contains("rank  followed class") && lines[1].contains("best class"), "{}", run.out);
    let names = ["original ", "hide 32:55,116:146, mean ", "hide box 0,0,40,30, mean ", "keep box 0,0,40,30, mean "];
    for (line, name) in lines[2..].iter().zip(names) {
        assert!(line.starts_with(name) && line.contains("  Egyptian_cat  "), "{line}");
    }
    let cells: Vec<&str> = lines[2].split_whitespace().collect();
    assert_eq!(cells, ["original", "1", "Egyptian_cat", "16.617", "0.9580", "Egyptian_cat", "16.617", "0.9580"]);
    assert!(lines[6].starts_with("wrote ") && lines[6].ends_with("chelsea.mask.png"), "{}", run.out);
}

#[test]
fn another_class_can_be_followed() {
    let place = Place::new();
    let run = place.run("mask {cat} --keep 0:112,0:224 --target tabby --top 2 --json").ok().json();
    let variant = &run["images"][0]["variants"][1];
    assert_eq!((&variant["name"], &variant["original"]["label"]), (&"keep 0:112,0:224".into(), &"tabby".into()));
    assert_eq!(variant["predictions"].as_array().unwrap().len(), 2);
}

#[test]
fn what_cannot_be_masked_is_refused() {
    let place = Place::new();
    let refused = |arguments: &str, code: i32, says: &[&str]| {
        place.run(&format!("mask {{cat}} {arguments}")).fails(code, says);
        assert_eq!(place.files(), [""; 0], "{arguments}");
    };
    refused("", 2, &["--hide", "--box"]);
    refused("--box 500,10,20,20 -o out", 1, &["chelsea.png", "box 500,10,20,20", "451 x 300"]);
    refused("--box 0,0,0,5", 2, &["--box", "width and height above 0"]);
    refused("--box 1,2,3", 2, &["X,Y,WIDTH,HEIGHT"]);
    refused("--box 5,5,20,20 --resize crop -o out", 1, &["crop"]);
    refused("--hide 10", 2, &["ROWS,COLUMNS"]);
    refused("--hide 50:40,0:10", 2, &["selects nothing", "rows"]);
    refused("--keep 0:10,a:b", 2, &["0:10,a:b"]);
    refused("--hide 0:9:2,1:2", 2, &["0:9:2,1:2"]);
    refused("--hide 0:9,0:9 --fill pink", 2, &["pink", "black", "mean", "blur"]);
    refused("--mask nowhere.png", 1, &["nowhere.png", "no such file"]);
}

#[test]
fn a_mask_without_an_object_is_refused() {
    let place = Place::new();
    GrayImage::new(30, 20).save(place.path("black.png")).unwrap();
    place.run("mask {cat} --mask black.png -o out").fails(1, &["marks nothing"]);
    assert_eq!(place.files(), ["black.png"]);
}

/// The published photograph of the experiment, if it is at hand: it may not be in this repository.
#[test]
fn the_basketball_survives_without_the_ball() {
    let folder = std::env::var_os("BACKLIT_PHOTOGRAPHS").map(std::path::PathBuf::from);
    let Some(photo) = folder.map(|f| f.join("basketball.jpg")).filter(|p| fs::metadata(p).is_ok()) else {
        println!("SKIPPED: BACKLIT_PHOTOGRAPHS names no folder with basketball.jpg");
        return;
    };
    let place = Place::new();
    let photo = photo.to_str().unwrap();
    let arguments =
        ["mask", photo, "--hide", "32:55,116:146", "--keep", "32:55,116:146", "--target", "basketball", "--json"];
    let found = crate::support::run(&mut place.command(&arguments)).ok().json();
    let variants = found["images"][0]["variants"].as_array().unwrap().clone();
    let found: Vec<f64> = variants.iter().map(|v| number(&v["original"]["probability"])).collect();
    println!("basketball: untouched {:.4}, hidden {:.4}, kept {:.5}", found[0], found[1], found[2]);
    for (found, expected, tolerance) in [(found[0], 0.989, 5e-4), (found[1], 0.978, 5e-4), (found[2], 0.0002, 5e-5)] {
        assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}");
    }
}
