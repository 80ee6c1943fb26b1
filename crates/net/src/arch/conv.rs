//! One convolution of the table: shapes, work and traffic.

/// What a convolution does in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The 7x7 that reads the image.
    Stem,
    /// The 1x1 that narrows a block (Keras `branch2a`, torchvision `conv1`).
    Reduce,
    /// The 3x3 (Keras `branch2b`, torchvision `conv2`).
    Spatial,
    /// The 1x1 that widens a block again (Keras `branch2c`, torchvision `conv3`).
    Expand,
    /// The 1x1 of the shortcut of a stage's first block (Keras `branch1`, torchvision `downsample.0`).
    Project,
}

/// A square convolution on a square feature map, NHWC, followed by a BatchNorm that is folded into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Position in [`Network::convs`](super::Network::convs), 0 (stem) to 52.
    pub index: usize,
    /// Keras' name of 2017: `conv1`, `res2a_branch2a`, ...
    pub name: String,
    /// What it does in its block.
    pub role: Role,
    /// Input channels.
    pub c_in: usize,
    /// Output channels.
    pub c_out: usize,
    /// Rows and columns of the filter.
    pub kernel: usize,
    /// Step in rows and columns.
    pub stride: usize,
    /// Zero border on every side.
    pub pad: usize,
    /// Rows and columns of the input map.
    pub side_in: usize,
}

impl Conv {
    /// Rows and columns of the output map: `(side_in + 2 pad - kernel) / stride + 1`.
    pub fn side_out(&self) -> usize {
        (self.side_in + 2 * self.pad - self.kernel) / self.stride + 1
    }

    /// Multiply-accumulates of one image, forward; the input gradient takes as many.
    pub fn macs(&self) -> u64 {
        (self.side_out() * self.side_out() * self.weight_len()) as u64
    }

    /// Weights: `kernel * kernel * c_in * c_out`.
    pub fn weight_len(&self) -> usize {
        self.kernel * self.kernel * self.c_in * self.c_out
    }

    /// Floats of one image's input: `side_in * side_in * c_in`.
    pub fn input_len(&self) -> usize {
        self.side_in * self.side_in * self.c_in
    }

    /// Floats of one image's output: `side_out * side_out * c_out`.
    pub fn output_len(&self) -> usize {
        self.side_out() * self.side_out() * self.c_out
    }
}
