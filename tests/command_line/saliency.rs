//! `backlit saliency`: its files, and their numbers against a float64 network.

use std::fs::{self, File};

use backlit_testkit::compare::{correlation, relative_l2};
use backlit_testkit::random::to_f64;

use crate::support::{Place, chelsea, golden, keys, size};

#[test]
fn all_formats_hold_what_they_promise() {
    let place = Place::new();
    let run = place.run("saliency {cat} --format png,npy,safetensors,json").ok();
    let stem = "chelsea.gradient.285";
    let files = ["json", "npy", "overlay.png", "png", "safetensors"].map(|kind| format!("{stem}.{kind}"));
    assert_eq!(place.files(), [&files[..], &["manifest.json".into()]].concat());
    assert!(files.iter().all(|f| run.out.contains(f)), "{}", run.out);
    assert_eq!(size(&place.path(&files[3])), (224, 224));
    assert_eq!(size(&place.path(&files[2])), size(&chelsea()));

    let tensors = place.tensors(&files[4]);
    let shapes: Vec<_> = tensors.iter().map(|(name, (shape, _))| (name.as_str(), shape.as_slice())).collect();
    assert_eq!(shapes, [("gradient", &[224, 224, 3][..]), ("logits", &[1000]), ("map", &[224, 224])]);
    let (golden, found) = (golden(), |name: &str| to_f64(&tensors[name].1));
    for (name, key, tolerance) in
        [("logits", "logits", 2e-6), ("gradient", "grad_top1", 1e-2), ("map", "smooth_sigma5", 1e-3)]
    {
        let error = relative_l2(&found(name), &golden.values(key));
        assert!(error <= tolerance, "{name}: {error}");
    }

    let npy = npyz::NpyFile::new(File::open(place.path(&files[1])).unwrap()).unwrap();
    assert_eq!((npy.shape(), npy.order()), (&[224, 224][..], npyz::Order::C));
    assert!(npy.into_vec::<f32>().unwrap() == tensors["map"].1, "the .npy file holds the same map");

    let own = place.json(&files[0]);
    let manifest = place.json("manifest.json");
    assert_eq!(manifest["command"], "saliency");
    assert_eq!(manifest["preprocess"]["channel_order"], "bgr");
    let record = &manifest["images"][0]["maps"][0];
    for key in keys(record) {
        assert_eq!(own[key], record[key], "{key}");
    }
    assert_eq!(own["predictions"], manifest["images"][0]["predictions"]);
    assert_eq!(keys(&own["files"]).len(), 5);
}

#[test]
fn every_method_and_target_against_a_float64_network() {
    let place = Place::new();
    place.run("saliency {cat} --method gradient,guided,relu --target top1,top2 --sigma 0 --format safetensors").ok();
    let golden = golden();
    for (file, key) in [
        ("gradient.285", "grad_top1"),
        ("gradient.282", "grad_second"),
        ("guided.285", "grad_guided"),
        ("rectified.285", "grad_rectified"),
    ] {
        let tensors = place.tensors(&format!("chelsea.{file}.safetensors"));
        let error = relative_l2(&to_f64(&tensors["gradient"].1), &golden.values(key));
        assert!(error <= 1e-2, "{key}: {error}");
        if file == "gradient.285" {
            let error = relative_l2(&to_f64(&tensors["map"].1), &golden.values("kerasvis_saliency"));
            assert!(error <= 1e-2, "unsmoothed map: {error}");
        }
    }
}

#[test]
fn raw_values_are_the_gradient_itself() {
    let place = Place::new();
    place.run("saliency {cat} --raw --modifier none --reduce none --sigma 0 --format npy,safetensors").ok();
    let tensors = place.tensors("chelsea.gradient.285.safetensors");
    assert_eq!(tensors["map"].0, [224, 224, 3]);
    assert!(tensors["map"].1 == tensors["gradient"].1);
    let npy = npyz::NpyFile::new(File::open(place.path("chelsea.gradient.285.npy")).unwrap()).unwrap();
    assert_eq!(npy.shape(), [224, 224, 3]);
    assert_eq!(place.json("manifest.json")["images"][0]["maps"][0]["params"]["normalize"], false);
}

#[test]
fn signed_maps_are_drawn_about_zero() {
    let place = Place::new();
    place.run("saliency {cat} --raw --modifier none --reduce sum --cmap bwr --format png,safetensors").ok();
    let map = &place.tensors("chelsea.gradient.285.safetensors")["map"].1;
    let picture = image::open(place.path("chelsea.gradient.285.png")).unwrap().into_rgb8();
    let peak = map.iter().fold(0f32, |peak, v| peak.max(v.abs()));
    let (mut red, mut blue) = (0, 0);
    for (value, pixel) in map.iter().zip(picture.pixels()) {
        // Of two opposite colours the sign alone decides which; the middle one of 256 has to take one side.
        if *value > 0.01 * peak {
            assert!(pixel[0] > pixel[2], "{value}: {pixel:?}");
        } else if *value < -0.01 * peak {
            assert!(pixel[2] > pixel[0], "{value}: {pixel:?}");
        }
        red += usize::from(pixel[0] > pixel[2]);
        blue += usize::from(pixel[2] > pixel[0]);
    }
    assert!(red > 5000 && blue > 5000, "{red} red, {blue} blue");
}

/// The picture of the published tool, byte for byte but where the last bit of the gradient decides.
#[test]
fn keras_vis_is_repeated() {
    let place = Place::new();
    place.run("saliency {cat} --compat keras-vis-0.4.1 --format png,safetensors").ok();
    let golden = golden();
    let map = &place.tensors("chelsea.gradient.285.safetensors")["map"].1;
    assert!(map.iter().all(|v| v.fract() == 0.0 && (0.0..=255.0).contains(v)));
    let map: Vec<u8> = map.iter().map(|&v| v as u8).collect();
    nearly_equal("map", &map, &golden.bytes("post_smooth_u8"), 3);
    let picture = image::open(place.path("chelsea.gradient.285.png")).unwrap().into_rgb8();
    nearly_equal("png", picture.as_raw(), &golden.bytes("kerasvis_heatmap_u8"), 8);
    assert_eq!(place.json("manifest.json")["images"][0]["maps"][0]["params"]["compat"], "keras-vis-0.4.1");
}

/// At most one byte in a hundred differs, none by more than `most`.
fn nearly_equal(what: &str, found: &[u8], expected: &[u8], most: u8) {
    assert_eq!(found.len(), expected.len());
    let differing = found.iter().zip(expected).filter(|(f, e)| f != e).count();
    let worst = found.iter().zip(expected).map(|(f, e)| f.abs_diff(*e)).max().unwrap();
    println!("{what}: {differing} of {} bytes differ, by at most {worst}", found.len());
    assert!(worst <= most && differing * 100 <= found.len(), "{what}: {differing} bytes differ, by up to {worst}");
}

#[test]
fn colormaps_opacity_and_resampling_change_the_picture() {
    let place = Place::new();
    place.run("saliency {cat} -o plain").ok();
    place.run("saliency {cat} -o inferno --cmap inferno --alpha 0").ok();
    place
        .run("saliency {cat} -o crop --resize crop --filter bicubic --format png,safetensors --modifier small-values")
        .ok();
    let picture = |folder: &str, kind: &str| {
        image::open(place.path(&format!("{folder}/chelsea.gradient.285{kind}.png"))).unwrap().into_rgb8()
    };
    assert!(picture("plain", "") != picture("inferno", ""));
    // No opacity at all leaves the photograph.
    assert!(picture("inferno", ".overlay") == image::open(chelsea()).unwrap().into_rgb8());
    assert!(picture("plain", ".overlay") != picture("inferno", ".overlay"));
    let manifest = place.json("crop/manifest.json");
    assert_eq!(
        (&manifest["preprocess"]["resize"], &manifest["preprocess"]["filter"]),
        (&"crop".into(), &"bicubic".into())
    );
    assert_eq!(manifest["images"][0]["maps"][0]["params"]["modifier"], "small_values");
    // The photograph is seen whole either way, and the cat in it.
    assert_eq!(picture("crop", ".overlay").dimensions(), (451, 300));
    let logits = to_f64(&place.tensors("crop/chelsea.gradient.285.safetensors")["logits"].1);
    let similar = correlation(&logits, &golden().values("logits"));
    assert!((0.7..0.9999).contains(&similar), "a cropped cat is a cat, but not the same picture: {similar}");
    assert!(fs::metadata(place.path("crop/chelsea.gradient.285.png")).unwrap().len() > 0);
}
