//! What must not change a result: batches, threads, the order of photographs, another run.

use std::collections::BTreeMap;
use std::fs;

use crate::support::Place;

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
