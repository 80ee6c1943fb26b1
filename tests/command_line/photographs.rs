//! Photographs that are not in this repository, if they are at hand, with what a float64 network says about them.

use std::path::PathBuf;

use backlit_testkit::compare::{median, relative_l2};
use backlit_testkit::golden::Golden;
use backlit_testkit::random::to_f64;

use crate::support::{Place, run};

/// `BACKLIT_PHOTOGRAPHS` is a folder of photographs, `BACKLIT_GOLDEN` one of golden files with the same names.
#[test]
fn a_folder_of_photographs_against_a_float64_network() {
    let folders = [std::env::var_os("BACKLIT_PHOTOGRAPHS"), std::env::var_os("BACKLIT_GOLDEN")];
    let [Some(photographs), Some(golden)] = folders.map(|f| f.map(PathBuf::from)) else {
        println!("SKIPPED: BACKLIT_PHOTOGRAPHS and BACKLIT_GOLDEN do not both name a folder");
        return;
    };
    let place = Place::new();
    let mut command = place.command(&["saliency", "--orientation", "stored", "--format", "safetensors", "--json"]);
    let manifest = run(command.arg(&photographs)).ok().json();
    let mut errors = Vec::new();
    for image in manifest["images"].as_array().unwrap() {
        let file = image["maps"][0]["files"]["safetensors"].as_str().unwrap();
        let stem = file.split('.').next().unwrap();
        let golden = Golden::open(&golden.join(format!("{stem}.safetensors")));
        let tensors = place.tensors(file);
        let error = |name: &str, key: &str| relative_l2(&to_f64(&tensors[name].1), &golden.values(key));
        let (logits, gradient, map) =
            (error("logits", "logits"), error("gradient", "grad_top1"), error("map", "smooth_sigma5"));
        println!("{stem}: logits {logits:.1e}, gradient {gradient:.1e}, map {map:.1e}");
        assert!(logits <= 2e-6, "{stem}: logits {logits}");
        assert!(gradient <= 1e-2, "{stem}: gradient {gradient}");
        assert!(map <= 5e-3, "{stem}: map {map}");
        errors.push(gradient);
    }
    let middle = median(&errors);
    println!("{} photographs: gradient error median {middle:.1e}", errors.len());
    assert!(middle <= 2e-3, "median gradient error {middle}");
}
