//! The measures on an engine that can be computed by hand.

mod alone;
mod bad_input;
mod forward;
mod perturbed;

use backlit_net::arch::{Network, Variant};
use backlit_net::engine::{EngineInfo, Features, Gradients, Logits, Precision, TapGradients};
use backlit_net::preprocess::{Input, Preprocessing};
use backlit_net::{CLASSES, Engine, EngineError, IMAGE_LEN, Images, Rule, SIDE, Seeds, Tap};

use crate::{Map, Subject};

/// Class 1 has the logit `bias + sum of weight x`, all others 0.
pub(super) struct Linear {
    bias: f64,
    /// Element and weight.
    weights: Vec<(usize, f64)>,
}

impl Linear {
    /// The class of one value of the picture.
    fn one(element: usize, weight: f64) -> Linear {
        Linear { bias: 0.0, weights: vec![(element, weight)] }
    }

    fn logit(&self, image: &[f32]) -> f64 {
        self.bias + self.weights.iter().map(|&(at, w)| w * f64::from(image[at])).sum::<f64>()
    }

    /// The softmax of class 1.
    fn probability(logit: f64) -> f64 {
        logit.exp() / (logit.exp() + (CLASSES - 1) as f64)
    }
}

impl Engine for Linear {
    fn info(&self) -> EngineInfo {
        EngineInfo { name: "linear", precision: Precision::F64, isa: "none".into(), threads: 1 }
    }

    fn network(&self) -> &'static Network {
        Network::of(Variant::V1)
    }

    fn predict(&self, images: Images<'_>) -> Result<Logits, EngineError> {
        let mut data = vec![0.0; images.len() * CLASSES];
        for (image, row) in images.data().chunks_exact(IMAGE_LEN).zip(data.chunks_exact_mut(CLASSES)) {
            row[1] = self.logit(image) as f32;
        }
        Ok(Logits { data })
    }

    fn gradient(&self, _: Images<'_>, _: Seeds<'_>, _: Rule) -> Result<Gradients, EngineError> {
        Err(EngineError::EmptyBatch)
    }

    fn features(&self, _: Images<'_>) -> Result<Features, EngineError> {
        Err(EngineError::EmptyBatch)
    }

    fn gradient_at(&self, _: Images<'_>, _: Seeds<'_>, _: Rule, _: Tap) -> Result<TapGradients, EngineError> {
        Err(EngineError::EmptyBatch)
    }
}

/// A picture in which no pixel is the mean colour.
fn picture() -> Input {
    let rgb: Vec<u8> = (0..IMAGE_LEN).map(|i| (i * 7919 % 90 + 150) as u8).collect();
    input(rgb)
}

fn input(rgb: Vec<u8>) -> Input {
    let mut tensor = vec![0.0; IMAGE_LEN];
    Preprocessing::Caffe.apply(&rgb, &mut tensor);
    let side = SIDE as f64;
    Input { rgb, tensor, frame: backlit_net::preprocess::Frame { x: 0.0, y: 0.0, width: side, height: side } }
}

fn subject(input: &Input) -> Subject<'_> {
    Subject::new(input, Preprocessing::Caffe)
}

fn map(value: impl Fn(usize, usize) -> f32) -> Map {
    let values = (0..SIDE * SIDE).map(|p| value(p / SIDE, p % SIDE)).collect();
    Map { height: SIDE, width: SIDE, channels: 1, values }
}

/// Falls from pixel to pixel, all different.
fn falling() -> Map {
    map(|row, column| -((row * SIDE + column) as f32))
}
