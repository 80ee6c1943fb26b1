//! The golden photographs, and what float64 says about them.

use std::path::Path;

use backlit_net::weights::Weights;
use backlit_net::{CLASSES, IMAGE_LEN};
use safetensors::{Dtype, SafeTensors};

use crate::Result;

/// Photographs with their expected logits and gradients.
pub struct Photographs {
    /// File names without their ending.
    pub names: Vec<String>,
    /// Preprocessed for the weights: `[n, 224, 224, 3]`.
    pub inputs: Vec<Vec<f32>>,
    /// The class whose gradient is known.
    pub targets: Vec<usize>,
    /// `[n, 1000]`.
    pub logits: Vec<Vec<f64>>,
    /// Gradient of the target's logit, `[n, 224, 224, 3]`.
    pub gradients: Vec<Vec<f64>>,
}

impl Photographs {
    /// Reads a golden file, or all of a folder by name.
    pub fn open(path: &Path, weights: &Weights) -> Result<Photographs> {
        let mut files = vec![path.to_owned()];
        if path.is_dir() {
            files = std::fs::read_dir(path)?.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
            files.retain(|f| f.extension().is_some_and(|e| e == "safetensors"));
            files.sort();
        }
        let mut all = Photographs { names: vec![], inputs: vec![], targets: vec![], logits: vec![], gradients: vec![] };
        for file in files {
            let bytes = std::fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
            let tensors = SafeTensors::deserialize(&bytes)?;
            let mut input = vec![0.0; IMAGE_LEN];
            weights.preprocessing().apply(tensors.tensor("rgb")?.data(), &mut input);
            let targets = tensors.tensor("targets")?;
            let target = targets.data().first_chunk().ok_or("no target")?;
            all.names.push(file.file_stem().unwrap_or_default().to_string_lossy().into_owned());
            all.inputs.push(input);
            all.targets.push(usize::try_from(i32::from_le_bytes(*target))?);
            all.logits.push(numbers(&tensors, "logits", CLASSES)?);
            all.gradients.push(numbers(&tensors, "grad_top1", IMAGE_LEN)?);
        }
        Ok(all)
    }

    /// Which photographs go together so that each is in some batch; they repeat where there are too few.
    pub fn batches(&self, size: usize) -> Vec<Vec<usize>> {
        let count = self.names.len();
        (0..count).step_by(size).map(|at| (0..size).map(|i| (at + i) % count).collect()).collect()
    }
}

fn numbers(tensors: &SafeTensors<'_>, name: &str, len: usize) -> Result<Vec<f64>> {
    let view = tensors.tensor(name)?;
    let numbers: Vec<f64> = match view.dtype() {
        Dtype::F32 => view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b).into()).collect(),
        Dtype::F64 => view.data().as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        other => return Err(format!("{name} is {other:?}, expected F32 or F64").into()),
    };
    if numbers.len() != len {
        return Err(format!("{name} has {} numbers, expected {len}", numbers.len()).into());
    }
    Ok(numbers)
}
