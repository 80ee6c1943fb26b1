//! Frames one after another.

use std::fs::File;
use std::io::BufReader;

use image::codecs::gif::{GifDecoder, GifEncoder};
use image::{AnimationDecoder, Delay, Frame, RgbaImage};

use crate::support::{Place, chelsea, number, size};

/// Three frames: a photograph that moves to the left.
fn clip(place: &Place) {
    let photo =
        image::open(chelsea()).unwrap().resize_exact(150, 100, image::imageops::FilterType::Triangle).into_rgba8();
    let mut encoder = GifEncoder::new(File::create(place.path("clip.gif")).unwrap());
    for shift in [0u32, 10, 20] {
        let moved = RgbaImage::from_fn(150, 100, |x, y| *photo.get_pixel((x + shift) % 150, y));
        encoder.encode_frame(Frame::from_parts(moved, 0, 0, Delay::from_numer_denom_ms(200, 1))).unwrap();
    }
}

fn frames(place: &Place, name: &str) -> Vec<(u32, (u32, u32))> {
    let file = BufReader::new(File::open(place.path(name)).unwrap());
    let frames = GifDecoder::new(file).unwrap().into_frames().map(Result::unwrap);
    frames.map(|f| (f.delay().numer_denom_ms().0, f.buffer().dimensions())).collect()
}

#[test]
fn an_animation_becomes_one_with_a_fixed_scale() {
    let place = Place::new();
    clip(&place);
    place.run("explain clip.gif --animate gif --method gradient,gradcam -o out").ok();
    let gifs = ["animation.gradcam.top1.gif", "animation.gradient.top1.gif"];
    assert_eq!(
        place.files(),
        ["clip.gif".to_owned(), format!("out/{}", gifs[0]), format!("out/{}", gifs[1]), "out/manifest.json".into()]
    );
    for gif in gifs {
        let found = frames(&place, &format!("out/{gif}"));
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|f| *f == found[0] && f.0 == 200), "{found:?}");
    }
    let manifest = place.json("out/manifest.json");
    let scales: Vec<f64> = (0..3).map(|i| number(&manifest["images"][i]["maps"][0]["scale"]["high"])).collect();
    assert!(scales.iter().all(|s| *s == scales[0]), "{scales:?}");
    assert_eq!(manifest["images"][1]["image"], "clip.gif, frame 2");
}

#[test]
fn a_numbered_sequence() {
    let place = Place::new();
    place.run("saliency {cat} {mirrored} --animate png --target 285 -o out").ok();
    let files = ["out/animation.gradient.285-00001.png", "out/animation.gradient.285-00002.png"];
    assert_eq!(place.files(), [files[0], files[1], "out/manifest.json"]);
    assert_eq!(size(&place.path(files[0])), size(&place.path(files[1])));
    place.run("saliency {cat} --fps 5").fails(2, &["--animate"]);
}
