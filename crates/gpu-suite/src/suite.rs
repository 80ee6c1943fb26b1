//! The packed folder: which files lie where, and how they are opened.

use std::path::{Path, PathBuf};

use backlit_cuda::{Cuda, CudaOptions, Device, Sixteen};
use backlit_net::engine::Precision;
use backlit_net::preprocess::Preprocessing;
use backlit_net::weights::Weights;
use backlit_net::{IMAGE_LEN, Rule};
use backlit_testkit::golden::Golden;
use backlit_testkit::random::Random;
use clap::ValueEnum;

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Suite {
    folder: PathBuf,
}

/// What the engine can be told to compute with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arithmetic {
    F32,
    Mixed,
    Half,
    Bf16,
}

impl Arithmetic {
    pub(crate) fn name(self) -> &'static str {
        ["f32", "mixed", "half", "half (bf16)"][self as usize]
    }

    /// Options for batches of up to `batch` images.
    pub(crate) fn options(self, batch: usize) -> CudaOptions {
        let precision = match self {
            Arithmetic::F32 => Precision::F32,
            Arithmetic::Mixed => Precision::Mixed,
            Arithmetic::Half | Arithmetic::Bf16 => Precision::Half,
        };
        let sixteen = if self == Arithmetic::Bf16 { Sixteen::Bf16 } else { Sixteen::F16 };
        CudaOptions { precision, sixteen, batch, ..CudaOptions::default() }
    }
}

/// A photograph and what a float64 network says about it.
pub(crate) struct Picture {
    /// `chelsea`, ...
    pub(crate) name: String,
    /// `[224, 224, 3]`, ready for the network.
    pub(crate) input: Vec<f32>,
    /// The class that the gradients are of.
    pub(crate) target: usize,
    golden: Golden,
}

impl Picture {
    /// The logits.
    pub(crate) fn logits(&self) -> Vec<f64> {
        self.golden.values("logits")
    }

    /// The gradient of the target's logit under a rule, if it is there.
    pub(crate) fn gradient(&self, rule: Rule) -> Option<Vec<f64>> {
        let key = gradient_key(rule);
        self.golden.has(key).then(|| self.golden.values(key))
    }
}

/// The name of a gradient in a golden file.
pub(crate) fn gradient_key(rule: Rule) -> &'static str {
    match rule {
        Rule::Plain => "grad_top1",
        Rule::Guided => "grad_guided",
        Rule::Rectified => "grad_rectified",
    }
}

impl Suite {
    pub(crate) fn at(folder: &Path) -> Suite {
        Suite { folder: folder.into() }
    }

    /// The weights, rounded so that they pack small.
    pub(crate) fn weights_file(&self) -> PathBuf {
        self.folder.join("weights.safetensors")
    }

    /// Where the photographs are.
    pub(crate) fn pictures_folder(&self) -> PathBuf {
        self.folder.join("golden")
    }

    pub(crate) fn weights(&self) -> Result<Weights, String> {
        Weights::open(&self.weights_file()).map_err(|e| e.to_string())
    }

    pub(crate) fn pictures(&self) -> Result<Vec<Picture>, String> {
        let folder = self.pictures_folder();
        let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        paths.retain(|p| p.extension().is_some_and(|e| e == "safetensors"));
        paths.sort();
        let open = |path: &PathBuf| {
            let golden = Golden::open(path);
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Picture { name, input: prepared(&golden.bytes("rgb")), target: golden.targets()[0], golden }
        };
        if paths.is_empty() {
            return Err(format!("no photograph in {}", folder.display()));
        }
        Ok(paths.iter().map(open).collect())
    }
}

/// RGB bytes as the network's input.
pub(crate) fn prepared(rgb: &[u8]) -> Vec<f32> {
    let mut input = vec![0.0; IMAGE_LEN];
    Preprocessing::Caffe.apply(rgb, &mut input);
    input
}

/// `n` copies of a picture, all but the first under noise.
pub(crate) fn noisy(picture: &[f32], n: usize) -> Vec<f32> {
    let random = Random::new(5);
    let copy = |i: usize| {
        let (noise, strength) = (random.stream(i as u64), if i == 0 { 0.0 } else { 30.0 });
        picture.iter().enumerate().map(move |(at, v)| v + strength * noise.signed(at)).collect::<Vec<f32>>()
    };
    (0..n).flat_map(copy).collect()
}

/// The engine that a suite is about.
pub(crate) fn engine(weights: &Weights, arithmetic: Arithmetic, batch: usize) -> Result<Cuda, String> {
    Cuda::new(weights, arithmetic.options(batch)).map_err(|e| format!("{}: {e}", arithmetic.name()))
}

/// Name, architecture and driver of the first GPU; whether it is none but the emulator, whose speed nobody shall see.
pub(crate) fn device() -> Result<(String, bool), String> {
    let devices = Device::list().map_err(|e| e.to_string())?;
    let first = devices.first().ok_or("no GPU")?;
    let (major, minor) = first.driver;
    let text = format!(
        "{}, {}, {} multiprocessors, {:.0} GiB, driver for CUDA {major}.{minor}",
        first.name,
        first.arch,
        first.multiprocessors,
        first.memory as f64 / f64::from(1 << 30)
    );
    Ok((text, first.name.contains("CPU emulator")))
}
