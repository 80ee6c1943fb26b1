//! The C++ compiler and its flags.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How an object is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// The emulator itself.
    Runtime,
    /// A kernel, to run fast.
    Fast,
    /// A kernel that calls the checker at every load and store, and traps undefined behaviour.
    Checked,
}

/// `c++` or what `CXX` says.
pub(crate) struct Compiler {
    tool: cc::Tool,
    version: String,
    include: Vec<PathBuf>,
}

impl Compiler {
    /// Finds it, or stops the build with a message that says what to install.
    pub(crate) fn find(include: &[&Path]) -> Compiler {
        let mut build = cc::Build::new();
        build.cpp(true).std("c++17").opt_level(2).debug(true).pic(true).warnings(false).cargo_metadata(false);
        let tool = build.try_get_compiler().unwrap_or_else(|e| missing(&e.to_string()));
        let version = match tool.to_command().arg("--version").output() {
            Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
            Ok(output) => missing(&String::from_utf8_lossy(&output.stderr)),
            Err(e) => missing(&format!("{}: {e}", tool.path().display())),
        };
        Compiler { tool, version, include: include.iter().map(|p| p.to_path_buf()).collect() }
    }

    /// Arguments beside those that `cc` gives, the source and the object.
    pub(crate) fn arguments(&self, flavour: Flavour) -> Vec<OsString> {
        let mut all: Vec<OsString> = vec![];
        // A multiply and an add stay two roundings unless the kernel says fmaf.
        for flag in ["-ffp-contract=off", "-fno-semantic-interposition", "-Wno-unknown-pragmas", "-Wno-psabi", "-MMD"] {
            all.push(flag.into());
        }
        all.extend(features().into_iter().map(OsString::from));
        for folder in &self.include {
            all.extend(["-I".into(), folder.into()]);
        }
        let own: &[&str] = match flavour {
            Flavour::Runtime => &[],
            // A call of the emulator that ends a kernel stays a call, or nobody knows where it came from.
            Flavour::Fast => &["-fno-optimize-sibling-calls", "-x", "c++"],
            // Of undefined behaviour, what the checker has handlers for.
            Flavour::Checked => &[
                "-O1",
                "-fno-optimize-sibling-calls",
                "-DEMU_CHECKED",
                "-fsanitize=thread",
                "-fsanitize=bounds-strict,shift,signed-integer-overflow,integer-divide-by-zero",
                "-x",
                "c++",
            ],
        };
        all.extend(own.iter().map(OsString::from));
        all
    }

    /// What an object depends on beside its files.
    pub(crate) fn identity(&self, flavour: Flavour) -> String {
        format!("{}\n{:?}\n{:?}", self.version, self.tool.to_command(), self.arguments(flavour))
    }

    /// Ready for the source and the object.
    pub(crate) fn command(&self, flavour: Flavour) -> Command {
        let mut command = self.tool.to_command();
        command.args(self.arguments(flavour));
        command
    }

    /// Links a shared library that others find by its file name.
    pub(crate) fn link(&self, library: &Path, objects: &[PathBuf]) {
        let name = library.file_name().unwrap_or_default().to_string_lossy();
        let mut command = Command::new(self.tool.path());
        command.arg("-shared").arg("-o").arg(library).arg(format!("-Wl,-soname,{name}")).args(objects);
        // Calls inside the library go straight, not through a table.
        let output =
            command.args(["-Wl,-Bsymbolic", "-pthread", "-ldl"]).output().unwrap_or_else(|e| missing(&e.to_string()));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "linking {name} failed:\n{said}");
    }
}

fn missing(why: &str) -> ! {
    panic!(
        "the CUDA emulator is C++ and needs a compiler with C++17 (Debian: `apt-get install g++`), found as `c++` or \
         named by CXX: {why}"
    )
}

/// The tests run where they are built, so the vector instructions of this machine may be used.
fn features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("fma")
        && std::is_x86_feature_detected!("avx2")
        && std::is_x86_feature_detected!("f16c")
    {
        return vec!["-mavx2", "-mfma", "-mf16c"];
    }
    vec![]
}
