//! Baselines: the picture that stands for "nothing there".

use std::fmt;
use std::str::FromStr;

use backlit_net::IMAGE_LEN;
use backlit_net::random::{Purpose, Random};
use serde::{Serialize, Serializer};

use super::copies::map_of;
use crate::Subject;
use crate::smooth::{SmoothError, TRUNCATE, gaussian};

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
    /// The smallest value of the preprocessed picture, in all channels alike: the first of PAIR's two for XRAI.
    Lowest,
    /// The largest value of the preprocessed picture, in all channels alike: the second of PAIR's two for XRAI.
    Highest,
    /// The picture itself under a Gaussian of this many pixels, mirrored at the border and cut off at 4 sigma. It is
    /// computed from the preprocessed picture and not rounded to 8 bits.
    Blur {
        /// Standard deviation.
        sigma: f64,
    },
    /// Uniform noise over the 8-bit range, preprocessed; it depends on the seed and on the picture.
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

/// A baseline that cannot be had.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// Not a word that stands for one.
    #[error("unknown baseline {text:?}: expected black, white, mean, lowest, highest, blur[:SIGMA] or noise[:SEED]")]
    Unknown {
        /// As it was typed.
        text: String,
    },
    /// A word with something after the colon that does not belong there.
    #[error("baseline {text:?}: after the colon there must be {expected}")]
    Parameter {
        /// As it was typed.
        text: String,
        /// What would do.
        expected: &'static str,
    },
    /// No Gaussian.
    #[error("the blurred baseline: {0}")]
    Blur(#[from] SmoothError),
    /// A picture of another size.
    #[error("the baseline {name} holds {found} bytes: 224 x 224 x 3 = {IMAGE_LEN} are needed")]
    Length {
        /// Its name.
        name: String,
        /// Bytes found.
        found: usize,
    },
}

impl Baseline {
    /// Standard deviation, in pixels, of `blur` without a number.
    pub const SIGMA: f64 = 10.0;

    /// The baseline for a picture as the network sees it, `[224, 224, 3]` in its channel order.
    ///
    /// # Errors
    /// [`BaselineError::Blur`] or [`BaselineError::Length`].
    pub fn tensor(&self, subject: Subject<'_>) -> Result<Vec<f32>, BaselineError> {
        match self {
            Baseline::Mean => Ok(vec![0.0; IMAGE_LEN]),
            Baseline::Lowest => Ok(vec![subject.tensor.iter().copied().fold(f32::INFINITY, f32::min); IMAGE_LEN]),
            Baseline::Highest => Ok(vec![subject.tensor.iter().copied().fold(f32::NEG_INFINITY, f32::max); IMAGE_LEN]),
            Baseline::Blur { sigma } => Ok(gaussian(&map_of(subject.tensor.to_vec()), *sigma, TRUNCATE)?.values),
            _ => Ok(subject.preprocess(&self.rgb(subject)?)),
        }
    }

    /// The baseline for a picture as something to look at, `[224, 224, 3]` 8-bit RGB. For all but `black`, `white`,
    /// `noise` and pictures this is rounded; the path begins at [`Baseline::tensor`].
    ///
    /// # Errors
    /// [`BaselineError::Blur`] or [`BaselineError::Length`].
    pub fn rgb(&self, subject: Subject<'_>) -> Result<Vec<u8>, BaselineError> {
        match self {
            Baseline::Black => Ok(vec![0; IMAGE_LEN]),
            Baseline::White => Ok(vec![255; IMAGE_LEN]),
            Baseline::Mean | Baseline::Lowest | Baseline::Highest | Baseline::Blur { .. } => {
                Ok(subject.preprocessing.to_rgb(&self.tensor(subject)?))
            }
            Baseline::Noise { seed } => {
                let random = Random::new(*seed, subject.key(), Purpose::Picture);
                Ok((0..IMAGE_LEN).map(|i| (random.bits(0, i) >> 24) as u8).collect())
            }
            Baseline::Picture { name, rgb } if rgb.len() != IMAGE_LEN => {
                Err(BaselineError::Length { name: name.clone(), found: rgb.len() })
            }
            Baseline::Picture { rgb, .. } => Ok(rgb.clone()),
        }
    }
}

/// `black`, `white`, `mean`, `blur`, `blur:SIGMA`, `noise`, `noise:SEED`. Files are the caller's to read.
impl FromStr for Baseline {
    type Err = BaselineError;

    fn from_str(text: &str) -> Result<Baseline, BaselineError> {
        let (word, rest) = match text.split_once(':') {
            Some((word, rest)) => (word, Some(rest.trim())),
            None => (text, None),
        };
        let wrong = |expected| BaselineError::Parameter { text: text.to_owned(), expected };
        match (word.trim().to_ascii_lowercase().as_str(), rest) {
            ("black", None) => Ok(Baseline::Black),
            ("white", None) => Ok(Baseline::White),
            ("mean", None) => Ok(Baseline::Mean),
            ("lowest", None) => Ok(Baseline::Lowest),
            ("highest", None) => Ok(Baseline::Highest),
            ("black" | "white" | "mean" | "lowest" | "highest", Some(_)) => Err(wrong("nothing, and no colon")),
            ("blur", None) => Ok(Baseline::Blur { sigma: Baseline::SIGMA }),
            ("blur", Some(rest)) => match rest.parse::<f64>() {
                Ok(sigma) if sigma.is_finite() && sigma >= 0.0 => Ok(Baseline::Blur { sigma }),
                _ => Err(wrong("a standard deviation in pixels, for example blur:10")),
            },
            ("noise", rest) => match rest.unwrap_or("0").parse() {
                Ok(seed) => Ok(Baseline::Noise { seed }),
                Err(_) => Err(wrong("a seed, a whole number that is not negative, for example noise:1")),
            },
            _ => Err(BaselineError::Unknown { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Baseline::Black => f.pad("black"),
            Baseline::White => f.pad("white"),
            Baseline::Mean => f.pad("mean"),
            Baseline::Lowest => f.pad("lowest"),
            Baseline::Highest => f.pad("highest"),
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

#[cfg(test)]
mod tests;
