//! One file for one architecture: compiled and taken apart, unless that was done before and nothing has changed since.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::arch::Arch;
use super::log::{self, Log};
use super::sass::{self, Opcodes};
use super::tools::Tools;
use super::{Source, cubins};
use crate::project;

/// What there is to know of a cubin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Examined {
    /// Everything that decided what was compiled.
    key: String,
    pub(crate) log: Log,
    pub(crate) opcodes: BTreeMap<String, Opcodes>,
    pub(crate) threads: BTreeMap<String, u32>,
    /// Bytes.
    pub(crate) size: usize,
}

/// Leaves the cubin in `target/cubins/ARCH`, and in `target/cubins/ready` as the engine takes it.
///
/// The outer error ends everything, the inner one is what the compiler says of the source.
pub(crate) fn examine(
    tools: &Tools,
    source: &Source,
    headers: &[Source],
    arch: &Arch,
) -> Result<Result<Examined, String>, String> {
    let (name, text) = (source.0.as_str(), source.1.as_str());
    let path = cubins().join(arch.name).join(name).with_extension("cubin");
    let notes = path.with_extension("json");
    let key = tools.key((name, text), headers, arch.name);
    let kept = std::fs::read_to_string(&notes).ok().and_then(|text| serde_json::from_str::<Examined>(&text).ok());
    let cubin = std::fs::read(&path).ok();
    let (examined, cubin) = match (kept, cubin) {
        (Some(kept), Some(cubin)) if kept.key == key => (kept, cubin),
        _ => {
            let compiled = match tools.compile((name, text), headers, arch.name) {
                Ok(compiled) => compiled,
                Err(e) => return Ok(Err(e.to_string())),
            };
            project::write(&path, &compiled.cubin)?;
            let dump = tools.dump(&path)?;
            let (opcodes, threads) = (sass::parse(&dump.sass), sass::threads(&dump.elf));
            let size = compiled.cubin.len();
            let examined = Examined { key, log: log::parse(&compiled.log), opcodes, threads, size };
            project::write(&notes, serde_json::to_vec(&examined).map_err(|e| e.to_string())?)?;
            (examined, compiled.cubin)
        }
    };
    let (file, entry) = tools.ready((name, text), arch.name, &cubin);
    project::write(&cubins().join("ready").join(file), entry)?;
    Ok(Ok(examined))
}
