//! NVRTC, cuobjdump and nvdisasm: found, or installed by the user's own pip.

use std::path::{Path, PathBuf};
use std::process::Command;

use backlit_cuda::CudaError;
use backlit_cuda::compile::{Compiled, Key, Nvrtc, options};
use backlit_cuda::kernels::HEADERS;

use crate::project;

/// The compiler, and the folder with cuobjdump and nvdisasm.
pub(crate) struct Tools {
    nvrtc: Nvrtc,
    bin: PathBuf,
}

/// What cuobjdump prints.
pub(crate) struct Dump {
    /// Machine code.
    pub(crate) sass: String,
    /// Sections and attributes.
    pub(crate) elf: String,
}

impl Tools {
    /// `$BACKLIT_NVRTC_DIR` has NVRTC, and `../bin` beside it the other two; what is missing is installed once, with
    /// the versions and hashes of `kernels/requirements.txt`, below `target/cuda-tools`.
    pub(crate) fn find() -> Result<Tools, String> {
        let own = project::target().join("cuda-tools/nvidia/cu13");
        let given = std::env::var_os("BACKLIT_NVRTC_DIR").map(PathBuf::from);
        let lib = given.clone().unwrap_or_else(|| own.join("lib"));
        let beside = lib.parent().map_or_else(|| lib.clone(), |p| p.join("bin"));
        let bin = if has_tools(&beside) { beside } else { own.join("bin") };
        if !has_tools(&bin) || given.is_none() && !lib.is_dir() {
            install(&project::target().join("cuda-tools"))?;
        }
        if !has_tools(&bin) {
            return Err(format!("no cuobjdump and nvdisasm in {}", bin.display()));
        }
        let nvrtc = Nvrtc::in_folder(&lib).map_err(|e| format!("{}: {e}", lib.display()))?;
        Ok(Tools { nvrtc, bin })
    }

    /// Compiles as the engine does, with a report in the log.
    pub(crate) fn compile(
        &self,
        (name, text): (&str, &str),
        headers: &[(String, String)],
        arch: &str,
    ) -> Result<Compiled, CudaError> {
        let mut options = options(arch);
        options.push("--ptxas-options=-v".into());
        self.nvrtc.compile(name, text, headers, arch, &options)
    }

    /// Everything that decides what a source becomes, in few letters.
    pub(crate) fn key(&self, (name, text): (&str, &str), headers: &[(String, String)], arch: &str) -> String {
        Key::new(name, text, headers, &options(arch)).file_name(self.nvrtc.version())
    }

    /// Under which name, and as which bytes, the engine finds this cubin in a folder of ready ones.
    pub(crate) fn ready(&self, (name, text): (&str, &str), arch: &str, cubin: &[u8]) -> (String, Vec<u8>) {
        let key = Key::new(name, text, HEADERS, &options(arch));
        (key.file_name(self.nvrtc.version()), key.entry(cubin))
    }

    /// Takes a cubin apart.
    pub(crate) fn dump(&self, cubin: &Path) -> Result<Dump, String> {
        Ok(Dump { sass: self.cuobjdump("-sass", cubin)?, elf: self.cuobjdump("-elf", cubin)? })
    }

    fn cuobjdump(&self, what: &str, cubin: &Path) -> Result<String, String> {
        let mut path = self.bin.clone().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let output = Command::new(self.bin.join("cuobjdump")).arg(what).arg(cubin).env("PATH", path).output();
        let output = output.map_err(|e| format!("cuobjdump: {e}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("cuobjdump {what} {}: {}", cubin.display(), said.trim()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn has_tools(bin: &Path) -> bool {
    bin.join("cuobjdump").is_file() && bin.join("nvdisasm").is_file()
}

/// `python3 -m pip install` from wherever the user's pip gets packages.
fn install(folder: &Path) -> Result<(), String> {
    let requirements = project::root().join("kernels/requirements.txt");
    eprintln!("installing NVRTC, cuobjdump and nvdisasm into {}", folder.display());
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--no-deps", "--require-hashes", "--quiet", "--upgrade", "--target"]);
    // A user's own default place and a named one exclude each other.
    let output = pip.env_remove("PIP_USER").arg(folder).arg("-r").arg(&requirements).output();
    let hint = "install them by hand and set BACKLIT_NVRTC_DIR to the folder of libnvrtc.so.13";
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let last =
                said.lines().rfind(|l| l.starts_with("ERROR")).or_else(|| said.lines().last()).unwrap_or("pip failed");
            Err(format!("the packages of kernels/requirements.txt could not be installed ({last}); {hint}"))
        }
        Err(e) => Err(format!("the packages of kernels/requirements.txt need python3 with pip ({e}); {hint}")),
    }
}
