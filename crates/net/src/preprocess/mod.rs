//! Which preprocessing a network was trained with.

use std::fmt;
use std::str::FromStr;

/// From 8-bit RGB to the floats that the network expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preprocessing {
    /// BGR minus the mean of the training images.
    Caffe,
    /// RGB scaled to 0..1, minus a mean, over a standard deviation.
    Torch,
}

impl Preprocessing {
    /// `caffe` or `torch`.
    pub fn as_str(self) -> &'static str {
        match self {
            Preprocessing::Caffe => "caffe",
            Preprocessing::Torch => "torch",
        }
    }
}

impl fmt::Display for Preprocessing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Preprocessing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "caffe" => Ok(Preprocessing::Caffe),
            "torch" => Ok(Preprocessing::Torch),
            _ => Err(format!("unknown preprocessing `{text}`: expected `caffe` or `torch`")),
        }
    }
}
