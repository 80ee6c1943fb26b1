//! Reference data: what a float64 network said about a photograph.

use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

/// One photograph's reference data; computed in float64, stored as float32 but for a few keys.
pub struct Golden {
    bytes: Vec<u8>,
}

impl Golden {
    /// Reads a file.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn open(path: &Path) -> Golden {
        Golden { bytes: std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())) }
    }

    /// The photographs to compare with: the one in this repository, or all in the folder `$BACKLIT_GOLDEN`.
    ///
    /// # Panics
    /// If there is none.
    pub fn all() -> Vec<(String, Golden)> {
        let own = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden"));
        let folder = std::env::var_os("BACKLIT_GOLDEN").map_or(own, PathBuf::from);
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("a folder entry").path()).collect();
        paths.retain(|p| p.extension().is_some_and(|e| e == "safetensors"));
        paths.sort();
        assert!(!paths.is_empty(), "no golden file in {}", folder.display());
        let name = |p: &Path| p.file_stem().expect("a file").to_string_lossy().into_owned();
        paths.iter().map(|p| (name(p), Golden::open(p))).collect()
    }

    /// A tensor of float32 or float64.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn values(&self, key: &str) -> Vec<f64> {
        let file = SafeTensors::deserialize(&self.bytes).expect("a safetensors file");
        let view = file.tensor(key).unwrap_or_else(|e| panic!("{key}: {e}"));
        match view.dtype() {
            Dtype::F32 => view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b).into()).collect(),
            Dtype::F64 => view.data().as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
            Dtype::I32 => view.data().as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b).into()).collect(),
            other => panic!("{key} is {other:?}"),
        }
    }

    /// Whether there is a tensor of that name.
    pub fn has(&self, key: &str) -> bool {
        SafeTensors::deserialize(&self.bytes).expect("a safetensors file").tensor(key).is_ok()
    }

    /// A tensor of bytes.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn bytes(&self, key: &str) -> Vec<u8> {
        let file = SafeTensors::deserialize(&self.bytes).expect("a safetensors file");
        file.tensor(key).unwrap_or_else(|e| panic!("{key}: {e}")).data().to_vec()
    }

    /// The preprocessed image, `[224, 224, 3]`.
    pub fn input(&self) -> Vec<f32> {
        self.values("input_bgr").into_iter().map(|v| v as f32).collect()
    }

    /// The image as the float64 network saw it: BGR minus the mean, not rounded to single precision.
    pub fn input_f64(&self) -> Vec<f64> {
        const MEAN_BGR: [f64; 3] = [103.939, 116.779, 123.68];
        let rgb = self.bytes("rgb");
        rgb.chunks_exact(3)
            .flat_map(|p| std::array::from_fn::<f64, 3, _>(|c| f64::from(p[2 - c]) - MEAN_BGR[c]))
            .collect()
    }

    /// The classes of the two highest logits.
    pub fn targets(&self) -> [usize; 2] {
        let targets = self.values("targets");
        [targets[0] as usize, targets[1] as usize]
    }
}

/// A one-hot row of 1000.
pub fn one_hot(class: usize) -> Vec<f32> {
    let mut row = vec![0.0; backlit_net::CLASSES];
    row[class] = 1.0;
    row
}
