//! From 8-bit RGB to the floats that a network was trained on.

/// How pixels become numbers; it belongs to the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preprocessing {
    /// Keras' ResNet-50, from Caffe: blue, green, red, less the training set's mean (103.939, 116.779, 123.68).
    Caffe,
    /// torchvision and timm: red, green, blue, `(value / 255 - mean) / std` with mean (0.485, 0.456, 0.406) and
    /// standard deviation (0.229, 0.224, 0.225).
    Torch,
}

/// One channel of the network's input, `(value / divisor - mean) / std` of one channel of the picture.
struct Channel {
    /// 0 red, 1 green, 2 blue.
    source: usize,
    divisor: f64,
    mean: f64,
    std: f64,
}

impl Channel {
    /// Computed in f64 and rounded once.
    fn apply(&self, value: u8) -> f32 {
        ((f64::from(value) / self.divisor - self.mean) / self.std) as f32
    }

    fn invert(&self, value: f32) -> u8 {
        // The conversion clips to 0 to 255.
        ((f64::from(value) * self.std + self.mean) * self.divisor).round() as u8
    }
}

const fn caffe(source: usize, mean: f64) -> Channel {
    Channel { source, divisor: 1.0, mean, std: 1.0 }
}

const fn torch(source: usize, mean: f64, std: f64) -> Channel {
    Channel { source, divisor: 255.0, mean, std }
}

const CAFFE: [Channel; 3] = [caffe(2, 103.939), caffe(1, 116.779), caffe(0, 123.68)];
const TORCH: [Channel; 3] = [torch(0, 0.485, 0.229), torch(1, 0.456, 0.224), torch(2, 0.406, 0.225)];

impl Preprocessing {
    /// The colour of each channel of the network's input: `bgr` or `rgb`.
    pub fn channel_order(self) -> &'static str {
        match self {
            Preprocessing::Caffe => "bgr",
            Preprocessing::Torch => "rgb",
        }
    }

    fn channels(self) -> &'static [Channel; 3] {
        match self {
            Preprocessing::Caffe => &CAFFE,
            Preprocessing::Torch => &TORCH,
        }
    }

    /// The network's input for pixels: `rgb` is `[.., 3]`, red first, of any number of pixels or images; `out` has
    /// the same shape in the network's channel order. Each float is computed in f64 and rounded once (frameworks
    /// that compute `torch` in single precision differ by an ulp or two).
    ///
    /// # Panics
    /// If the lengths differ or are no multiple of 3.
    pub fn apply(self, rgb: &[u8], out: &mut [f32]) {
        assert!(rgb.len() == out.len() && rgb.len().is_multiple_of(3), "{} bytes for {} floats", rgb.len(), out.len());
        let channels = self.channels();
        let table = channels.each_ref().map(|channel| std::array::from_fn::<f32, 256, _>(|v| channel.apply(v as u8)));
        for (pixel, out) in rgb.chunks_exact(3).zip(out.chunks_exact_mut(3)) {
            for c in 0..3 {
                out[c] = table[c][usize::from(pixel[channels[c].source])];
            }
        }
    }

    /// The pixels of a network's input, the inverse of [`Preprocessing::apply`]: rounded and clipped to 8 bits, red
    /// first. For looking at inputs that were changed, such as a baseline or a noisy copy.
    ///
    /// # Panics
    /// If the length is no multiple of 3.
    pub fn to_rgb(self, tensor: &[f32]) -> Vec<u8> {
        assert!(tensor.len().is_multiple_of(3), "{} floats are no whole number of pixels", tensor.len());
        let mut rgb = vec![0; tensor.len()];
        for (values, pixel) in tensor.chunks_exact(3).zip(rgb.chunks_exact_mut(3)) {
            for (channel, &value) in self.channels().iter().zip(values) {
                pixel[channel.source] = channel.invert(value);
            }
        }
        rgb
    }

    /// A black pixel as the network sees it, in its channel order; the mean pixel is all zeros.
    pub fn black(self) -> [f32; 3] {
        self.channels().each_ref().map(|channel| channel.apply(0))
    }
}

crate::named!(Preprocessing, "preprocessing", { Caffe = "caffe", Torch = "torch" });
