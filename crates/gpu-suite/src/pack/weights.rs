//! Weights in half the bytes, of which a third are zero bits.
//!
//! Filters are rounded to eight significant bits and stored as float16: PyTorch and NumPy read that, and it compresses
//! well. Another network, but as good a one to check and to measure with: folding BatchNorm makes full float64 of it.

use std::collections::HashMap;

use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

/// A file of float32 tensors with its filters rounded.
pub(super) fn rounded(file: &[u8]) -> Result<Vec<u8>, String> {
    let problem = |e: safetensors::SafeTensorError| format!("the weights: {e}");
    let (_, metadata) = SafeTensors::read_metadata(file).map_err(problem)?;
    let tensors = SafeTensors::deserialize(file).map_err(problem)?;
    let mut small: HashMap<String, Vec<u8>> = HashMap::new();
    for (name, view) in tensors.iter().filter(|(_, v)| v.dtype() == Dtype::F32 && v.shape().len() >= 2) {
        let value = |b: &[u8; 4]| bf16::from_f32(f32::from_le_bytes(*b)).to_f32();
        let words = view.data().as_chunks::<4>().0.iter().map(value);
        small.insert(name.into(), words.flat_map(|v| f16::from_f32(v).to_le_bytes()).collect());
    }
    let mut views = vec![];
    for (name, view) in tensors.iter() {
        let (dtype, data) = match small.get(name) {
            Some(data) => (Dtype::F16, data.as_slice()),
            None => (view.dtype(), view.data()),
        };
        views.push((name, TensorView::new(dtype, view.shape().to_vec(), data).map_err(problem)?));
    }
    safetensors::serialize(views, metadata.metadata().clone()).map_err(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_rounded_and_vectors_are_kept() {
        let (filter, bias) = ([1.0f32, -0.3], [0.1f32, 0.2]);
        let bytes = |v: &[f32; 2]| v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let (f, b) = (bytes(&filter), bytes(&bias));
        let view = |shape: Vec<usize>, data| TensorView::new(Dtype::F32, shape, data).expect("a tensor");
        let named = HashMap::from([("of".to_owned(), "a test".to_owned())]);
        let file = safetensors::serialize([("w", view(vec![1, 2], &f)), ("b", view(vec![2], &b))], Some(named));
        let file = rounded(&file.expect("a file")).expect("it is rounded");
        let read = SafeTensors::deserialize(&file).expect("a file");
        let w = read.tensor("w").expect("the filter");
        assert_eq!((w.dtype(), w.shape()), (Dtype::F16, &[1, 2][..]));
        let second = f16::from_le_bytes([w.data()[2], w.data()[3]]).to_f32();
        assert_eq!(second, bf16::from_f32(-0.3).to_f32());
        assert_eq!(read.tensor("b").expect("the bias").data(), b);
        let (_, metadata) = SafeTensors::read_metadata(&file).expect("a head");
        assert_eq!(metadata.metadata().as_ref().map(|m| m["of"].as_str()), Some("a test"));
    }
}
