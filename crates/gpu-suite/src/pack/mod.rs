//! pack: weights rounded until they pack small, and what a float64 network with exactly these weights says.

mod pictures;
mod weights;

use std::path::Path;

use crate::suite::Suite;

/// Writes weights and photographs, unless they are there already.
pub(crate) fn pack(suite: &Suite, weights: &Path) -> Result<(), String> {
    let to = suite.weights_file();
    if !to.is_file() {
        let bytes = std::fs::read(weights).map_err(|e| format!("{}: {e}", weights.display()))?;
        write(&to, &weights::rounded(&bytes)?)?;
    }
    let folder = suite.pictures_folder();
    if !folder.is_dir() {
        for (name, bytes) in pictures::pictures(&suite.weights()?)? {
            write(&folder.join(name).with_extension("safetensors"), &bytes)?;
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    let done = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, bytes));
    done.map_err(|e| format!("{}: {e}", path.display()))
}
