//! Ways to name photographs.

use std::fs;

use serde_json::Value;

use crate::support::{Place, Run, chelsea, mirrored, run, run_with_input};

fn names(run: &Run) -> Vec<String> {
    run.json()["images"].as_array().unwrap().iter().map(|i| i["image"].as_str().unwrap().to_owned()).collect()
}

/// Two photographs, a text, a hidden file and a folder.
fn place() -> Place {
    let place = Place::new();
    place.write("photos/b.PNG", &fs::read(chelsea()).unwrap());
    place.write("photos/a.png", &fs::read(mirrored()).unwrap());
    place.write("photos/notes.txt", b"no photograph");
    place.write("photos/.hidden.png", b"no photograph");
    place.write("photos/more/a.png", &fs::read(chelsea()).unwrap());
    place
}

#[test]
fn folders_and_globs_in_alphabetical_order() {
    let place = place();
    let found = place.run("predict photos photos/*.png photos/**/a.png --json").ok();
    let expected = ["photos/a.png", "photos/b.PNG", "photos/a.png", "photos/a.png", "photos/more/a.png"];
    assert_eq!(names(&found), expected);
    let value = found.json();
    let best: Vec<&Value> = (0..5).map(|i| &value["images"][i]["predictions"]).collect();
    assert!(best[0] == best[2] && best[1] == best[4] && best[0] != best[1], "each photograph has its own answer");
}

#[test]
fn files_of_one_name_do_not_overwrite_each_other() {
    let place = place();
    place.run("saliency photos/a.png photos/more/a.png -o out --format safetensors").ok();
    let manifest = place.json("out/manifest.json");
    let file = |i: usize| manifest["images"][i]["maps"][0]["files"]["safetensors"].as_str().unwrap().to_owned();
    assert_eq!([file(0), file(1)], ["a.gradient.285.safetensors", "a-2.gradient.285.safetensors"]);
    let logits = |i| place.tensors(&format!("out/{}", file(i)))["logits"].1.clone();
    assert!(logits(0) != logits(1));
}

#[test]
fn standard_input_is_a_photograph() {
    let place = Place::new();
    let bytes = fs::read(chelsea()).unwrap();
    let found = run_with_input(&mut place.command(&["explain", "-", "--json"]), &bytes).ok();
    assert_eq!(names(&found), ["-"]);
    assert_eq!(place.files(), ["manifest.json", "stdin.explain.png"]);
    // Of its bytes, as of any file's.
    place.run("explain {cat} -o file").ok();
    assert_eq!(
        found.json()["images"][0]["image_sha256"],
        place.json("file/manifest.json")["images"][0]["image_sha256"]
    );

    run_with_input(&mut place.command(&["predict", "-"]), b"").fails(1, &["standard input", "empty"]);
    run_with_input(&mut place.command(&["predict", "-", "-"]), &bytes).fails(2, &["standard input", "only once"]);
}

#[test]
fn nothing_to_read_is_an_error() {
    let place = place();
    fs::create_dir(place.path("empty")).unwrap();
    place.run("predict empty").fails(1, &["no photograph in empty", "png"]);
    place.run("predict nothing*.png").fails(1, &["no photograph matches `nothing*.png`"]);
    place.run("predict [z").fails(2, &["`[z` is no pattern"]);
    place.run("predict").fails(2, &["IMAGE", "--help"]);
    run(&mut place.command(&["predict", ""])).fails(2, &["empty name"]);
}

#[test]
fn options_end_where_they_are_said_to() {
    let place = Place::new();
    place.write("-odd name.png", &fs::read(chelsea()).unwrap());
    let found = run(&mut place.command(&["predict", "--json", "--", "-odd name.png"])).ok();
    assert_eq!(names(&found), ["-odd name.png"]);
}
