//! The format of TensorFlow.js: a `model.json` that lists tensors, and shards with their bytes end to end.

use safetensors::Dtype;
use serde::Deserialize;

use super::tensor::Tensor;
use super::{Archive, Problem, WeightsError};

/// More than any ResNet-50 holds, so that a corrupted list of shapes cannot ask for all of memory.
const MAX_DATA_BYTES: usize = 1 << 30;

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "weightsManifest")]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    paths: Vec<String>,
    weights: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    shape: Vec<usize>,
    dtype: String,
    quantization: Option<serde_json::Value>,
}

impl Archive {
    /// Reads a tfjs model: `model_json` is the text of its `model.json`, `shard` gets one of the files listed there.
    ///
    /// Tensors keep their names, and the numbers their layout. Only plain float32 is read.
    pub fn from_tfjs<E: From<WeightsError>>(
        model_json: &[u8],
        origin: &str,
        mut shard: impl FnMut(&str) -> Result<Vec<u8>, E>,
    ) -> Result<Archive, E> {
        let problem = |text: String| WeightsError { origin: origin.into(), problem: Problem::Tfjs(text) };
        let model: Model = serde_json::from_slice(model_json).map_err(|e| problem(e.to_string()))?;
        let tensors = layout(&model).map_err(&problem)?;
        let length = tensors.last().map_or(0, |(_, t)| t.range.end);
        let mut data = Vec::with_capacity(length);
        for (index, group) in model.groups.iter().enumerate() {
            for path in &group.paths {
                data.extend_from_slice(&shard(path)?);
            }
            let end = tensors.iter().rfind(|(of, _)| *of == index).map_or(data.len(), |(_, t)| t.range.end);
            if data.len() != end {
                let found = data.len();
                return Err(problem(format!("the shards hold {found} bytes where its tensors need {end}")).into());
            }
        }
        Ok(Archive::from_parts(tensors.into_iter().map(|(_, tensor)| tensor).collect(), data))
    }
}

/// All tensors, each with its group, end to end.
fn layout(model: &Model) -> Result<Vec<(usize, Tensor)>, String> {
    let mut tensors: Vec<(usize, Tensor)> = Vec::new();
    let mut start = 0usize;
    for (index, group) in model.groups.iter().enumerate() {
        for entry in &group.weights {
            if entry.dtype != "float32" || entry.quantization.is_some() {
                return Err(format!("tensor `{}` is {} or quantized", entry.name, entry.dtype));
            }
            let bytes = entry.shape.iter().try_fold(4usize, |n, side| n.checked_mul(*side));
            let end = bytes.and_then(|n| start.checked_add(n)).filter(|end| *end <= MAX_DATA_BYTES);
            let Some(end) = end else {
                return Err(format!("tensor `{}` has the impossible shape {:?}", entry.name, entry.shape));
            };
            let (name, shape) = (entry.name.clone(), entry.shape.clone());
            tensors.push((index, Tensor { name, dtype: Dtype::F32, shape, range: start..end }));
            start = end;
        }
    }
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = r#"{"weightsManifest": [
        {"paths": ["a", "b"], "weights": [{"name": "x/kernel", "shape": [3], "dtype": "float32"}]},
        {"paths": ["c"], "weights": [{"name": "y/bias", "shape": [1, 1], "dtype": "float32"}]}]}"#;

    fn read(model: &str, sizes: [usize; 3]) -> Result<Archive, WeightsError> {
        Archive::from_tfjs(model.as_bytes(), "model.json", |path| {
            Ok(vec![path.as_bytes()[0]; sizes[usize::from(path.as_bytes()[0] - b'a')]])
        })
    }

    #[test]
    fn shards_are_joined_across_tensors() {
        let archive = read(MODEL, [5, 7, 4]).unwrap();
        assert_eq!(archive.data(), b"aaaaabbbbbbbcccc");
        let places: Vec<_> = archive.tensors().map(|(name, t)| (name.to_string(), t.range)).collect();
        assert_eq!(places, [("x/kernel".into(), 0..12), ("y/bias".into(), 12..16)]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for sizes in [[5, 6, 4], [5, 8, 4], [5, 7, 3], [5, 7, 5]] {
            assert!(read(MODEL, sizes).unwrap_err().to_string().contains("bytes where its tensors need"), "{sizes:?}");
        }
        for bad in
            ["", "{}", "[1]", &MODEL.replace("float32", "uint8"), &MODEL.replace("[3]", "[4294967296, 4294967296]")]
        {
            assert!(matches!(read(bad, [5, 7, 4]), Err(WeightsError { problem: Problem::Tfjs(_), .. })), "{bad}");
        }
    }
}
