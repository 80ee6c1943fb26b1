//! One tensor of a file: where its numbers lie, and how to read them.

use std::ops::Range;

use half::{bf16, f16};
use safetensors::Dtype;

use super::Problem;

/// A tensor by its place in the data section.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    /// Bytes of the data section.
    pub(super) range: Range<usize>,
}

/// An exponent of all ones marks a float32 that is an infinity or a NaN.
const F32_EXPONENT: u32 = 0x7f80_0000;

impl Tensor {
    pub(super) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub(super) fn check_type_and_shape(&self, expected: &[usize]) -> Result<(), Problem> {
        if !matches!(self.dtype, Dtype::F32 | Dtype::F64 | Dtype::F16 | Dtype::BF16) {
            return Err(Problem::Type { name: self.name.clone(), found: format!("{:?}", self.dtype) });
        }
        if self.shape != expected {
            let (expected, found) = (expected.to_vec(), self.shape.clone());
            return Err(Problem::Shape { name: self.name.clone(), expected, found });
        }
        Ok(())
    }

    /// Calls `f` with a function from element to value. The type is looked up once, not for every element.
    pub(super) fn with<R>(&self, data: &[u8], f: impl Numbers<R>) -> R {
        let bytes = &data[self.range.clone()];
        match self.dtype {
            Dtype::F64 => f.call(|i| f64::from_le_bytes(at(bytes, i))),
            Dtype::F16 => f.call(|i| f64::from(f16::from_le_bytes(at(bytes, i)))),
            Dtype::BF16 => f.call(|i| f64::from(bf16::from_le_bytes(at(bytes, i)))),
            _ => f.call(|i| f64::from(f32::from_le_bytes(at(bytes, i)))),
        }
    }

    /// All its numbers.
    pub(super) fn values(&self, data: &[u8]) -> Vec<f64> {
        struct All(usize);
        impl Numbers<Vec<f64>> for All {
            fn call(self, value: impl Fn(usize) -> f64) -> Vec<f64> {
                (0..self.0).map(value).collect()
            }
        }
        self.with(data, All(self.len()))
    }

    /// Overwrites all its numbers, each rounded to the type that the tensor is stored as.
    pub(super) fn write(&self, data: &mut [u8], value: impl Fn(usize) -> f64) {
        fn fill<const N: usize>(bytes: &mut [u8], word: impl Fn(usize) -> [u8; N]) {
            bytes.chunks_exact_mut(N).enumerate().for_each(|(i, bytes)| bytes.copy_from_slice(&word(i)));
        }
        let bytes = &mut data[self.range.clone()];
        match self.dtype {
            Dtype::F64 => fill(bytes, |i| value(i).to_le_bytes()),
            Dtype::F16 => fill(bytes, |i| f16::from_f64(value(i)).to_le_bytes()),
            Dtype::BF16 => fill(bytes, |i| bf16::from_f64(value(i)).to_le_bytes()),
            _ => fill(bytes, |i| (value(i) as f32).to_le_bytes()),
        }
    }

    pub(super) fn check_finite(&self, data: &[u8]) -> Result<(), Problem> {
        // The usual case, in a form that compiles to vector code.
        if self.dtype == Dtype::F32 {
            let (words, _) = data[self.range.clone()].as_chunks::<4>();
            let bad = |block: &[[u8; 4]]| {
                block.iter().fold(false, |bad, w| bad | (u32::from_le_bytes(*w) & F32_EXPONENT == F32_EXPONENT))
            };
            if !words.chunks(1024).any(bad) {
                return Ok(());
            }
        }
        let values = self.values(data);
        match values.iter().position(|v| !(*v as f32).is_finite()) {
            Some(index) => Err(Problem::NonFinite { name: self.name.clone(), index, value: values[index] }),
            None => Ok(()),
        }
    }

    pub(super) fn check_not_negative(&self, data: &[u8]) -> Result<(), Problem> {
        let values = self.values(data);
        match values.iter().position(|v| *v < 0.0) {
            Some(index) => Err(Problem::NegativeVariance { name: self.name.clone(), index, value: values[index] }),
            None => Ok(()),
        }
    }
}

/// Work on the numbers of a tensor, compiled once for each type that they may be stored as.
pub(super) trait Numbers<R> {
    /// Does the work; `value(i)` is element `i`, counted through the tensor as stored.
    fn call(self, value: impl Fn(usize) -> f64) -> R;
}

fn at<const N: usize>(bytes: &[u8], index: usize) -> [u8; N] {
    let mut word = [0; N];
    word.copy_from_slice(&bytes[index * N..][..N]);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dtype: Dtype, bytes: &[u8]) -> Tensor {
        let len = bytes.len() * 8 / dtype.bitsize();
        Tensor { name: "t".into(), dtype, shape: vec![len], range: 0..bytes.len() }
    }

    #[test]
    fn narrow_and_wide_types_are_widened() {
        let values = [0.5, -2.0, 65504.0];
        let f64s: Vec<u8> = values.iter().flat_map(|v: &f64| v.to_le_bytes()).collect();
        let f32s: Vec<u8> = values.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect();
        let f16s: Vec<u8> = values.iter().flat_map(|v| f16::from_f64(*v).to_le_bytes()).collect();
        for (dtype, bytes) in [(Dtype::F64, &f64s), (Dtype::F32, &f32s), (Dtype::F16, &f16s)] {
            assert_eq!(tensor(dtype, bytes).values(bytes), values, "{dtype:?}");
        }
        let bf16s: Vec<u8> = [1.0, -3.5].iter().flat_map(|v| bf16::from_f64(*v).to_le_bytes()).collect();
        assert_eq!(tensor(Dtype::BF16, &bf16s).values(&bf16s), [1.0, -3.5]);
    }

    #[test]
    fn what_is_written_can_be_read() {
        for (dtype, size) in [(Dtype::F64, 8), (Dtype::F32, 4), (Dtype::F16, 2), (Dtype::BF16, 2)] {
            let mut bytes = vec![0xff; 3 * size];
            tensor(dtype, &bytes).write(&mut bytes, |i| [0.5, -2.0, 0.0][i]);
            assert_eq!(tensor(dtype, &bytes).values(&bytes), [0.5, -2.0, 0.0], "{dtype:?}");
        }
    }

    #[test]
    fn what_is_not_a_finite_float32_is_found() {
        let mut numbers = vec![1.0f32; 5000];
        numbers[4321] = f32::NEG_INFINITY;
        let bytes: Vec<u8> = numbers.iter().flat_map(|v| v.to_le_bytes()).collect();
        let found = tensor(Dtype::F32, &bytes).check_finite(&bytes);
        assert!(matches!(found, Err(Problem::NonFinite { index: 4321, .. })), "{found:?}");
        let bytes = 1e39f64.to_le_bytes();
        assert!(tensor(Dtype::F64, &bytes).check_finite(&bytes).is_err());
    }
}
