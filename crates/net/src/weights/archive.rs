//! Named tensors in one piece of memory, and the safetensors file that holds them.
//!
//! The format: eight bytes with the length of the header, the header as JSON (name to type, shape and place; free
//! text under `__metadata__`), then the data section.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use safetensors::SafeTensors;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::tensor::Tensor;
use super::{Problem, Provenance, WeightsError, provenance};
use crate::files::{Sync, hex, sha256, write_whole};

/// Tensors by name over one block of bytes, and free metadata.
#[derive(Debug)]
pub struct Archive {
    /// What was read: a whole file, or a data section alone.
    bytes: Vec<u8>,
    /// Where the data section begins.
    data_start: usize,
    /// In the order of the data.
    tensors: Vec<Tensor>,
    metadata: BTreeMap<String, String>,
}

impl Archive {
    /// Reads the bytes of a safetensors file, which `origin` names in messages.
    pub fn from_safetensors(bytes: Vec<u8>, origin: &str) -> Result<Archive, WeightsError> {
        let problem = |text: String| WeightsError { origin: origin.into(), problem: Problem::Format(text) };
        let (header, parsed) = SafeTensors::read_metadata(&bytes).map_err(|e| problem(e.to_string()))?;
        let mut tensors: Vec<_> = parsed
            .tensors()
            .into_iter()
            .map(|(name, info)| Tensor {
                name,
                dtype: info.dtype,
                shape: info.shape.clone(),
                range: info.data_offsets.0..info.data_offsets.1,
            })
            .collect();
        // The parser hands them out in the order of a hash table; empty tensors share their place with a neighbour.
        tensors.sort_by(|a, b| (a.range.start, a.range.end, &a.name).cmp(&(b.range.start, b.range.end, &b.name)));
        let metadata = parsed.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
        Ok(Archive { bytes, data_start: 8 + header, tensors, metadata })
    }

    /// Tensors that lie one after the other in `data`.
    pub(super) fn from_parts(tensors: Vec<Tensor>, data: Vec<u8>) -> Archive {
        Archive { bytes: data, data_start: 0, tensors, metadata: BTreeMap::new() }
    }

    /// A copy whose data section `edit` has changed. It no longer claims a checksum.
    pub(super) fn edited(&self, edit: impl FnOnce(&mut [u8])) -> Archive {
        let mut bytes = self.data().to_vec();
        edit(&mut bytes);
        let mut metadata = self.metadata.clone();
        metadata.remove(provenance::SHA256);
        Archive { bytes, data_start: 0, tensors: self.tensors.clone(), metadata }
    }

    /// Names in the order of the data.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.tensors.iter().map(|t| t.name.as_str())
    }

    /// The metadata that was read.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The data section.
    pub fn data(&self) -> &[u8] {
        &self.bytes[self.data_start..]
    }

    /// SHA-256 of the data section, in lower-case hexadecimal digits.
    pub fn data_sha256(&self) -> String {
        sha256(self.data())
    }

    pub(super) fn file_sha256(&self) -> String {
        sha256(&self.bytes)
    }

    pub(super) fn tensors(&self) -> impl Iterator<Item = (&str, Tensor)> {
        self.tensors.iter().map(|t| (t.name.as_str(), t.clone()))
    }

    /// Writes a safetensors file whose metadata begins with `provenance`; returns the SHA-256 of the file.
    ///
    /// Tensors keep their order and their bytes, so the same archive always gives the same file.
    pub(super) fn write(&self, path: &Path, provenance: &Provenance) -> io::Result<String> {
        let mut hash = Sha256::new();
        let header = self.header(provenance);
        write_whole(path, Sync::Yes, |file| {
            [header.as_slice(), self.data()].into_iter().try_for_each(|part| {
                hash.update(part);
                file.write_all(part)
            })
        })?;
        Ok(hex(&hash.finalize()))
    }

    /// Length and JSON, padded with spaces so that the data begins at a multiple of eight bytes.
    fn header(&self, provenance: &Provenance) -> Vec<u8> {
        let entries = provenance.entries(&self.data_sha256(), &self.metadata);
        let mut header = Map::new();
        header.insert("__metadata__".into(), entries.into_iter().map(|(k, v)| (k, Value::from(v))).collect());
        for tensor in &self.tensors {
            let place = [tensor.range.start, tensor.range.end];
            let info = json!({ "dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": place });
            header.insert(tensor.name.clone(), info);
        }
        let mut json = Value::Object(header).to_string().into_bytes();
        json.resize(json.len().next_multiple_of(8), b' ');
        [&(json.len() as u64).to_le_bytes()[..], &json].concat()
    }
}
