//! Weights files: read, checked against the layer table, BatchNorm folded.
//!
//! A file is read once and kept as the bytes that it is; nothing is copied until a layer is asked for, so that an
//! engine can pack the network layer by layer. Any of the published [`Naming`]s will do; what the names do not say
//! (variant, epsilon, preprocessing) comes from the file's metadata, else from the habits of those who use the names.

mod archive;
mod error;
mod fold;
mod names;
mod provenance;
mod randomized;
mod read;
mod tensor;
mod tfjs;

pub use archive::Archive;
pub use error::{Problem, WeightsError};
pub use fold::{FoldedConv, FoldedDense};
pub use names::{ConvNames, DenseNames, Layout, Naming};
pub use provenance::{Claims, Provenance};
pub use randomized::CASCADE;

use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;

use rayon::prelude::*;

use crate::arch::{Conv, Network, Variant};
use crate::preprocess::Preprocessing;
use read::read_file;
use tensor::Tensor;

/// A weights file, checked: every tensor of the table is there, in the right shape, finite, with no variance below 0.
#[derive(Debug)]
pub struct Weights {
    archive: Archive,
    naming: Naming,
    provenance: Provenance,
    convs: Vec<ConvTensors>,
    dense: DenseTensors,
    sha256: OnceLock<String>,
}

/// The tensors of one convolution and its BatchNorm.
#[derive(Clone, Debug)]
struct ConvTensors {
    kernel: Tensor,
    bias: Option<Tensor>,
    gamma: Tensor,
    beta: Tensor,
    mean: Tensor,
    variance: Tensor,
}

/// The tensors of the head.
#[derive(Clone, Debug)]
struct DenseTensors {
    kernel: Tensor,
    bias: Tensor,
}

impl Weights {
    /// Reads and checks a safetensors file with Keras or torchvision/timm names.
    pub fn open(path: &Path) -> Result<Weights, WeightsError> {
        Weights::open_as(path, &Claims::default())
    }

    /// [`open`](Weights::open), with `claims` taking precedence over what the file says about itself.
    pub fn open_as(path: &Path, claims: &Claims) -> Result<Weights, WeightsError> {
        let origin = path.display().to_string();
        let bytes = read_file(path).map_err(|problem| WeightsError { origin: origin.clone(), problem })?;
        let archive = Archive::from_safetensors(bytes, &origin)?;
        let name = path.file_name().map_or(origin.clone(), |n| n.to_string_lossy().into_owned());
        Weights::check(archive, claims, &name).map_err(|problem| WeightsError { origin, problem })
    }

    /// Checks the bytes of a safetensors file; `origin` names them in messages and, if they do not tell, as the source.
    pub fn from_bytes(bytes: Vec<u8>, origin: &str) -> Result<Weights, WeightsError> {
        Weights::from_archive(Archive::from_safetensors(bytes, origin)?, origin, &Claims::default())
    }

    /// Checks tensors that are already in memory, with `claims` taking precedence over their own metadata.
    pub fn from_archive(archive: Archive, origin: &str, claims: &Claims) -> Result<Weights, WeightsError> {
        Weights::check(archive, claims, origin).map_err(|problem| WeightsError { origin: origin.into(), problem })
    }

    fn check(archive: Archive, claims: &Claims, name: &str) -> Result<Weights, Problem> {
        let naming = Naming::detect(archive.names()).ok_or(Problem::UnknownNames)?;
        let provenance = Provenance::of(archive.metadata(), naming, claims, name)?;
        let network = Network::of(provenance.variant);
        let mut found = Lookup::new(&archive, naming)?;
        let mut convs = Vec::with_capacity(crate::arch::CONVS);
        for conv in network.convs() {
            let names = naming.conv(network, conv);
            let channels = [conv.c_out];
            convs.push(ConvTensors {
                kernel: found.take(&names.kernel, &naming.layout().kernel_shape(conv))?,
                bias: match &names.bias {
                    Some(bias) if found.has(bias) => Some(found.take(bias, &channels)?),
                    _ => None,
                },
                gamma: found.take(&names.gamma, &channels)?,
                beta: found.take(&names.beta, &channels)?,
                mean: found.take(&names.mean, &channels)?,
                variance: found.take(&names.variance, &channels)?,
            });
        }
        let (names, head) = (naming.dense(), &network.head);
        let dense = DenseTensors {
            kernel: found.take(&names.kernel, &naming.layout().dense_shape(head))?,
            bias: found.take(&names.bias, &[head.c_out])?,
        };
        found.nothing_left()?;

        let tensors: Vec<&Tensor> =
            convs.iter().flat_map(ConvTensors::all).chain([&dense.kernel, &dense.bias]).collect();
        // Whichever thread is first, the first bad tensor of the table is the one that is named.
        let bad: Vec<Problem> = tensors.par_iter().filter_map(|t| t.check_finite(archive.data()).err()).collect();
        bad.into_iter().next().map_or(Ok(()), Err)?;
        for conv in &convs {
            conv.variance.check_not_negative(archive.data())?;
        }
        Ok(Weights { archive, naming, provenance, convs, dense, sha256: OnceLock::new() })
    }

    /// The layer table that the weights fit.
    pub fn network(&self) -> &'static Network {
        Network::of(self.variant())
    }

    /// Which ResNet-50.
    pub fn variant(&self) -> Variant {
        self.provenance.variant
    }

    /// The number that BatchNorm adds to the variance.
    pub fn epsilon(&self) -> f64 {
        self.provenance.epsilon
    }

    /// What the network was trained to be shown.
    pub fn preprocessing(&self) -> Preprocessing {
        self.provenance.preprocessing
    }

    /// Where the weights come from, by their metadata, else the file's name.
    pub fn source(&self) -> &str {
        &self.provenance.source
    }

    /// How the tensors are named.
    pub fn naming(&self) -> Naming {
        self.naming
    }

    /// Tensors in the file.
    pub fn tensors(&self) -> usize {
        self.archive.names().count()
    }

    /// Numbers in the tensors that the network uses, running statistics included.
    pub fn parameters(&self) -> usize {
        let convs = self.convs.iter().flat_map(ConvTensors::all).map(Tensor::len).sum::<usize>();
        convs + self.dense.kernel.len() + self.dense.bias.len()
    }

    /// SHA-256 of the file's bytes, in lower-case hexadecimal digits; computed when first asked for.
    pub fn sha256(&self) -> &str {
        self.sha256.get_or_init(|| self.archive.file_sha256())
    }

    /// SHA-256 of the tensors' bytes alone, computed now.
    pub fn data_sha256(&self) -> String {
        self.archive.data_sha256()
    }

    /// SHA-256 that the metadata gives for the tensors' bytes, if it gives one.
    pub fn claimed_data_sha256(&self) -> Option<&str> {
        self.archive.metadata().get(provenance::SHA256).map(String::as_str)
    }

    /// One convolution with its BatchNorm folded into it.
    pub fn conv(&self, conv: &Conv) -> FoldedConv {
        fold::conv(conv, &self.convs[conv.index], self.naming.layout(), self.epsilon(), self.archive.data())
    }

    /// The head.
    pub fn dense(&self) -> FoldedDense {
        fold::dense(&self.network().head, &self.dense, self.naming.layout(), self.archive.data())
    }

    /// Writes the tensors, untouched, as one safetensors file that says where they come from; returns the SHA-256 of
    /// the file. The same weights always give the same bytes.
    ///
    /// The file appears under its name only when it is complete and on disk.
    pub fn save(&self, path: &Path) -> Result<String, WeightsError> {
        let write = self.archive.write(path, &self.provenance);
        write.map_err(|e| WeightsError { origin: path.display().to_string(), problem: Problem::Write(e) })
    }
}

impl ConvTensors {
    fn all(&self) -> impl Iterator<Item = &Tensor> {
        [&self.kernel, &self.gamma, &self.beta, &self.mean, &self.variance].into_iter().chain(&self.bias)
    }
}

/// Tensors by their plain name, with a note of those that the table asked for.
struct Lookup<'a> {
    tensors: HashMap<&'a str, (Tensor, bool)>,
}

impl<'a> Lookup<'a> {
    fn new(archive: &'a Archive, naming: Naming) -> Result<Self, Problem> {
        let mut tensors = HashMap::new();
        for tensor in archive.tensors() {
            let (name, tensor) = tensor;
            let plain = naming.plain(name);
            if naming.is_bookkeeping(plain) {
                continue;
            }
            if tensors.insert(plain, (tensor, false)).is_some() {
                return Err(Problem::Duplicate { name: plain.into() });
            }
        }
        Ok(Lookup { tensors })
    }

    fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, Problem> {
        let Some((tensor, taken)) = self.tensors.get_mut(name) else {
            return Err(Problem::Missing { name: name.into() });
        };
        *taken = true;
        tensor.check_type_and_shape(shape)?;
        Ok(tensor.clone())
    }

    /// A tensor beyond the table belongs to another network, whose answers these weights would not give.
    fn nothing_left(&self) -> Result<(), Problem> {
        let left = self.tensors.iter().filter(|(_, (_, taken))| !taken).map(|(name, _)| *name).min();
        left.map_or(Ok(()), |name| Err(Problem::Unexpected { name: name.into() }))
    }
}
