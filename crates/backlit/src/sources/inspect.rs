//! Looking at weights files: what they are, whether they are intact, and rewriting them.

use std::fs;
use std::path::Path;

use backlit_net::Variant;
use backlit_net::preprocess::Preprocessing;
use backlit_net::weights::{Archive, Claims, Naming, Problem, Weights, WeightsError};

use super::{Manifest, SourceError};

/// What a weights file is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Info {
    /// Which ResNet-50.
    pub variant: Variant,
    /// What BatchNorm adds to the variance.
    pub epsilon: f64,
    /// What the network was trained to be shown.
    pub preprocessing: Preprocessing,
    /// Where the weights come from.
    pub source: String,
    /// How the tensors are named.
    pub naming: Naming,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Tensors in the file.
    pub tensors: usize,
    /// Numbers in the tensors that the network uses.
    pub parameters: usize,
}

/// What is known about a file that passed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Verification {
    /// What the file is.
    pub info: Info,
    /// The tensors' bytes have the hash that the file's own metadata gives; false if it gives none.
    pub data_matches: bool,
    /// The file is, byte for byte, the published one of the manifest; false if the manifest does not know its source.
    pub published: bool,
}

/// Reads a weights file and says what it is.
pub fn info(path: &Path) -> Result<Info, SourceError> {
    Ok(describe(&Weights::open(path)?))
}

/// Reads a weights file and recomputes every hash that is known of it; a hash that differs is an error.
pub fn verify(path: &Path) -> Result<Verification, SourceError> {
    verify_against(path, &Manifest::published())
}

fn verify_against(path: &Path, manifest: &Manifest) -> Result<Verification, SourceError> {
    let weights = Weights::open(path)?;
    let differs = |part: &str, expected: &str, found: &str| SourceError::Hash {
        file: format!("{}{part}", path.display()),
        expected: expected.into(),
        found: found.into(),
    };
    let claimed = weights.claimed_data_sha256();
    if let Some(claimed) = claimed {
        let found = weights.data_sha256();
        if !claimed.eq_ignore_ascii_case(&found) {
            return Err(differs(" (tensors)", claimed, &found));
        }
    }
    let known = weights.source() == format!("npm:{}", manifest.package.spec())
        && path.file_name().is_some_and(|name| name == manifest.converted.name.as_str());
    if known && weights.sha256() != manifest.converted.sha256 {
        return Err(differs("", &manifest.converted.sha256, weights.sha256()));
    }
    let published = weights.sha256() == manifest.converted.sha256;
    Ok(Verification { info: describe(&weights), data_matches: claimed.is_some(), published })
}

/// Reads weights, a safetensors file or the `model.json` of a tfjs model with its shards beside it, and writes them
/// as one safetensors file that says what it is. `claims` take precedence over what the input says.
pub fn convert(input: &Path, output: &Path, claims: &Claims) -> Result<Info, SourceError> {
    let weights = match input.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) {
        false => Weights::open_as(input, claims)?,
        true => {
            let origin = input.display().to_string();
            let archive = Archive::from_tfjs(&read(input)?, &origin, |shard| match Path::new(shard).file_name() {
                Some(name) if name == shard => read(&input.with_file_name(name)),
                _ => Err(WeightsError {
                    origin: origin.clone(),
                    problem: Problem::Tfjs(format!("its shard `{shard}` does not lie beside it")),
                }),
            })?;
            Weights::from_archive(archive, &origin, claims)?
        }
    };
    weights.save(output)?;
    info(output)
}

fn read(path: &Path) -> Result<Vec<u8>, WeightsError> {
    fs::read(path).map_err(|e| WeightsError { origin: path.display().to_string(), problem: Problem::Read(e) })
}

fn describe(weights: &Weights) -> Info {
    Info {
        variant: weights.variant(),
        epsilon: weights.epsilon(),
        preprocessing: weights.preprocessing(),
        source: weights.source().into(),
        naming: weights.naming(),
        sha256: weights.sha256().into(),
        tensors: weights.tensors(),
        parameters: weights.parameters(),
    }
}
