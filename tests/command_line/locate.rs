//! `--locate`: the box and the seeds that a map gives.

use crate::support::{Place, chelsea, keys, number, size};

#[test]
fn the_cat_is_found_and_marked() {
    let place = Place::new();
    place.run("saliency {cat} --method gradcam -o plain").ok();
    let run = place.run("saliency {cat} --method gradcam --locate --format png,json -o marked").ok();
    let read = |name: &str| std::fs::read(place.path(name)).unwrap();
    let (map, overlay) = ("chelsea.gradcam.285.png", "chelsea.gradcam.285.overlay.png");
    assert!(read(&format!("plain/{map}")) == read(&format!("marked/{map}")), "the map itself is left alone");
    assert!(read(&format!("plain/{overlay}")) != read(&format!("marked/{overlay}")), "the box is drawn");

    let (plain, record) = (place.json("plain/manifest.json"), place.json("marked/manifest.json"));
    assert!(plain["images"][0]["maps"][0]["location"].is_null());
    let found = &record["images"][0]["maps"][0]["location"];
    assert_eq!(keys(found), ["share", "box", "box_224", "pixels_224", "seeds"]);
    assert_eq!(found["share"], 0.15);
    assert_eq!(place.json("marked/chelsea.gradcam.285.json")["location"], *found);
    let numbers = |key: &str| [0, 1, 2, 3].map(|i| number(&found[key][i]));
    let ([x, y, w, h], [left, top, columns, rows]) = (numbers("box"), numbers("box_224"));
    // The photograph is 451 x 300, stretched; both name the same place.
    for (photograph, grid, side) in [(x, left, 451.0), (w, columns, 451.0), (y, top, 300.0), (h, rows, 300.0)] {
        assert!((photograph - grid * side / 224.0).abs() <= 1e-9, "{found}");
    }
    assert!(w > 100.0 && h > 100.0 && x + w <= 451.0 + 1e-9 && y + h <= 300.0 + 1e-9, "{found}");
    assert!(number(&found["pixels_224"]) <= columns * rows);
    assert!(run.out.contains(&format!("gradcam: box {x:.0},{y:.0},{w:.0},{h:.0}")), "{}", run.out);

    let seeds = image::open(place.path("marked/chelsea.gradcam.285.seeds.png")).unwrap().into_luma8();
    let count = |tone: u8| seeds.pixels().filter(|p| p[0] == tone).count() as f64;
    assert_eq!(count(255), number(&found["seeds"]["foreground"]));
    assert_eq!(count(0), number(&found["seeds"]["background"]));
    assert!((count(255) / 50176.0 - 0.05).abs() < 0.001, "5 % are above the 95 % quantile");
}

#[test]
fn a_larger_share_gives_a_smaller_box_and_explain_draws_it_too() {
    let place = Place::new();
    let area = |arguments: &str, folder: &str| {
        place.run(&format!("explain {{cat}} --method gradcam {arguments} -o {folder}")).ok();
        let location = place.json(&format!("{folder}/manifest.json"))["images"][0]["maps"][0]["location"].clone();
        number(&location["box"][2]) * number(&location["box"][3])
    };
    assert!(area("--locate=0.8", "strict") < area("--locate", "wide"));
    let read = |folder: &str| std::fs::read(place.path(&format!("{folder}/chelsea.explain.png"))).unwrap();
    assert!(read("strict") != read("wide"));
    assert_eq!(size(&place.path("wide/chelsea.explain.png")).0, 2 * size(&chelsea()).0);
}

#[test]
fn what_cannot_be_located_is_refused() {
    let place = Place::new();
    place.run("explain {cat} --locate=0").fails(2, &["--locate", "above 0 and at most 1"]);
    place.run("explain {cat} --locate=1.5").fails(2, &["--locate", "above 0 and at most 1"]);
    place.run("saliency {cat} --locate --reduce none").fails(2, &["--locate", "one channel"]);
    assert_eq!(place.files(), [""; 0]);
}
