//! Where libnvrtc is looked for, and what was found.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fmt, fs};

use libloading::Library;

use super::Nvrtc;
use crate::CudaError;

/// The environment variable that names the folder of libnvrtc.
pub const FOLDER_VARIABLE: &str = "BACKLIT_NVRTC_DIR";

/// By what name the loader knows it.
const SONAME: &str = if cfg!(windows) { "nvrtc64_130_0.dll" } else { "libnvrtc.so.13" };

/// Where to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Look in this folder and nowhere else.
    pub only: Option<PathBuf>,
    /// Folders to look in, in this order.
    pub folders: Vec<PathBuf>,
    /// Take one that the process has loaded already, or that the loader finds by its name.
    pub loader: bool,
    /// Last, ask `python3` where its packages are.
    pub python: bool,
}

/// One place and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// A folder, or what else was tried.
    pub place: String,
    /// What was found there.
    pub outcome: String,
}

/// What there is to compile kernels with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NvrtcStatus {
    /// The library that will be used, with its version.
    pub found: Option<(PathBuf, (u32, u32))>,
    /// All places that were looked at, in order.
    pub looked: Vec<Looked>,
}

impl fmt::Display for NvrtcStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((path, (major, minor))) = &self.found {
            return write!(f, "{major}.{minor}, {}", path.display());
        }
        write!(f, "not found: `pip install nvidia-cuda-nvrtc`, or name its folder in {FOLDER_VARIABLE}; looked in ")?;
        for (index, Looked { place, outcome }) in self.looked.iter().enumerate() {
            write!(f, "{}{place} ({outcome})", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// Looks in [`Places::from_env`] and says what it saw.
pub fn nvrtc_status() -> NvrtcStatus {
    let (found, looked) = search(&Places::from_env());
    NvrtcStatus { found: found.ok().map(|nvrtc| (nvrtc.path().to_owned(), nvrtc.version())), looked }
}

impl Places {
    /// `$BACKLIT_NVRTC_DIR` alone if it is set. Else one that is loaded already; the pip packages of the active Python
    /// (`$VIRTUAL_ENV`, `$CONDA_PREFIX`); the folders of CUDA (`$CUDA_HOME`, `$CUDA_PATH`, `/usr/local/cuda*`); the
    /// loader's own path; and last, because it takes a process, the packages of `python3`.
    pub fn from_env() -> Places {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(only) = set(FOLDER_VARIABLE) {
            return Places { only: Some(only), ..Places::default() };
        }
        let prefixes = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(set);
        let mut folders: Vec<PathBuf> = prefixes.flat_map(|prefix| pip_folders(&prefix)).collect();
        let homes = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(set);
        folders.extend(homes.chain(installed(Path::new("/usr/local"))).map(|home| home.join("lib64")));
        Places { only: None, folders, loader: true, python: true }
    }
}

/// The CUDA folders below `root`: `cuda`, which the installer points at one of them, then the rest, newest first.
fn installed(root: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("cuda-")));
    found.sort();
    std::iter::once(root.join("cuda")).filter(|path| path.is_dir()).chain(found.into_iter().rev()).collect()
}

/// Where pip puts the package below a Python's prefix.
fn pip_folders(prefix: &Path) -> Vec<PathBuf> {
    let library = prefix.join("lib");
    let mut pythons: Vec<_> =
        fs::read_dir(&library).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    pythons.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python3")));
    pythons.sort();
    pythons.iter().map(|python| package(&python.join("site-packages"))).collect()
}

fn package(site: &Path) -> PathBuf {
    site.join("nvidia/cu13/lib")
}

/// Where the Python on PATH keeps its packages and those of this user; nothing if there is none.
fn python_folders() -> Vec<PathBuf> {
    let ask = "import site, sysconfig; print(sysconfig.get_path('purelib')); print(site.getusersitepackages())";
    let asked = Command::new("python3").args(["-c", ask]).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let text = asked.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().map(|line| package(Path::new(line))).collect()
}

/// The first library that can be used, and all that was seen on the way. A refused one is the error only if no better
/// one is found.
pub(super) fn search(places: &Places) -> (Result<Nvrtc, CudaError>, Vec<Looked>) {
    let mut looked = Looking { seen: vec![], refused: None };
    let found = match &places.only {
        Some(folder) => looked.folder(folder),
        None => {
            let mut found = places.loader.then(|| looked.loaded()).flatten();
            for folder in &places.folders {
                found = found.or_else(|| looked.folder(folder));
            }
            found = found.or_else(|| places.loader.then(|| looked.by_name()).flatten());
            found.or_else(|| {
                let folders = if places.python { python_folders() } else { vec![] };
                folders.iter().find_map(|folder| looked.folder(folder))
            })
        }
    };
    let result = found.ok_or_else(|| looked.refused.take().unwrap_or(CudaError::NoNvrtc));
    (result, looked.seen)
}

struct Looking {
    seen: Vec<Looked>,
    refused: Option<CudaError>,
}

impl Looking {
    /// Takes the library of a folder, its builtins first: it asks for those by their bare name.
    fn folder(&mut self, folder: &Path) -> Option<Nvrtc> {
        let place = folder.display().to_string();
        let Some(path) = library_in(folder, "libnvrtc.so") else {
            let outcome = if folder.is_dir() { "no libnvrtc in it" } else { "no such folder" };
            self.seen.push(Looked { place, outcome: outcome.into() });
            return None;
        };
        if let Some(builtins) = library_in(folder, "libnvrtc-builtins.so") {
            // SAFETY: NVIDIA's libraries have no initialisers that rely on anything.
            if let Ok(library) = unsafe { Library::new(builtins) } {
                std::mem::forget(library);
            }
        }
        // SAFETY: as above.
        let opened = unsafe { Library::new(&path) };
        self.note(place, opened.map_err(|error| error.to_string()), &path)
    }

    /// Takes the one that this process has already.
    fn loaded(&mut self) -> Option<Nvrtc> {
        #[cfg(target_os = "linux")]
        {
            use libloading::os::unix::{Library as Unix, RTLD_NOW};
            // glibc's and musl's value; it asks not to load anything.
            const RTLD_NOLOAD: i32 = 4;
            // SAFETY: nothing is loaded, so no initialiser runs.
            let library = unsafe { Unix::open(Some(SONAME), RTLD_NOW | RTLD_NOLOAD) }.ok()?;
            self.note("this process".into(), Ok(library.into()), Path::new(SONAME))
        }
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// Takes the one that the loader finds.
    fn by_name(&mut self) -> Option<Nvrtc> {
        // SAFETY: NVIDIA's libraries have no initialisers that rely on anything.
        let opened = unsafe { Library::new(SONAME) };
        let outcome = opened.map_err(|_| format!("no {SONAME}"));
        self.note("the loader's path".into(), outcome, Path::new(SONAME))
    }

    fn note(&mut self, place: String, opened: Result<Library, String>, path: &Path) -> Option<Nvrtc> {
        let outcome = opened.map(|library| Nvrtc::of(library, path));
        let (outcome, found) = match outcome {
            Err(problem) => (problem, None),
            Ok(Err(refused)) => {
                let problem = match &refused {
                    CudaError::OldNvrtc { problem, .. } => problem.clone(),
                    other => other.to_string(),
                };
                self.refused.get_or_insert(refused);
                (problem, None)
            }
            Ok(Ok(nvrtc)) => (format!("version {}.{}", nvrtc.version().0, nvrtc.version().1), Some(nvrtc)),
        };
        self.seen.push(Looked { place, outcome });
        found
    }
}

/// The file of a folder that begins with `stem`: version 13 if there is one, else whatever there is, so that it can be
/// refused by its version. `.alt` is another build of the compiler that is not to be mixed with.
fn library_in(folder: &Path, stem: &str) -> Option<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    let name = |path: &Path| path.file_name().map(OsStr::to_string_lossy).unwrap_or_default().into_owned();
    files.retain(|path| {
        let name = name(path);
        name.starts_with(stem) && !name.contains(".alt")
    });
    files.sort();
    let wanted = format!("{stem}.13");
    files.iter().find(|path| name(path).starts_with(&wanted)).or(files.last()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_file_of_a_folder_is_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| fs::write(folder.path().join(name), "").expect("a file");
        assert_eq!(library_in(folder.path(), "libnvrtc.so"), None);
        file("libnvrtc.so.12");
        file("libnvrtc.so.13.alt");
        file("libnvrtc-builtins.so.13.0");
        assert_eq!(library_in(folder.path(), "libnvrtc.so"), Some(folder.path().join("libnvrtc.so.12")));
        file("libnvrtc.so.13");
        assert_eq!(library_in(folder.path(), "libnvrtc.so"), Some(folder.path().join("libnvrtc.so.13")));
    }

    #[test]
    fn an_empty_folder_and_a_file_that_is_no_library_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let places = Places { only: Some(folder.path().into()), ..Places::default() };
        let (found, looked) = search(&places);
        assert_eq!(found.err(), Some(CudaError::NoNvrtc));
        assert_eq!(looked[0].outcome, "no libnvrtc in it");
        fs::write(folder.path().join("libnvrtc.so.13"), "not a library").expect("a file");
        let (found, looked) = search(&places);
        assert_eq!(found.err(), Some(CudaError::NoNvrtc));
        assert_ne!(looked[0].outcome, "no libnvrtc in it");
    }

    #[test]
    fn cuda_folders_are_tried_newest_first() {
        let root = tempfile::tempdir().expect("a folder");
        for name in ["cuda-12.4", "cuda-13.0", "cuda"] {
            fs::create_dir(root.path().join(name)).expect("a folder");
        }
        let expected: Vec<_> = ["cuda", "cuda-13.0", "cuda-12.4"].iter().map(|name| root.path().join(name)).collect();
        assert_eq!(installed(root.path()), expected);
    }
}
