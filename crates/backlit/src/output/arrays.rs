//! Arrays: NumPy's `.npy` and safetensors.

use std::collections::BTreeMap;

use npyz::WriterBuilder;
use safetensors::tensor::{Dtype, TensorView};

use super::OutputError;

/// Bytes of a `.npy` file (format 1.0) with a float32 array in C order.
///
/// # Errors
/// [`OutputError::Encode`] if `values` does not fill `shape`.
pub fn npy(shape: &[usize], values: &[f32]) -> Result<Vec<u8>, OutputError> {
    let error = |reason: String| OutputError::Encode { what: "a NumPy array", reason };
    check(shape, values).map_err(error)?;
    let mut bytes = Vec::with_capacity(128 + size_of_val(values));
    let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
    let options = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(&mut bytes);
    let mut writer = options.begin_nd().map_err(|e| error(e.to_string()))?;
    writer.extend(values.iter().copied()).map_err(|e| error(e.to_string()))?;
    writer.finish().map_err(|e| error(e.to_string()))?;
    Ok(bytes)
}

/// Bytes of a safetensors file with float32 tensors, the same bytes for the same input.
///
/// # Errors
/// [`OutputError::Encode`] if values do not fill their shape.
pub fn safetensors(tensors: &[(&str, &[usize], &[f32])]) -> Result<Vec<u8>, OutputError> {
    let error = |reason: String| OutputError::Encode { what: "a safetensors file", reason };
    let mut data: BTreeMap<&str, (&[usize], Vec<u8>)> = BTreeMap::new();
    for (name, shape, values) in tensors {
        check(shape, values).map_err(|e| error(format!("{name}: {e}")))?;
        data.insert(name, (shape, values.iter().flat_map(|v| v.to_le_bytes()).collect()));
    }
    let views = data.iter().map(|(name, (shape, bytes))| {
        TensorView::new(Dtype::F32, shape.to_vec(), bytes).map(|view| (*name, view)).map_err(|e| error(e.to_string()))
    });
    let views = views.collect::<Result<Vec<_>, _>>()?;
    safetensors::serialize(views, None).map_err(|e| error(e.to_string()))
}

fn check(shape: &[usize], values: &[f32]) -> Result<(), String> {
    let expected = shape.iter().try_fold(1usize, |len, &n| len.checked_mul(n));
    if expected == Some(values.len()) {
        Ok(())
    } else {
        Err(format!("{} values do not fill the shape {shape:?}", values.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npy_reads_back() {
        let bytes = npy(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.5]).unwrap();
        assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
        let file = npyz::NpyFile::new(&bytes[..]).unwrap();
        assert_eq!((file.shape(), file.order()), (&[2, 3][..], npyz::Order::C));
        assert_eq!(file.into_vec::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.5]);
    }

    #[test]
    fn safetensors_read_back_and_repeat() {
        let tensors: [(&str, &[usize], &[f32]); 2] = [("map", &[1, 2], &[1.0, -2.0]), ("logits", &[1], &[3.0])];
        let bytes = safetensors(&tensors).unwrap();
        assert_eq!(bytes, safetensors(&tensors).unwrap());
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let map = file.tensor("map").unwrap();
        assert_eq!((map.shape(), map.dtype()), (&[1, 2][..], Dtype::F32));
        assert_eq!(map.data(), [1f32.to_le_bytes(), (-2f32).to_le_bytes()].concat());
    }

    #[test]
    fn shapes_must_hold_their_values() {
        assert!(npy(&[2, 2], &[0.0; 3]).is_err());
        assert!(safetensors(&[("x", &[2], &[0.0; 3])]).is_err());
    }
}
