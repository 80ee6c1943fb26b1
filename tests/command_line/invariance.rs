//! What must not change a result: batches, threads, the order of photographs, another run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::LazyLock;

use backlit_net::Variant;
use backlit_net::files::sha256;
use backlit_net::weights::Naming;
use backlit_testkit::synthetic::weights_bytes;

use crate::support::{Place, number};

/// All files of a run but the manifest, which names the photographs in their order.
fn results(arguments: &str) -> BTreeMap<String, Vec<u8>> {
    let place = Place::new();
    place.run(&format!("saliency {arguments} --format png,npy,safetensors --target top1,top2")).ok();
    let files = place.files().into_iter().filter(|f| f != "manifest.json");
    files.map(|f| (f.clone(), fs::read(place.path(&f)).unwrap())).collect()
}

#[test]
fn batches_threads_order_and_repetition_change_no_byte() {
    let expected = results("{cat} {mirrored} --batch 8 --threads 2");
    assert_eq!(expected.len(), 2 * 2 * 4);
    for arguments in [
        "{cat} {mirrored} --batch 8 --threads 2",
        "{mirrored} {cat} --batch 8 --threads 1",
        "{mirrored} {cat} --batch 1 --threads 2",
    ] {
        let found = results(arguments);
        assert!(found.keys().eq(expected.keys()), "{arguments}");
        for (file, bytes) in &found {
            assert!(*bytes == expected[file], "{arguments}: {file} differs");
        }
    }
}

/// A network of random numbers in which nothing speaks for class 7: no weight of it is positive.
static RANDOM: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bytes = weights_bytes(Variant::V1, Naming::Keras, 5);
    // The head comes last: its matrix [2048, 1000], then its bias [1000].
    let head = bytes.len() - 4 * (2048 + 1) * 1000;
    for row in 0..2048 {
        let at = head + 4 * (row * 1000 + 7);
        let weight = f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        bytes[at..at + 4].copy_from_slice(&(-weight.abs()).to_le_bytes());
    }
    bytes
});

const METHODS: &str = "--method gradient,smoothgrad,ig,gradcam,occlusion,rise --samples 9 --steps 3 --stride 112 \
                       --patch 112 --settled 0";

#[test]
fn maps_are_the_same_bytes_for_any_batch_threads_and_order() {
    let place = Place::new();
    place.write("random.safetensors", &RANDOM);
    let run = |images: &str, how: &str| -> BTreeMap<String, String> {
        place.run(&format!("saliency {images} --weights random.safetensors {METHODS} {how} --format npy -o out")).ok();
        let maps = place.files().into_iter().filter(|f| f.ends_with(".npy"));
        let found: BTreeMap<_, _> = maps.map(|f| (f.clone(), sha256(&fs::read(place.path(&f)).unwrap()))).collect();
        fs::remove_dir_all(place.path("out")).unwrap();
        found
    };
    let expected = run("{cat} {mirrored}", "--batch 1 --threads 1");
    assert_eq!(expected.len(), 2 * (6 + 1), "a map each, and the coarse map of gradcam");
    assert_eq!(expected.values().collect::<BTreeSet<_>>().len(), expected.len(), "no two maps are the same");
    assert_eq!(run("{mirrored} {cat}", "--batch 7 --threads 2"), expected);
    assert_eq!(run("{cat} {mirrored}", "--batch 64 --threads 16"), expected);
}

#[test]
fn maps_with_nothing_in_them_hold_numbers_all_the_same() {
    let place = Place::new();
    place.write("random.safetensors", &RANDOM);
    image::RgbImage::from_pixel(64, 48, image::Rgb([104, 117, 124])).save(place.path("constant.png")).unwrap();
    for (line, blank) in [
        // One colour everywhere.
        (format!("constant.png {METHODS}"), None),
        // All-negative class activation maps, cut at zero and not.
        ("constant.png {cat} --method gradcam,gradcam++,hirescam,xgradcam,layercam --target 7".into(), None),
        ("{cat} --method gradcam --target 7".into(), Some(true)),
        ("{cat} --method gradcam --target 7 --no-relu".into(), Some(false)),
        // A class compared with itself: zero everywhere.
        (
            "{cat} --method gradient,smoothgrad,gradcam,occlusion --samples 2 --patch 112 --stride 112 --against top1"
                .into(),
            Some(true),
        ),
    ] {
        let run =
            place.run(&format!("saliency {line} --weights random.safetensors --format png,npy,json --locate -o out"));
        assert_eq!(run.code, 0, "{line}: {}", run.err);
        let files: Vec<String> = place.files().into_iter().filter(|f| f.starts_with("out/")).collect();
        for file in files.iter().filter(|f| f.ends_with(".npy")) {
            let array = npyz::NpyFile::new(fs::File::open(place.path(file)).unwrap()).unwrap();
            assert!(array.into_vec::<f32>().unwrap().iter().all(|v| v.is_finite()), "{line}: {file}");
        }
        for file in files.iter().filter(|f| f.ends_with(".json") && *f != "out/manifest.json") {
            let map = place.json(file);
            // JSON has no NaN: it would be null.
            for value in [&map["min"], &map["max"], &map["scale"]["low"], &map["scale"]["high"]] {
                number(value);
            }
            assert_eq!(map["blank"], blank.unwrap_or(map["blank"] == true), "{line}: {file}");
            assert_eq!(map["location"]["box"].is_null(), map["blank"] == true, "{line}: {file}");
        }
        fs::remove_dir_all(place.path("out")).unwrap();
    }
}
