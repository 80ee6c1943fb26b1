//! Running the command, and reading what it leaves.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use backlit::cpu::ISA_VARIABLE;
use backlit::cpu::isa::Level;
use backlit_testkit::golden::Golden;
use safetensors::SafeTensors;
use serde_json::Value;
use tempfile::TempDir;

/// The checkout.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The one photograph that this repository may contain.
pub(crate) fn chelsea() -> PathBuf {
    Path::new(ROOT).join("assets/chelsea.png")
}

/// Another photograph: the same, mirrored.
pub(crate) fn mirrored() -> PathBuf {
    static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let path = folder.join("mirrored.png");
        let picture = image::open(chelsea()).unwrap().fliph();
        // Renamed into place, as another run of these tests may be reading it.
        let file = tempfile::Builder::new().suffix(".png").tempfile_in(folder).unwrap();
        picture.save(file.path()).unwrap();
        file.persist(&path).unwrap();
        path
    });
    PATH.clone()
}

/// What a float64 network says about [`chelsea`].
pub(crate) fn golden() -> Golden {
    Golden::open(&Path::new(ROOT).join("tests/golden/chelsea.safetensors"))
}

/// The folder that keeps the weights; they are fetched if they are not in it.
fn cache() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let own = Path::new(ROOT).join("weights");
        let folder = std::env::var_os("BACKLIT_CACHE").filter(|v| !v.is_empty()).map_or(own, PathBuf::from);
        let fetch = Command::new(env!("CARGO_BIN_EXE_backlit"))
            .args(["weights", "fetch"])
            .env("BACKLIT_CACHE", &folder)
            .output()
            .expect("the command runs");
        assert!(fetch.status.success(), "the published weights: {}", String::from_utf8_lossy(&fetch.stderr));
        folder
    });
    &FOLDER
}

/// A folder of its own, from which the command is run.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Place {
        Place(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The command, with the weights at hand.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = self.bare(arguments);
        command.env("BACKLIT_CACHE", cache());
        command
    }

    /// The command, with an empty cache.
    pub(crate) fn bare<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backlit"));
        command.args(arguments).current_dir(&self.0).stdin(Stdio::null());
        command.env("BACKLIT_CACHE", self.path("cache")).env("RUST_BACKTRACE", "1");
        // The same engine on every machine: real GPUs are hidden from the driver. The stand-in does not look at it.
        command.env("CUDA_VISIBLE_DEVICES", "");
        if Level::Amx.is_available() && std::env::var_os(ISA_VARIABLE).is_none_or(|name| name == "amx") {
            // Where there is AMX the usual precision is another.
            command.env(ISA_VARIABLE, Level::Avx512.as_str());
        }
        command
    }

    /// Runs a line of arguments, split at blanks; `{cat}` and `{mirrored}` stand for the photographs.
    pub(crate) fn run(&self, line: &str) -> Run {
        run(&mut self.command(&split(line)))
    }

    /// Names of all files below, sorted; the cache is left out.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        list(self.0.path(), "", &mut found);
        found.retain(|f| !f.starts_with("cache/"));
        found.sort();
        found
    }

    /// A JSON file.
    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Tensors of a safetensors file, all float32: shape and values.
    pub(crate) fn tensors(&self, name: &str) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
        let bytes = fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let read = |(name, view): (String, safetensors::tensor::TensorView)| {
            assert_eq!(view.dtype(), safetensors::Dtype::F32, "{name}");
            let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            (name, (view.shape().to_vec(), values))
        };
        file.tensors().into_iter().map(read).collect()
    }
}

pub(crate) fn split(line: &str) -> Vec<String> {
    let path = |p: PathBuf| p.to_str().expect("the checkout lies in a folder with a plain name").to_owned();
    let replace = |word: &str| match word {
        "{cat}" => path(chelsea()),
        "{mirrored}" => path(mirrored()),
        word => word.to_owned(),
    };
    line.split_whitespace().map(replace).collect()
}

/// Folders count only if they are empty.
fn list(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            if fs::read_dir(entry.path()).unwrap().next().is_none() {
                found.push(format!("{name}/"));
            }
            list(&entry.path(), &format!("{name}/"), found);
        } else {
            found.push(name);
        }
    }
}

/// A finished run.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn run(command: &mut Command) -> Run {
    finished(command.output().expect("the command runs"))
}

/// The same, with something on standard input.
pub(crate) fn run_with_input(command: &mut Command, input: &[u8]) -> Run {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command runs");
    // A command that fails early does not read it.
    let _ = child.stdin.take().unwrap().write_all(input);
    finished(child.wait_with_output().unwrap())
}

pub(crate) fn finished(output: Output) -> Run {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let run = Run { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) };
    for word in ["panicked", "RUST_BACKTRACE", "stack backtrace"] {
        assert!(!run.out.contains(word) && !run.err.contains(word), "{}{}", run.out, run.err);
    }
    run
}

impl Run {
    /// It must have worked, without a word on standard error.
    #[track_caller]
    pub(crate) fn ok(self) -> Run {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self
    }

    /// It must have failed with this code, nothing on standard output, and one line that says all of these.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, says: &[&str]) {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.err);
        assert_eq!(self.err.lines().count(), 1, "not one line: {}", self.err);
        assert!(self.err.starts_with("error: ") && self.err.ends_with('\n'), "{:?}", self.err);
        for words in says {
            assert!(self.err.contains(words), "no `{words}` in: {}", self.err);
        }
    }

    /// The same with `--json`: an object without images on standard output.
    #[track_caller]
    pub(crate) fn fails_with_json(self, code: i32, says: &str) {
        assert_eq!((self.code, self.json()), (code, serde_json::json!({ "images": [] })), "{}", self.err);
        assert!(self.err.starts_with("error: ") && self.err.contains(says), "{}", self.err);
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
    }

    /// Standard output, all of it one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }
}

/// Keys of an object, in their order.
#[track_caller]
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}")).keys().map(String::as_str).collect()
}

/// A number, which JSON cannot hold unless it is finite.
#[track_caller]
pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// Whether it is a hash as `sha256sum` prints it.
pub(crate) fn is_sha256(value: &Value) -> bool {
    value.as_str().is_some_and(|s| s.len() == 64 && s.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)))
}

/// Width and height of a picture that decodes.
pub(crate) fn size(path: &Path) -> (u32, u32) {
    let picture = image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    (picture.width(), picture.height())
}
