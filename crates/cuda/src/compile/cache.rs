//! Cubins kept between runs: a folder of small files, each checked before it is believed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, io, process};

use sha2::{Digest, Sha256};

/// The environment variable that names a folder of ready cubins, which is only read.
pub const READY_VARIABLE: &str = "BACKLIT_CUBIN_DIR";

/// Everything that decides what is compiled, except the compiler's version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    stem: String,
    digest: String,
}

impl Key {
    /// Of a source by its name, its text, all headers that it could include, and the options, architecture included.
    pub fn new<S: AsRef<str>>(name: &str, text: &str, headers: &[(S, S)], options: &[String]) -> Key {
        let mut hash = Sha256::new();
        let mut add = |part: &str| {
            // The length says where a part ends, so that no two lists of parts look alike.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(name);
        add(text);
        headers.iter().for_each(|(name, text)| {
            add(name.as_ref());
            add(text.as_ref());
        });
        options.iter().for_each(|option| add(option));
        let arch = options.iter().find_map(|option| option.strip_prefix("--gpu-architecture=")).unwrap_or("any");
        let name = name.strip_suffix(".cu").unwrap_or(name).replace(['/', '\\'], ".");
        Key { stem: format!("{name}-{arch}"), digest: hex(&hash.finalize()) }
    }

    /// How the files of all compiler versions begin.
    fn prefix(&self) -> String {
        format!("{}-{}-nvrtc", self.stem, &self.digest[..16])
    }

    /// The file of one compiler version.
    pub fn file_name(&self, (major, minor): (u32, u32)) -> String {
        format!("{}{major}.{minor}.cubin", self.prefix())
    }

    /// What a file holds: a line with the key and the digest of the rest, then the cubin.
    pub fn entry(&self, cubin: &[u8]) -> Vec<u8> {
        let mut entry = format!("backlit cubin 1 {} {}\n", self.digest, hex(&Sha256::digest(cubin))).into_bytes();
        entry.extend_from_slice(cubin);
        entry
    }

    /// The cubin of a file, if it is one of this key and intact.
    fn cubin(&self, entry: &[u8]) -> Option<Vec<u8>> {
        let line = entry.iter().position(|&byte| byte == b'\n')?;
        let cubin = &entry[line + 1..];
        let expected = format!("backlit cubin 1 {} {}", self.digest, hex(&Sha256::digest(cubin)));
        (entry[..line] == *expected.as_bytes()).then(|| cubin.to_vec())
    }
}

/// Where cubins are kept. What cannot be read is compiled again, and what cannot be written is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cache {
    folder: Option<PathBuf>,
    ready: Option<PathBuf>,
}

impl Cache {
    /// `cuda` in `$BACKLIT_CACHE`, else in `backlit` in the user's cache folder. `None` if there is no home folder.
    pub fn default_folder() -> Option<PathBuf> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let user = || match () {
            () if cfg!(windows) => set("LOCALAPPDATA"),
            () if cfg!(target_os = "macos") => set("HOME").map(|home| home.join("Library/Caches")),
            // The XDG specification says that a relative path is to be ignored.
            () => set("XDG_CACHE_HOME").filter(|p| p.is_absolute()).or_else(|| set("HOME").map(|h| h.join(".cache"))),
        };
        set("BACKLIT_CACHE").or_else(|| user().map(|folder| folder.join("backlit"))).map(|folder| folder.join("cuda"))
    }

    /// [`Cache::default_folder`], and the ready ones of `$BACKLIT_CUBIN_DIR`.
    pub fn from_env() -> Cache {
        let ready = env::var_os(READY_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        Cache { folder: Cache::default_folder(), ready }
    }

    /// A folder of its own, made when the first cubin is kept.
    pub fn at(folder: &Path) -> Cache {
        Cache { folder: Some(folder.into()), ready: None }
    }

    /// Nothing is kept.
    pub fn none() -> Cache {
        Cache::default()
    }

    /// The same with a folder of ready cubins, which is only read: for machines without NVRTC.
    #[must_use]
    pub fn with_ready(self, folder: &Path) -> Cache {
        Cache { ready: Some(folder.into()), ..self }
    }

    /// Where cubins are kept, if anywhere.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// A ready cubin, whatever compiler made it.
    pub fn ready(&self, key: &Key) -> Option<Vec<u8>> {
        any_version(self.ready.as_deref()?, key)
    }

    /// A kept cubin: of this version of the compiler, or of any if there is no compiler.
    pub fn find(&self, key: &Key, version: Option<(u32, u32)>) -> Option<Vec<u8>> {
        let folder = self.folder.as_deref()?;
        match version {
            Some(version) => key.cubin(&fs::read(folder.join(key.file_name(version))).ok()?),
            None => any_version(folder, key),
        }
    }

    /// Keeps a cubin, if that is possible.
    pub fn store(&self, key: &Key, version: (u32, u32), cubin: &[u8]) {
        // A cubin is an ELF file; anything else came from something that only plays the compiler.
        if let (Some(folder), true) = (&self.folder, cubin.starts_with(b"\x7fELF")) {
            let _ = write_whole(&folder.join(key.file_name(version)), &key.entry(cubin));
        }
    }
}

fn any_version(folder: &Path, key: &Key) -> Option<Vec<u8>> {
    let prefix = key.prefix();
    let mut files: Vec<_> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)));
    files.sort();
    files.iter().rev().find_map(|path| key.cubin(&fs::read(path).ok()?))
}

/// Writes a file under another name and then moves it, so that nobody ever sees half of it.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let partial = folder.join(format!(".partial-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    let written = fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str, arch: &str) -> Key {
        Key::new("fill/00_fill.cu", text, &[("device.cuh", "x")], &[format!("--gpu-architecture={arch}")])
    }

    #[test]
    fn every_part_of_the_key_counts() {
        let this = key("a", "sm_80");
        assert_eq!(this, key("a", "sm_80"));
        assert_ne!(this, key("b", "sm_80"));
        assert_ne!(this, key("a", "sm_90a"));
        assert_ne!(
            this,
            Key::new("fill/00_fill.cu", "a", &[("device.cuh", "y")], &["--gpu-architecture=sm_80".into()])
        );
        assert!(this.file_name((13, 0)).starts_with("fill.00_fill-sm_80-"));
        assert!(this.file_name((13, 0)).ends_with("-nvrtc13.0.cubin"));
    }

    #[test]
    fn only_whole_entries_of_the_same_key_are_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::at(&folder.path().join("new"));
        let (key, other) = (key("a", "sm_80"), key("b", "sm_80"));
        let cubin = b"\x7fELF and so on".to_vec();
        cache.store(&key, (13, 0), &cubin);
        assert_eq!(cache.find(&key, Some((13, 0))), Some(cubin.clone()));
        assert_eq!(cache.find(&key, None), Some(cubin.clone()));
        assert_eq!(cache.find(&key, Some((13, 1))), None);
        assert_eq!(Cache::none().with_ready(cache.folder().expect("it has one")).ready(&key), Some(cubin));
        let path = folder.path().join("new").join(key.file_name((13, 0)));
        let whole = fs::read(&path).expect("it was kept");
        for damaged in [&whole[..whole.len() - 1], &whole[..20], b"", &other.entry(b"\x7fELF")] {
            fs::write(&path, damaged).expect("it can be written");
            assert_eq!(cache.find(&key, Some((13, 0))), None);
        }
        let left = fs::read_dir(folder.path().join("new")).expect("it is there").count();
        assert_eq!(left, 1, "no partial files stay");
    }

    #[test]
    fn what_is_not_machine_code_is_not_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::at(folder.path());
        cache.store(&key("a", "sm_80"), (13, 0), b"text");
        assert_eq!(cache.find(&key("a", "sm_80"), None), None);
    }
}
