//! `backlit compare`.

use backlit_net::Variant;
use backlit_net::weights::Naming;
use backlit_testkit::synthetic::weights_bytes;

use crate::support::{Place, number, size};

#[test]
fn methods_by_classes_on_one_sheet() {
    let place = Place::new();
    let run = place.run("compare {cat} --methods gradient,guided,gradcam --targets top1,tabby -o out").ok();
    assert_eq!(place.files(), ["out/chelsea.compare.png", "out/manifest.json"]);
    let (width, height) = size(&place.path("out/chelsea.compare.png"));
    assert!(width > 3 * 224 && height > 2 * 150, "{width} x {height}");
    let image = place.json("out/manifest.json")["images"][0].clone();
    assert_eq!(image["maps"].as_array().unwrap().len(), 6);
    let names = image["correlation"]["maps"].as_array().unwrap().clone();
    assert_eq!((&names[0], &names[5]), (&"gradient, Egyptian_cat".into(), &"gradcam, tabby".into()));
    let matrix = image["correlation"]["matrix"].as_array().unwrap();
    for i in 0..6 {
        assert!((number(&matrix[i][i]) - 1.0).abs() < 1e-9);
        for j in 0..6 {
            assert_eq!(matrix[i][j], matrix[j][i]);
            assert!(number(&matrix[i][j]).abs() <= 1.0);
        }
    }
    // Guided backpropagation hardly knows the class.
    assert!(number(&matrix[2][3]) > 0.9, "{}", matrix[2][3]);
    assert!(run.out.contains("rank correlation") && run.out.contains("gradcam, tabby"), "{}", run.out);
}

/// Relevance asks for the shifts before normalisation, which are kept only for it.
#[test]
fn relevance_is_among_the_methods() {
    let place = Place::new();
    place.write("w.safetensors", &weights_bytes(Variant::V1, Naming::Torchvision, 7));
    let run = place.run("compare {cat} --methods gradient,lrp --weights w.safetensors --json -o out").ok();
    let maps = run.json()["images"][0]["maps"].as_array().unwrap().clone();
    assert_eq!(maps.iter().map(|m| m["method"].clone()).collect::<Vec<_>>(), ["gradient", "lrp"]);
}

#[test]
fn one_map_compares_with_nothing() {
    let place = Place::new();
    place.run("compare {cat} --methods gradcam").fails(2, &["--methods", "--targets"]);
}
