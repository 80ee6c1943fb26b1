//! What published files call the tensors, and how they lay them out.

use std::fmt;

use crate::arch::{Block, Conv, Dense, Network, Role, Variant};
use crate::preprocess::Preprocessing;

/// A published way to name the tensors of ResNet-50.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Naming {
    /// Keras of 2017: `res2a_branch2a/kernel`, `bn2a_branch2a/gamma`, `fc1000/kernel`.
    Keras,
    /// `keras.applications` since 2019: `conv2_block1_1_conv/kernel`, `conv2_block1_1_bn/gamma`, `predictions/kernel`.
    KerasApplications,
    /// torchvision and timm: `layer1.0.conv1.weight`, `layer1.0.bn1.weight`, `fc.weight`.
    Torchvision,
}

/// How filters are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Filters `[row, column, c_in, c_out]`, head `[in, out]` (TensorFlow's HWIO).
    Hwio,
    /// Filters `[c_out, c_in, row, column]`, head `[out, in]` (PyTorch's OIHW).
    Oihw,
}

/// Names of one convolution's tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvNames {
    /// The filters.
    pub kernel: String,
    /// A bias a channel, for namings that know one; a file may still leave it out.
    pub bias: Option<String>,
    /// BatchNorm's scale.
    pub gamma: String,
    /// BatchNorm's offset.
    pub beta: String,
    /// Running mean.
    pub mean: String,
    /// Running variance.
    pub variance: String,
}

/// Names of the head's tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenseNames {
    /// The matrix.
    pub kernel: String,
    /// One number a class.
    pub bias: String,
}

impl Naming {
    /// All of them.
    pub const ALL: [Naming; 3] = [Naming::Keras, Naming::KerasApplications, Naming::Torchvision];

    /// `keras`, `keras-applications` or `torchvision`.
    pub fn as_str(self) -> &'static str {
        match self {
            Naming::Keras => "keras",
            Naming::KerasApplications => "keras-applications",
            Naming::Torchvision => "torchvision",
        }
    }

    /// How those who use these names store filters.
    pub fn layout(self) -> Layout {
        match self {
            Naming::Keras | Naming::KerasApplications => Layout::Hwio,
            Naming::Torchvision => Layout::Oihw,
        }
    }

    /// The variant that files with these names hold unless their metadata says otherwise.
    pub fn variant(self) -> Variant {
        match self {
            Naming::Keras | Naming::KerasApplications => Variant::V1,
            Naming::Torchvision => Variant::V1_5,
        }
    }

    /// BatchNorm's epsilon in networks that use these names: 1e-3 was the default of Keras' layer,
    /// `keras.applications` writes 1.001e-5, PyTorch's default is 1e-5.
    pub fn epsilon(self) -> f64 {
        match self {
            Naming::Keras => 1e-3,
            Naming::KerasApplications => 1.001e-5,
            Naming::Torchvision => 1e-5,
        }
    }

    /// The preprocessing of networks that use these names.
    pub fn preprocessing(self) -> Preprocessing {
        match self {
            Naming::Keras | Naming::KerasApplications => Preprocessing::Caffe,
            Naming::Torchvision => Preprocessing::Torch,
        }
    }

    /// Names of a convolution of `network`.
    pub fn conv(self, network: &Network, conv: &Conv) -> ConvNames {
        let block = network.blocks.iter().find(|b| b.convs().any(|c| c.index == conv.index));
        match self {
            Naming::Keras => {
                // The stem is `conv1` and `bn_conv1`; elsewhere `bn` takes the place of `res`.
                let norm = match conv.name.strip_prefix("res") {
                    Some(rest) => format!("bn{rest}"),
                    None => format!("bn_{}", conv.name),
                };
                ConvNames::keras(&conv.name, &norm)
            }
            Naming::KerasApplications => {
                let stem = match block {
                    Some(block) => format!("conv{}_block{}_{}", block.stage, number_in_stage(block), branch(conv.role)),
                    None => "conv1".into(),
                };
                ConvNames::keras(&format!("{stem}_conv"), &format!("{stem}_bn"))
            }
            Naming::Torchvision => match (block, conv.role) {
                (Some(block), Role::Project) => {
                    let shortcut = format!("{}.downsample", block.torchvision_name());
                    ConvNames::torchvision(&format!("{shortcut}.0"), &format!("{shortcut}.1"))
                }
                (Some(block), role) => {
                    let (block, n) = (block.torchvision_name(), branch(role));
                    ConvNames::torchvision(&format!("{block}.conv{n}"), &format!("{block}.bn{n}"))
                }
                (None, _) => ConvNames::torchvision("conv1", "bn1"),
            },
        }
    }

    /// Names of the head.
    pub fn dense(self) -> DenseNames {
        let (kernel, bias) = match self {
            Naming::Keras => ("fc1000/kernel", "fc1000/bias"),
            Naming::KerasApplications => ("predictions/kernel", "predictions/bias"),
            Naming::Torchvision => ("fc.weight", "fc.bias"),
        };
        DenseNames { kernel: kernel.into(), bias: bias.into() }
    }

    /// The naming to which most of `names` belong; none if no name belongs to any.
    pub(super) fn detect<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<Naming> {
        let hits = |naming: Naming| {
            let network = Network::of(naming.variant());
            let dense = naming.dense();
            let mut known: Vec<_> =
                network.convs().map(|c| naming.conv(network, c)).flat_map(|c| [c.kernel, c.gamma]).collect();
            known.extend([dense.kernel, dense.bias]);
            names.clone().filter(|name| known.iter().any(|k| k == naming.plain(name))).count()
        };
        Naming::ALL
            .into_iter()
            .map(|n| (hits(n), n))
            .filter(|(hits, _)| *hits > 0)
            .max_by_key(|(hits, _)| *hits)
            .map(|(_, n)| n)
    }

    /// A name without what some exporters add: `conv1/conv1/kernel:0` is `conv1/kernel`.
    pub(super) fn plain(self, name: &str) -> &str {
        match self {
            Naming::Keras | Naming::KerasApplications => {
                let name = name.strip_suffix(":0").unwrap_or(name);
                name.rmatch_indices('/').nth(1).map_or(name, |(at, _)| &name[at + 1..])
            }
            Naming::Torchvision => name,
        }
    }

    /// Whether a tensor only counts training steps.
    pub(super) fn is_bookkeeping(self, name: &str) -> bool {
        self == Naming::Torchvision && name.ends_with(".num_batches_tracked")
    }
}

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Layout {
    /// Shape of a convolution's filters.
    pub fn kernel_shape(self, conv: &Conv) -> [usize; 4] {
        match self {
            Layout::Hwio => [conv.kernel, conv.kernel, conv.c_in, conv.c_out],
            Layout::Oihw => [conv.c_out, conv.c_in, conv.kernel, conv.kernel],
        }
    }

    /// Shape of the head's matrix.
    pub fn dense_shape(self, head: &Dense) -> [usize; 2] {
        match self {
            Layout::Hwio => [head.c_in, head.c_out],
            Layout::Oihw => [head.c_out, head.c_in],
        }
    }
}

impl ConvNames {
    fn keras(conv: &str, norm: &str) -> ConvNames {
        ConvNames {
            kernel: format!("{conv}/kernel"),
            bias: Some(format!("{conv}/bias")),
            gamma: format!("{norm}/gamma"),
            beta: format!("{norm}/beta"),
            mean: format!("{norm}/moving_mean"),
            variance: format!("{norm}/moving_variance"),
        }
    }

    fn torchvision(conv: &str, norm: &str) -> ConvNames {
        ConvNames {
            kernel: format!("{conv}.weight"),
            bias: None,
            gamma: format!("{norm}.weight"),
            beta: format!("{norm}.bias"),
            mean: format!("{norm}.running_mean"),
            variance: format!("{norm}.running_var"),
        }
    }
}

/// 1 for the first block of a stage: the letter of Keras' name counts them.
fn number_in_stage(block: &Block) -> usize {
    block.name.bytes().last().map_or(1, |letter| usize::from(letter - b'a') + 1)
}

/// The number of a convolution within its block; `keras.applications` gives the projection 0.
fn branch(role: Role) -> usize {
    match role {
        Role::Stem | Role::Project => 0,
        Role::Reduce => 1,
        Role::Spatial => 2,
        Role::Expand => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(naming: Naming, index: usize) -> ConvNames {
        let network = Network::of(naming.variant());
        naming.conv(network, network.convs().nth(index).unwrap())
    }

    #[test]
    fn published_names() {
        assert_eq!(names(Naming::Keras, 0).gamma, "bn_conv1/gamma");
        assert_eq!(names(Naming::Keras, 1).kernel, "res2a_branch2a/kernel");
        assert_eq!(names(Naming::Keras, 4).variance, "bn2a_branch1/moving_variance");
        assert_eq!(names(Naming::KerasApplications, 0).kernel, "conv1_conv/kernel");
        assert_eq!(names(Naming::KerasApplications, 4).kernel, "conv2_block1_0_conv/kernel");
        assert_eq!(names(Naming::KerasApplications, 52).beta, "conv5_block3_3_bn/beta");
        assert_eq!(names(Naming::Torchvision, 0).mean, "bn1.running_mean");
        assert_eq!(names(Naming::Torchvision, 4).kernel, "layer1.0.downsample.0.weight");
        assert_eq!(names(Naming::Torchvision, 4).variance, "layer1.0.downsample.1.running_var");
        assert_eq!(names(Naming::Torchvision, 52).gamma, "layer4.2.bn3.weight");
        assert_eq!(names(Naming::Torchvision, 52).bias, None);
    }

    #[test]
    fn exporters_ornaments_are_ignored() {
        for name in ["conv1/kernel", "conv1/kernel:0", "conv1/conv1/kernel:0", "model/conv1/conv1/kernel:0"] {
            assert_eq!(Naming::Keras.plain(name), "conv1/kernel");
        }
        assert_eq!(Naming::detect(["conv1/conv1/kernel:0"].into_iter()), Some(Naming::Keras));
        assert_eq!(Naming::detect(["fc.weight", "x"].into_iter()), Some(Naming::Torchvision));
        assert_eq!(Naming::detect(["predictions/kernel:0"].into_iter()), Some(Naming::KerasApplications));
        assert_eq!(Naming::detect(["embedder.weight"].into_iter()), None);
    }
}
