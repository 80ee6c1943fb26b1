//! Baselines: the picture that stands for "nothing there".

use std::fmt;

use serde::{Serialize, Serializer};

/// Where an integration path begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Baseline {
    /// RGB 0, preprocessed; after Caffe preprocessing that is minus the mean, not a tensor of zeros.
    #[default]
    Black,
    /// RGB 255, preprocessed.
    White,
    /// The mean colour: a tensor of zeros.
    Mean,
    /// The picture itself under a Gaussian of this many pixels.
    Blur {
        /// Standard deviation.
        sigma: f64,
    },
    /// Uniform noise over the 8-bit range, preprocessed; seeded.
    Noise {
        /// Seed.
        seed: u64,
    },
    /// Another picture: `[224, 224, 3]` 8-bit RGB.
    Picture {
        /// As reports name it.
        name: String,
        /// Its pixels.
        rgb: Vec<u8>,
    },
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Baseline::Black => f.pad("black"),
            Baseline::White => f.pad("white"),
            Baseline::Mean => f.pad("mean"),
            Baseline::Blur { sigma } => f.pad(&format!("blur:{sigma}")),
            Baseline::Noise { seed } => f.pad(&format!("noise:{seed}")),
            Baseline::Picture { name, .. } => f.pad(name),
        }
    }
}

impl Serialize for Baseline {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
