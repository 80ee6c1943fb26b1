//! Photographs that are none: each is named in one line, and the others are done.

use std::fs;
use std::time::{Duration, Instant};

use flate2::Crc;
use image::{ImageFormat, Rgb, RgbImage};
use libjpeg_turbo_rs::{Encoder, PixelFormat};

use crate::support::{Place, chelsea, size, split};

/// A JPEG of grey pixels.
fn jpeg(width: usize, height: usize) -> Vec<u8> {
    let pixels: Vec<u8> = (0..width * height * 3).map(|i| (i * i % 251) as u8).collect();
    Encoder::new(&pixels, width, height, PixelFormat::Rgb).quality(90).encode().unwrap()
}

/// A chunk of a PNG.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(kind);
    crc.update(data);
    [&(data.len() as u32).to_be_bytes()[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

/// Files that announce a picture of 30,000 x 30,000 pixels: 2.7 GB of them.
fn bombs() -> [(&'static str, Vec<u8>); 3] {
    const SIDE: u32 = 30_000;
    let header = chunk(b"IHDR", &[&SIDE.to_be_bytes()[..], &SIDE.to_be_bytes(), &[8, 2, 0, 0, 0]].concat());
    let data = chunk(b"IDAT", &[0x78, 0x9c, 3, 0, 0, 0, 0, 1]);
    let png = [b"\x89PNG\r\n\x1a\n".to_vec(), header, data, chunk(b"IEND", &[])].concat();
    let mut jpeg = jpeg(8, 8);
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).expect("a baseline frame");
    let side = (SIDE as u16).to_be_bytes();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[side, side].concat());
    let mut bmp = std::io::Cursor::new(Vec::new());
    RgbImage::new(1, 1).write_to(&mut bmp, ImageFormat::Bmp).unwrap();
    let mut bmp = bmp.into_inner();
    bmp[18..26].copy_from_slice(&[SIDE.to_le_bytes(), SIDE.to_le_bytes()].concat());
    [("bomb.png", png), ("bomb.jpg", jpeg), ("bomb.bmp", bmp)]
}

#[test]
fn each_is_told_in_one_line_and_leaves_nothing() {
    let place = Place::new();
    let png = fs::read(chelsea()).unwrap();
    let jpeg = jpeg(300, 200);
    let mut cases = vec![
        ("empty.png", Vec::new(), "empty"),
        ("cut.png", png[..png.len() / 2].to_vec(), "truncated"),
        ("cut.jpg", jpeg[..jpeg.len() / 2].to_vec(), "truncated"),
        ("text.jpg", b"This is a text, whatever its name says.\n".to_vec(), "expected JPEG, PNG"),
        ("page.png", b"<!DOCTYPE html><html><body>404</body></html>".to_vec(), "expected JPEG, PNG"),
        ("signature.png", png[..8].to_vec(), "PNG"),
        ("zeros.gif", vec![0; 4096], "expected JPEG, PNG"),
    ];
    cases.extend(bombs().map(|(name, bytes)| (name, bytes, "30000 x 30000 pixels are too many")));
    for (name, bytes, _) in &cases {
        place.write(name, bytes);
    }
    fs::create_dir(place.path("folder.png")).unwrap();
    let before = place.files();

    // One run tells them all, in their order, and is an error as nothing could be done.
    let names: Vec<&str> = cases.iter().map(|c| c.0).chain(["missing.png"]).collect();
    let run = place.run(&format!("explain {} -o out", names.join(" ")));
    assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", run.err);
    let lines: Vec<&str> = run.err.lines().collect();
    assert_eq!(lines.len(), names.len(), "{}", run.err);
    for (line, (name, says)) in
        lines.iter().zip(cases.iter().map(|c| (c.0, c.2)).chain([("missing.png", "no such file")]))
    {
        assert!(line.starts_with(&format!("error: {name}: ")) && line.contains(says), "{line}");
        assert!(line.len() <= 240, "{line}");
    }
    assert_eq!(place.files(), before, "no folder, no file");
    // Alone, each in the other commands.
    place.run("predict cut.jpg --json").fails_with_json(1, "truncated");
    place.run("saliency missing.png -o a/b/c").fails(1, &["missing.png: no such file"]);
    place.run("mask text.jpg --hide 0:9,0:9 -o out").fails(1, &["text.jpg", "expected JPEG"]);
    place.run("predict folder.png").fails(1, &["no photograph in folder.png"]);
    assert_eq!(place.files(), before, "no folder, no file");
}

#[test]
fn the_good_among_the_bad_are_done() {
    let place = Place::new();
    place.write("photos/a.png", b"no picture");
    place.write("photos/b.png", &fs::read(chelsea()).unwrap());
    for line in ["explain photos -o out", "mask photos --hide :9,:9 -o out", "predict photos"] {
        let run = place.run(line);
        assert_eq!((run.code, run.err.lines().count()), (3, 1), "{line}: {}", run.err);
        assert!(run.err.starts_with("error: photos/a.png: "), "{line}: {}", run.err);
        assert!(run.out.starts_with("photos/b.png\n") && run.out.contains("Egyptian_cat"), "{line}: {}", run.out);
        if line.ends_with("out") {
            let manifest = place.json("out/manifest.json");
            let images = manifest["images"].as_array().unwrap();
            assert_eq!((images.len(), &images[0]["image"]), (1, &"photos/b.png".into()), "{line}");
        }
    }
    let run = place.run("predict photos --json");
    assert_eq!((run.code, run.json()["images"].as_array().unwrap().len()), (3, 1));
    assert!(place.files().iter().all(|f| !f.contains("/a.") || f == "photos/a.png"), "{:?}", place.files());
}

#[test]
fn one_pixel_is_a_photograph() {
    let place = Place::new();
    RgbImage::from_pixel(1, 1, Rgb([200, 100, 50])).save(place.path("one.png")).unwrap();
    place.write("one.jpg", &jpeg(1, 1));
    place.run("explain one.png one.jpg --target 285 -o out").ok();
    assert!(size(&place.path("out/one.explain.png")).0 >= 448, "large enough to read");
    place.run("saliency one.png -o map").ok();
    place.run("mask one.png --keep :9,:9 -o mask").ok();
}

/// With less memory than the pixels would take, and at once.
#[cfg(target_os = "linux")]
#[test]
fn enormous_headers_cost_nothing() {
    let place = Place::new();
    for (name, bytes) in bombs() {
        place.write(name, &bytes);
        let command = place.command(&split(&format!("predict {name}")));
        let mut limited = std::process::Command::new("/bin/sh");
        limited
            .args(["-c", "ulimit -v 2500000; exec \"$0\" \"$@\""])
            .arg(command.get_program())
            .args(command.get_args());
        limited.current_dir(place.path("")).envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))));
        let start = Instant::now();
        crate::support::run(&mut limited).fails(1, &[name, "30000 x 30000"]);
        assert!(start.elapsed() <= Duration::from_secs(10), "{:?}", start.elapsed());
    }
}
