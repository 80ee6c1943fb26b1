//! What pictures show, and what they must say.

use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::support::{Place, number, size};

fn map(place: &Place, manifest: &str, image: usize) -> Value {
    place.json(manifest)["images"][image]["maps"][0].clone()
}

#[test]
fn a_shared_scale_is_the_same_for_all() {
    let place = Place::new();
    // The second photograph is nearly grey, and its map so much fainter.
    RgbImage::from_fn(64, 64, |x, y| Rgb([100 + (x * y % 3) as u8, 101, 102])).save(place.path("grey.png")).unwrap();
    for scale in ["image", "folder", "0.5"] {
        let out = format!("out-{scale}");
        let run = place.run(&format!("explain {{cat}} grey.png --scale {scale} -o {out} --target top1,285")).ok();
        assert!(run.out.contains("grey.explain.png") || run.out.contains("grey.gradient.285"), "{}", run.out);
        let maps: Vec<Value> = (0..2).map(|i| map(&place, &format!("{out}/manifest.json"), i)).collect();
        let ends = |m: &Value| (number(&m["scale"]["low"]), number(&m["scale"]["high"]));
        match scale {
            "image" => assert_ne!(ends(&maps[0]), ends(&maps[1])),
            "folder" => assert_eq!(ends(&maps[0]), ends(&maps[1])),
            _ => assert_eq!(ends(&maps[0]), (0.0, 0.5)),
        }
        for (map, mode) in maps.iter().zip([["image", "folder", "number"]; 2]) {
            assert!(mode.contains(&map["scale"]["mode"].as_str().unwrap()));
        }
        let (_, height) = size(&place.path(&format!("{out}/chelsea.gradient.285.explain.png")));
        assert_eq!(height > 300, scale != "image", "a scale that means values comes with a legend");
    }
    for bad in ["0", "-1", "nan", "wide"] {
        place.run(&format!("explain {{cat}} --scale {bad}")).fails(2, &["--scale", "image, folder or a number"]);
    }
}

#[test]
fn clipping_is_recorded_and_changes_only_the_picture() {
    let place = Place::new();
    place.run("saliency {cat} --format png,npy -o plain").ok();
    place.run("saliency {cat} --format png,npy --clip 99 -o clipped").ok();
    let read = |file: &str| std::fs::read(place.path(file)).unwrap();
    assert!(read("plain/chelsea.gradient.285.npy") == read("clipped/chelsea.gradient.285.npy"));
    assert!(read("plain/chelsea.gradient.285.png") != read("clipped/chelsea.gradient.285.png"));
    let (plain, clipped) = (map(&place, "plain/manifest.json", 0), map(&place, "clipped/manifest.json", 0));
    assert_eq!((&plain["scale"]["clip"], &clipped["scale"]["clip"]), (&Value::Null, &99.0.into()));
    assert!(number(&clipped["scale"]["high"]) < number(&plain["scale"]["high"]));
    place.run("saliency {cat} --clip 40").fails(2, &["--clip", "above 50"]);
}

#[test]
fn signs() {
    let place = Place::new();
    for sign in ["abs", "pos", "neg", "all"] {
        place.run(&format!("explain {{cat}} --sign {sign} -o {sign}")).ok();
    }
    let params = |sign: &str| map(&place, &format!("{sign}/manifest.json"), 0);
    for (sign, modifier, colormap) in [
        ("abs", "absolute", "viridis"),
        ("pos", "relu", "viridis"),
        ("neg", "negative", "viridis"),
        ("all", "none", "bwr"),
    ] {
        let map = params(sign);
        assert_eq!(
            (&map["params"]["modifier"], &map["scale"]["colormap"]),
            (&modifier.into(), &colormap.into()),
            "{sign}"
        );
    }
    let all = params("all");
    assert_eq!((&all["params"]["reduce"], &all["params"]["normalize"]), (&"sum".into(), &false.into()));
    assert_eq!(number(&all["scale"]["low"]), -number(&all["scale"]["high"]));
    assert!(size(&place.path("all/chelsea.explain.png")).1 > 300, "with a legend");
    place.run("explain {cat} --sign all --modifier none").fails(2, &["--sign", "--modifier"]);
}

#[test]
fn a_map_near_zero_is_said_to_be_and_not_amplified() {
    let place = Place::new();
    // A class that the network all but rules out: the gradient of its probability.
    let run = place.run("saliency {cat} --score probability --target 404 --format png,npy --sigma 0");
    assert_eq!(run.code, 0, "{}", run.err);
    let map = map(&place, "manifest.json", 0);
    let span = number(&map["max"]) - number(&map["min"]);
    println!("span {span:.1e}");
    assert_eq!(map["near_zero"], Value::Bool(span < 1e-6));
    assert!(span < 1e-6 && run.err.contains("near zero") && run.err.contains("not amplified"), "{}", run.err);
    // On a scale 1e-6 wide.
    let width = number(&map["scale"]["high"]) - number(&map["scale"]["low"]);
    assert!((width - 1e-6).abs() < 1e-9, "{width}");
}

#[test]
fn methods_that_fail_the_sanity_check_say_so() {
    let place = Place::new();
    place.run("saliency {cat} --method gradient,guided,rectified --format json").ok();
    let maps = place.json("manifest.json")["images"][0]["maps"].clone();
    assert_eq!(maps[0]["caution"], Value::Null);
    for map in &maps.as_array().unwrap()[1..] {
        assert!(map["caution"].as_str().unwrap().contains("arXiv:1810.03292"), "{map}");
    }
}

#[test]
fn pictures_of_saliency_say_what_must_be_said() {
    let place = Place::new();
    place.run("saliency {cat} --method gradient,guided --cmap grey").ok();
    let picture = |name: &str| image::open(place.path(name)).unwrap().into_rgb8();
    assert_eq!(picture("chelsea.gradient.285.png").dimensions(), (224, 224));
    for (kind, (width, height)) in [("", (224, 224)), (".overlay", (451, 300))] {
        let marked = picture(&format!("chelsea.guided.285{kind}.png"));
        assert!(marked.width() == width && marked.height() > height + 10, "{:?}", marked.dimensions());
        let strip = (height..marked.height()).flat_map(|y| (0..width).map(move |x| (x, y)));
        assert!(strip.clone().any(|(x, y)| marked.get_pixel(x, y)[0] < 100), "words below the picture");
    }
    place.run("saliency {cat} --against top1 -o blank");
    assert!(picture("blank/chelsea.gradient.285-285.png").height() > 234, "a blank map says so");
}

#[test]
fn a_contrast_is_short_for_target_and_against() {
    let place = Place::new();
    place.run("saliency {cat} --contrast tabby 285 --format npy -o short").ok();
    place.run("saliency {cat} --target tabby --against 285 --format npy -o long").ok();
    let read = |folder: &str| std::fs::read(place.path(&format!("{folder}/chelsea.gradient.281-285.npy"))).unwrap();
    assert!(read("short") == read("long"));
    place.run("saliency {cat} --contrast tabby").fails(2, &["--contrast"]);
    place.run("saliency {cat} --contrast tabby 285 --target 3").fails(2, &["--contrast", "--target"]);
}

#[test]
fn other_tools_defaults() {
    let place = Place::new();
    for (tool, modifier, reduce) in
        [("captum", "absolute", "sum"), ("pair", "absolute", "sum"), ("tf-keras-vis", "absolute", "max")]
    {
        place.run(&format!("saliency {{cat}} --compat {tool} --format json -o {tool}")).ok();
        let params = map(&place, &format!("{tool}/manifest.json"), 0)["params"].clone();
        assert_eq!(
            (&params["compat"], &params["modifier"], &params["reduce"], &params["sigma"]),
            (&tool.into(), &modifier.into(), &reduce.into(), &0.0.into())
        );
    }
    for (line, says) in [
        ("--compat captum --method layercam", &["captum has no --method layercam", "gradcam"][..]),
        ("--compat torchcam", &["torchcam has no --method gradient", "layercam"]),
        ("--compat keras-vis-0.4.1 --method gradcam", &["keras-vis-0.4.1", "gradcam"]),
        ("--compat lime", &["lime", "captum, pair"]),
    ] {
        place.run(&format!("saliency {{cat}} {line}")).fails(2, says);
    }
}
