//! Cubins kept between runs.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use backlit_cuda::compile::{Cache, key, nvrtc_status};
use backlit_cuda::{Cubins, CudaError, Device};
use backlit_cuda_emu::{compiled, compiling_elf, install, library_dir};
use common::{FILL, child, in_child};

/// How much was compiled is counted for the whole process: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    install();
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Loads the kernel in a fresh device; returns how many compilations that took.
fn load(cubins: &Cubins) -> Result<u64, CudaError> {
    let before = compiled();
    compiling_elf(|| Device::open_with(0, cubins)?.kernel(&FILL, "fill"))?;
    Ok(compiled() - before)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[test]
fn the_second_run_compiles_nothing() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let cubins = Cubins::Folder(folder.path().join("made/on/demand"));
    assert_eq!(load(&cubins), Ok(1));
    assert_eq!(load(&cubins), Ok(0));
    let kept = files(&folder.path().join("made/on/demand"));
    assert_eq!(kept.len(), 1);
    let name = kept[0].file_name().expect("it has one").to_string_lossy().into_owned();
    assert!(name.starts_with("fill.00_fill-sm_90a-") && name.ends_with("-nvrtc13.0.cubin"), "{name}");
    assert_eq!(load(&Cubins::Nowhere), Ok(1));
}

#[test]
fn damaged_files_are_made_anew() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let cubins = Cubins::Folder(folder.path().into());
    assert_eq!(load(&cubins), Ok(1));
    let file = files(folder.path()).remove(0);
    let whole = fs::read(&file).expect("it is there");
    let mut flipped = whole.clone();
    *flipped.last_mut().expect("it is not empty") ^= 1;
    for damaged in [&flipped[..], &whole[..whole.len() / 2], b"", b"\n"] {
        fs::write(&file, damaged).expect("it can be written");
        assert_eq!(load(&cubins), Ok(1));
        assert_eq!(fs::read(&file).expect("it is there"), whole);
        assert_eq!(load(&cubins), Ok(0));
    }
}

#[test]
fn a_whole_file_that_the_driver_refuses_is_made_anew() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let cache = Cache::at(folder.path());
    cache.store(&key(&FILL, "sm_90a"), (13, 0), b"\x7fELF, but not as the driver knows it");
    assert_eq!(load(&Cubins::Folder(folder.path().into())), Ok(1));
    assert_eq!(load(&Cubins::Folder(folder.path().into())), Ok(0));
}

#[test]
fn without_a_folder_to_write_everything_still_works() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a file");
    fs::write(&file, "where a folder should be").expect("it can be written");
    let cubins = Cubins::Folder(file.join("below"));
    assert_eq!(load(&cubins), Ok(1));
    assert_eq!(load(&cubins), Ok(1));
}

#[test]
fn other_threads_see_whole_files_only() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let cubins = Cubins::Folder(folder.path().into());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5 {
                    load(&cubins).expect("it loads");
                }
            });
        }
    });
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn cubins_of_elsewhere_need_no_compiler() {
    let _alone = alone();
    let (kept, empty) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    assert_eq!(load(&Cubins::Folder(kept.path().into())), Ok(1));
    let (kept, empty) = (kept.path().to_str().expect("a name"), empty.path().to_str().expect("a name"));
    let without = [("BACKLIT_NVRTC_DIR", empty), ("BACKLIT_CACHE", empty)];
    assert!(child("load", &without).contains("no libnvrtc 13 was found"));
    let with = [without[0], without[1], ("BACKLIT_CUBIN_DIR", kept)];
    assert!(child("load", &with).contains("loaded after 0 compilations"));
    let cache = Path::new(empty).join("cuda");
    fs::rename(kept, &cache).expect("it can be moved");
    assert!(child("load", &without).contains("loaded after 0 compilations"), "a kept one serves too");
    fs::rename(cache, kept).expect("it can be moved back");
}

#[test]
fn the_search_says_where_it_looked() {
    let empty = tempfile::tempdir().expect("a folder");
    let empty = empty.path().to_str().expect("a name");
    let said = child("status", &[("BACKLIT_NVRTC_DIR", empty)]);
    assert!(said.contains(&format!("looked in {empty} (no libnvrtc in it)")), "{said}");
    assert!(said.contains("pip install nvidia-cuda-nvrtc"), "{said}");
    let here = library_dir();
    let said = child("status", &[("BACKLIT_NVRTC_DIR", here.to_str().expect("a name"))]);
    assert!(said.contains("13.0, ") && said.contains("libnvrtc.so.13"), "{said}");
    let said = child("status", &[("BACKLIT_NVRTC_DIR", here.to_str().expect("a name")), ("BACKLIT_EMU_NVRTC", "12.9")]);
    assert!(said.contains("it is version 12.9, and 13 is needed"), "{said}");
}

/// The parts of the tests above that run in processes of their own.
#[test]
fn child_load() {
    in_child("load", || match load(&Cubins::UserCache) {
        Ok(count) => format!("loaded after {count} compilations"),
        Err(error) => error.to_string(),
    });
}

#[test]
fn child_status() {
    in_child("status", || nvrtc_status().to_string());
}
