//! The structure of the page: always. What a browser makes of it is tested with the command line.

use std::fs;

use backlit_net::{CLASSES, SIDE};
use backlit_saliency::audit::{Audit, Doubt, FillRecord, Judgement, Object, ObjectFrom, Verdict};
use backlit_saliency::mask::Slices;
use backlit_saliency::{Map, Reading, SaliencyMap, Target};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::Picture;

fn reading(name: &str, logit: f32) -> Reading {
    let mut logits = vec![0f32; CLASSES];
    logits[430] = logit;
    Reading::new(name, &logits, 430, 5)
}

fn map() -> Map {
    Map { height: SIDE, width: SIDE, channels: 1, values: (0..SIDE * SIDE).map(|p| (p % SIDE) as f32).collect() }
}

fn judged() -> Audit {
    let region = "32:55,116:146".parse::<Slices>().unwrap().region();
    let record = FillRecord {
        fill: Fill::Black,
        hidden_keeps: 0.98,
        alone_keeps: 0.0,
        control_keeps: None,
        verdict: Verdict::ContextDriven,
        hidden: reading("hidden", 11.0),
        alone: reading("alone", -3.0),
        controls: vec![],
    };
    Audit {
        class_idx: 430,
        target: Target::TOP1,
        judgement: Judgement {
            verdict: Verdict::ContextDriven,
            confidence: 0.75,
            agreement: 1.0,
            context_reliance: Some(0.98),
            hidden_keeps: Some(0.98),
            alone_keeps: Some(0.0),
            ..Judgement::default()
        },
        original: reading("original", 12.0),
        object: Some(Object {
            from: ObjectFrom::Given,
            bounds: region.bounds(),
            pixels: region.area(),
            area_share: region.share(),
            saliency_share: Some(0.02),
            cam_share: None,
            region,
        }),
        controls: vec![],
        fills: vec![record],
        nothing: None,
        saliency: SaliencyMap { map: map(), raw_min: 0.0, raw_max: 1.0, blank: false },
        cam: map(),
    }
}

fn doubtful() -> Audit {
    let judgement = Judgement { doubt: Some(Doubt::NoBox), ..Judgement::default() };
    let blank = Map { values: vec![0.0; SIDE * SIDE], ..map() };
    Audit {
        judgement,
        object: None,
        fills: vec![],
        saliency: SaliencyMap { map: blank.clone(), raw_min: 0.0, raw_max: 0.0, blank: true },
        cam: blank,
        ..judged()
    }
}

/// Evil names, a photograph of 60 x 40 seen whole and one of which the middle is seen.
fn report(path: &Path) {
    let facts = vec![("Weights".into(), "</script><script>alert(1)</script>".into())];
    let mut report = Report::new(ReportHead { facts, fills: vec![Fill::Black] }, 2).unwrap();
    let photo = Picture::new(60, 40, (0..7200).map(|i| (i % 251) as u8).collect()).unwrap();
    let variant = vec![90u8; SIDE * SIDE * 3];
    let (one, two) = (judged(), doubtful());
    let whole = Frame { x: 0.0, y: 0.0, width: 60.0, height: 40.0 };
    let entry = ReportEntry {
        name: "a/<img src=x onerror=alert(1)>&\u{2028}\".jpg",
        photo: photo.view(),
        frame: whole,
        audit: &one,
        hidden: Some(&variant),
        alone: Some(&variant),
    };
    report.push(&entry).unwrap();
    let middle = Frame { x: 10.0, y: 0.0, width: 40.0, height: 40.0 };
    report
        .push(&ReportEntry { name: "b.png", frame: middle, audit: &two, hidden: None, alone: None, ..entry })
        .unwrap();
    assert_eq!((report.len(), report.is_empty()), (2, false));
    report.save(path).unwrap();
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).unwrap_or_else(|| panic!("no {from}")).1.split_once(to).unwrap().0
}

#[test]
fn one_file_that_holds_everything_and_asks_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("r.html"), folder.path().join("s.html"));
    report(&first);
    report(&second);
    let page = fs::read_to_string(&first).unwrap();
    assert_eq!(page, fs::read_to_string(&second).unwrap(), "the same bytes every time");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n") && !page.contains("{{"));
    for outside in ["src=\"", "<link", "@import", "url(", "fetch(", "XMLHttp", "innerHTML", "http://www.google"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("http").count(), 2, "the content policy's name and SVG's, which is no address");
    assert!(page.contains("default-src 'none'") && page.contains("prefers-color-scheme: dark"));
    assert_eq!(page.matches("<script").count(), 2 + 2, "data, code, and the pictures of two rows");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing beside it");
}

#[test]
fn numbers_and_pictures_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.html");
    report(&path);
    let page = fs::read_to_string(&path).unwrap();
    let json = between(&page, "id=\"data\">", "</script>");
    assert!(!json.contains(['<', '>', '&', '\u{2028}']), "{json}");
    let data: Value = serde_json::from_str(json).unwrap();
    let rows = data["rows"].as_array().unwrap();
    assert_eq!(data["facts"][0][1], "</script><script>alert(1)</script>");
    assert_eq!(rows[0]["image"], "a/<img src=x onerror=alert(1)>&\u{2028}\".jpg");
    assert_eq!((&rows[0]["verdict"], &rows[0]["label"]), (&"context-driven".into(), &"basketball".into()));
    assert_eq!(rows[0]["box"], json!([0.517857, 0.142857, 0.133929, 0.102679]));
    assert_eq!((&rows[0]["size"], &rows[1]["size"]), (&json!([360, 240]), &json!([360, 360])));
    assert_eq!((&rows[1]["verdict"], &rows[1]["box"]), (&"undetermined".into(), &Value::Null));
    assert!(rows[1]["doubt"].as_str().unwrap().contains("blank"));

    let pictures: Vec<&str> = between(&page, "id=\"p0\">", "</script>").split(' ').collect();
    assert_eq!(pictures.len(), 4);
    for picture in pictures {
        let bytes = STANDARD.decode(picture).unwrap();
        assert_eq!(libjpeg_turbo_rs::decompress(&bytes).map(|i| (i.width, i.height)).unwrap(), (360, 240));
    }
    let few: Vec<&str> = between(&page, "id=\"p1\">", "</script>").split(' ').collect();
    assert_eq!((few.len(), few[2], few[3]), (4, "", ""));
}

#[test]
fn thousands_of_rows_get_smaller_pictures() {
    let side = |expected| Report::new(ReportHead::default(), expected).unwrap().side;
    assert_eq!([0, 300, 301, 1500, 1501, 5000].map(side), [360, 360, 280, 280, 200, 200]);
}

/// Writes a page of 5,000 rows to the file named by `BACKLIT_LARGE_REPORT`, to be opened by hand.
#[test]
fn five_thousand_rows() {
    let Some(path) = std::env::var_os("BACKLIT_LARGE_REPORT") else {
        println!("SKIPPED: BACKLIT_LARGE_REPORT names no file for a page of 5,000 rows");
        return;
    };
    let noise = |seed: usize| (0..500 * 375 * 3).map(move |i| ((i / 9 + seed * 31) * 7919 % 509 / 2) as u8).collect();
    let mut report = Report::new(ReportHead { facts: vec![], fills: vec![Fill::Black] }, 5000).unwrap();
    let frame = Frame { x: 0.0, y: 0.0, width: 500.0, height: 375.0 };
    let photos: Vec<Picture> = (0..10).map(|seed| Picture::new(500, 375, noise(seed)).unwrap()).collect();
    let variant: Vec<u8> = photos[0].rgb[..SIDE * SIDE * 3].to_vec();
    for i in 0..5000 {
        let mut audit = if i % 50 == 0 { doubtful() } else { judged() };
        audit.class_idx = i % 100;
        audit.original = Reading::new(
            "original",
            &(0..CLASSES).map(|c| f32::from(c == i % 100) * 9.0).collect::<Vec<_>>(),
            i % 100,
            5,
        );
        if i % 50 != 0 {
            audit.judgement.verdict = Verdict::ALL[i % 4];
            audit.judgement.context_reliance = Some(1.0 - (i % 1000) as f64 / 500.0);
            audit.judgement.confidence = (i % 97) as f64 / 97.0;
        }
        let photo = photos[i % 10].view();
        let name = format!("photographs/{i:05}.jpg");
        let entry =
            ReportEntry { name: &name, photo, frame, audit: &audit, hidden: Some(&variant), alone: Some(&variant) };
        report.push(&entry).unwrap();
    }
    report.save(Path::new(&path)).unwrap();
}

#[test]
fn what_cannot_be_written_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let report = Report::new(ReportHead::default(), 0).unwrap();
    assert!(report.save(&folder.path().join("missing/r.html")).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
