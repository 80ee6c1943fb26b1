//! `backlit audit`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::{Place, chelsea, is_sha256, keys, number};

/// Boxes for the two photographs: the cat's face, labelled, and a corner.
const BOXES: &str = "image,x,y,w,h,label\nchelsea.png,120,30,220,200,Egyptian_cat\nmirrored,5,5,40,40,\n";
const SHORT: &str = "--fills black,mean --controls 2";

/// An audit of both photographs in `out`.
fn audited() -> Place {
    let place = Place::new();
    place.write("boxes.csv", BOXES.as_bytes());
    place.run(&format!("audit {{cat}} {{mirrored}} --boxes boxes.csv {SHORT} -o out")).ok();
    place
}

#[test]
fn table_manifest_and_csv() {
    let place = Place::new();
    place.write("boxes.csv", BOXES.as_bytes());
    let run = place.run(&format!("audit {{cat}} {{mirrored}} --boxes boxes.csv {SHORT} -o out")).ok();
    assert_eq!(place.files(), ["boxes.csv", "out/audit.csv", "out/manifest.json", "out/report.html"]);
    let lines: Vec<&str> = run.out.lines().collect();
    assert!(lines[0].starts_with("photograph ") && lines[0].ends_with("saliency on it  its area"), "{}", run.out);
    // A corner of the background: the cat is still there without it.
    assert!(lines[1].contains("mirrored.png") && lines[1].contains("  context-driven  "), "{}", run.out);
    assert!(lines[2].contains("chelsea.png") && lines[2].contains("  Egyptian_cat  "), "{}", run.out);
    assert!(run.out.contains("wrote out/report.html\nwrote out/audit.csv\n"), "{}", run.out);

    let manifest = place.json("out/manifest.json");
    assert_eq!(manifest["command"], "audit");
    assert_eq!(manifest["files"], serde_json::json!(["report.html", "audit.csv"]));
    let options = &manifest["audit"];
    assert_eq!(options["fills"], serde_json::json!(["black", "mean"]));
    assert_eq!((&options["controls"], &options["seed"], number(&options["keep"])), (&2.into(), &0.into(), 0.5));
    let [cat, corner] = &manifest["images"].as_array().unwrap()[..] else { panic!("{manifest}") };
    for image in [cat, corner] {
        check_numbers(image);
    }
    assert_eq!((&cat["class_idx"], &corner["class_idx"]), (&285.into(), &285.into()));
    assert!(number(&cat["object"]["area_share"]) > 0.3 && number(&corner["object"]["area_share"]) < 0.02);
    assert!(number(&corner["context_reliance"]) > 0.9, "{corner}");

    let table = fs::read_to_string(place.path("out/audit.csv")).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|l| l.split(',').collect()).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0].len(), 20 + 2 * 2 * 3);
    assert_eq!(rows[0][..6], ["image", "class_idx", "wnid", "label", "probability", "verdict"]);
    assert!(rows[1][0].ends_with("mirrored.png") && rows[1][5] == "context-driven", "{table}");
}

fn check_numbers(image: &Value) {
    assert!(is_sha256(&image["image_sha256"]));
    for name in ["confidence", "agreement", "support", "hidden_keeps", "alone_keeps", "control_keeps"] {
        assert!((0.0..=1.0).contains(&number(&image[name])), "{name}: {image}");
    }
    assert_eq!((image["controls"].as_array().unwrap().len(), &image["object"]["from"]), (2, &"given".into()));
    let fills = image["fills"].as_array().unwrap();
    assert_eq!(fills.len(), 2);
    for fill in fills {
        let expected =
            ["fill", "hidden_keeps", "alone_keeps", "control_keeps", "verdict", "hidden", "alone", "controls"];
        assert_eq!(keys(fill), expected);
        assert_eq!(fill["hidden"]["predictions"].as_array().unwrap().len(), 5);
        for control in fill["controls"].as_array().unwrap() {
            assert_eq!(keys(control), ["rank", "class_idx", "wnid", "label", "logit", "probability"]);
        }
    }
}

#[test]
fn the_batch_and_the_company_change_nothing() {
    let place = Place::new();
    let record = |line: &str, which: usize| {
        let json = place.run(&format!("audit {line} --fills impute --controls 1 --json -o out")).ok().json();
        json["images"][which].clone()
    };
    let alone = record("{cat} --batch 1", 0);
    assert_eq!(alone["object"]["from"], "map");
    assert_eq!(alone, record("{mirrored} {cat} --batch 5 --threads 1", 1));
    assert!(alone != record("{cat} --seed 1", 0));
}

#[test]
fn what_cannot_be_used_is_reported_and_the_rest_goes_on() {
    let place = Place::new();
    fs::create_dir(place.path("photos")).unwrap();
    fs::copy(chelsea(), place.path("photos/cat.png")).unwrap();
    let list = "cat.png,120,30,220,200,tabby\ncat.png,1,2,3\ncat.png,900,900,5,5,tabby\ncat.png,1,1,9,9,dragon\n\
                gone.jpg,1,1,5,5,tabby\n";
    place.write("boxes.csv", list.as_bytes());
    let run = place.run("audit photos --boxes boxes.csv --fills black --controls 0 --json -o out");
    assert_eq!(run.code, 3, "{}", run.err);
    let lines: Vec<&str> = run.err.lines().collect();
    for (line, says) in lines.iter().zip([
        "error: boxes.csv:2: expected image,x,y,w,h[,label], found 4 of 5 columns",
        "error: boxes.csv:5: there is no photograph \"gone.jpg\" among those given",
        "error: boxes.csv:3: box 900,900,5,5 is outside the picture: the picture is 451 x 300 pixels",
        "error: boxes.csv:4: no class is called `dragon`",
    ]) {
        assert!(line.starts_with(says), "{line}");
    }
    assert_eq!(lines.len(), 4, "{}", run.err);
    let images = run.json()["images"].as_array().unwrap().clone();
    assert_eq!((images.len(), &images[0]["class_idx"]), (1, &281.into()));
    assert_eq!(images[0]["support"], Value::Null, "no controls, no support");
}

#[test]
fn refusals() {
    let place = Place::new();
    let refused = |arguments: &str, code: i32, says: &[&str]| {
        place.run(&format!("audit {arguments}")).fails(code, says);
        assert_eq!(place.files(), [""; 0], "{arguments}");
    };
    refused("{cat} {mirrored} --box 1,2,3,4", 2, &["--box is for one photograph, found 2"]);
    refused("{cat} --boxes nowhere.csv", 1, &["nowhere.csv", "cannot be read"]);
    refused("{cat} --keep 1.5", 2, &["--keep is 1.5: it must lie between 0 and 1"]);
    refused("{cat} --fills white", 2, &["white", "black, mean, blur, impute"]);
    refused("{cat} --box 900,900,5,5", 1, &["chelsea.png", "outside the picture"]);
}

#[test]
fn the_report_holds_everything() {
    let place = audited();
    let page = fs::read_to_string(place.path("out/report.html")).unwrap();
    let json = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
    let data: Value = serde_json::from_str(json).unwrap();
    let rows = data["rows"].as_array().unwrap();
    assert_eq!((rows.len(), data["fills"].as_array().unwrap().len()), (2, 2));
    assert_eq!(rows[0]["name"], "chelsea.png");
    assert!(data["facts"].as_array().unwrap().iter().any(|f| is_sha256(&f[1])), "the weights' hash");
    for i in 0..2 {
        let pictures = page.split_once(&format!("id=\"p{i}\">")).unwrap().1.split_once("</script>").unwrap().0;
        // The beginning of every JPEG file, in base64.
        assert_eq!(pictures.split(' ').filter(|p| p.starts_with("/9j/")).count(), 4);
    }
}

/// A browser, if there is one: `CHROMIUM` names it, or it is on the path.
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let candidates = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    named.into_iter().chain(candidates).find(|p| p.is_file())
}

#[test]
fn the_report_works_in_a_browser() {
    let Some(browser) = chromium() else {
        println!("SKIPPED: no Chromium to open the report with; CHROMIUM may name one");
        return;
    };
    let place = audited();
    let address = format!("file://{}", place.path("out/report.html").display());
    let open = |view: &str| {
        let output = Command::new(&browser)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"])
            .arg(format!("--user-data-dir={}", place.path("cache/profile").display()))
            .arg(format!("{address}{view}"))
            .output()
            .expect("the browser starts");
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = |page: &str| page.split_once("data-shown=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    // Row 0 is the cat, row 1 the corner, which is the more context-driven.
    for (view, rows) in [
        ("#sort=image&dir=asc", "0,1"),
        ("#sort=reliance&dir=asc&class=285", "0,1"),
        ("#verdict=context-driven&q=mirr%20egypt", "1"),
        ("#sort=nonsense&verdict=nonsense&page=99&open=77", "1,0"),
    ] {
        assert_eq!(shown(&open(view)), rows, "{view}");
    }
    let page = open("#open=1");
    assert_eq!(page.matches("class=\"numbers\"").count(), 1, "one row is open");
    assert_eq!(page.matches("src=\"data:image/jpeg;base64,").count(), 2 * 4 + 1, "every picture is there");
    assert!(page.contains("aria-sort=\"descending\"") && page.contains("aria-expanded=\"true\""));
    assert_eq!(page.matches("class=\"card\"").count(), 5);
}

/// The published photograph of the experiment, if it is at hand: it may not be in this repository.
#[test]
fn the_basketball_is_context() {
    let folder = std::env::var_os("BACKLIT_PHOTOGRAPHS").map(PathBuf::from);
    let Some(photo) = folder.map(|f| f.join("basketball.jpg")).filter(|p| fs::metadata(p).is_ok()) else {
        println!("SKIPPED: BACKLIT_PHOTOGRAPHS names no folder with basketball.jpg");
        return;
    };
    let place = Place::new();
    // Rows 32 to 55 and columns 116 to 146 of 224 x 224, on a photograph of 333 x 500.
    place.write("boxes.csv", b"basketball.jpg,172.446,71.43,44.598,51.34,basketball\n");
    let arguments = ["audit", photo.to_str().unwrap(), "--boxes", "boxes.csv", "--json"];
    let found = crate::support::run(&mut place.command(&arguments)).ok().json();
    let image = &found["images"][0];
    assert_eq!(image["object"]["bounds"], serde_json::json!({ "top": 32, "bottom": 55, "left": 116, "right": 146 }));
    assert_eq!((&image["verdict"], number(&image["agreement"])), (&"context-driven".into(), 1.0));
    assert!(number(&image["confidence"]) >= 0.9 && number(&image["context_reliance"]) >= 0.95, "{image}");
    let black = &image["fills"][0];
    let probability = |which: &str| number(&black[which]["original"]["probability"]);
    assert!((probability("hidden") - 0.978).abs() <= 5e-4 && (probability("alone") - 0.0002).abs() <= 5e-5);
}
