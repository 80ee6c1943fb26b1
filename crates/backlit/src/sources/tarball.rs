//! The npm tarball, unpacked in memory: only files that the manifest lists, and only if they are what it says.
//!
//! Nothing is written to disk, so that no path in the tarball can lead anywhere.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;

use super::digest::sha256;
use super::{Manifest, Part, Progress, SourceError, Stage};

/// npm keeps all files of a package in this folder.
const ROOT: &str = "package/";

/// What a tarball may hold beside the listed files, decompressed; beyond it reading stops.
const MAX_OTHER_BYTES: u64 = 64 << 20;

/// The listed files by their path in the package.
pub(super) fn unpack(
    tgz: &Path,
    manifest: &Manifest,
    progress: &mut dyn FnMut(Progress),
) -> Result<HashMap<String, Vec<u8>>, SourceError> {
    let broken = |detail: String| SourceError::Package { package: manifest.package.spec(), detail };
    let unreadable = |error: std::io::Error| broken(format!("the tarball is truncated or corrupt ({error})"));
    let wanted: HashMap<String, &Part> = manifest.files.iter().map(|f| (format!("{ROOT}{}", f.path), f)).collect();
    let total: u64 = manifest.files.iter().map(|f| f.bytes).sum();

    let file = File::open(tgz).map_err(SourceError::disk(tgz))?;
    let mut tar = tar::Archive::new(GzDecoder::new(BufReader::new(file)).take(total + MAX_OTHER_BYTES));
    let mut files = HashMap::new();
    let mut done = 0;
    for entry in tar.entries().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let Some(part) = wanted.get(&path) else { continue };
        if !entry.header().entry_type().is_file() || entry.size() != part.bytes {
            return Err(broken(format!("{} has {} bytes, expected {}", part.path, entry.size(), part.bytes)));
        }
        let mut bytes = Vec::with_capacity(part.bytes as usize);
        entry.take(part.bytes).read_to_end(&mut bytes).map_err(unreadable)?;
        let found = sha256(&bytes);
        if found != part.sha256 {
            let (file, expected) = (part.path.clone(), part.sha256.clone());
            return Err(SourceError::Hash { file, expected, found });
        }
        done += part.bytes;
        files.insert(part.path.clone(), bytes);
        progress(Progress::new(Stage::Unpack, done.min(total), total));
    }
    match manifest.files.iter().find(|f| !files.contains_key(&f.path)) {
        Some(part) => Err(broken(format!("{} is missing", part.path))),
        None => Ok(files),
    }
}
