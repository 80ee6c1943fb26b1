//! Folders that cannot be written to: said before the work, nothing left behind.

use std::fs;

use crate::support::Place;

#[test]
fn a_folder_that_cannot_be_is_named() {
    let place = Place::new();
    place.write("file", b"in the way");
    for command in ["explain {cat}", "saliency {cat}", "mask {cat} --hide :9,:9"] {
        place.run(&format!("{command} -o file")).fails(1, &["file is a file", "-o"]);
        place.run(&format!("{command} -o file/below/it")).fails(1, &["file/below/it", "-o"]);
        assert_eq!(place.files(), ["file"]);
    }
    assert_eq!(fs::read(place.path("file")).unwrap(), b"in the way");
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_may_not_be_written_to_is_named() {
    // Not even root makes files here.
    Place::new().run("explain {cat} -o /proc").fails(1, &["cannot write to the folder /proc", "-o"]);
    Place::new().run("explain {cat} -o /proc/backlit").fails(1, &["cannot make the folder /proc/backlit"]);
}

#[test]
fn a_folder_in_the_place_of_a_file_is_named() {
    let place = Place::new();
    fs::create_dir_all(place.path("out/chelsea.explain.png/x")).unwrap();
    let run = place.run("explain {cat} -o out");
    run.fails(1, &["chelsea.explain.png", "cannot"]);
    assert_eq!(place.files(), ["out/chelsea.explain.png/x/"]);
    let run = place.run("weights convert nowhere out");
    run.fails(1, &["nowhere"]);
}
