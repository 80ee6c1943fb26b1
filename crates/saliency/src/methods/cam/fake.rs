//! A network of one block that can be worked out by hand, for the tests of this family.
//!
//! ```text
//! A[p, k] = relu(a_k mean of colour k mod 3 over the p-th 32 x 32 patch + b_k)       7 x 7 x 2048, at the last tap
//! logits  = bias + W^T mean of A over positions
//! ```

use backlit_net::arch::Network;
use backlit_net::engine::{ConvGradient, EngineInfo, Features, Gradients, Head, Logits, Precision, TapGradients};
use backlit_net::preprocess::Preprocessing;
use backlit_net::{CLASSES, Engine, EngineError, FEATURES, IMAGE_LEN, Images, Rule, SIDE, Seeds, Tap, Variant};
use backlit_testkit::random::Random;
use rayon::prelude::*;

use crate::{Attribution, MethodError, Objective, Recipe, Run, Subject, Target, explain};

/// Pixels of a patch: 32 x 32.
const PATCH: usize = 32;

pub(super) struct Fake {
    pub(super) a: Vec<f32>,
    pub(super) b: Vec<f32>,
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl Fake {
    pub(super) fn new(seed: u64) -> Fake {
        let random = Random::new(seed);
        let values = |n: u64, len, scale: f32| (0..len).map(|i| scale * random.stream(n).signed(i)).collect();
        Fake {
            a: values(1, FEATURES, 0.02),
            b: values(2, FEATURES, 1.0),
            weight: values(3, FEATURES * CLASSES, 0.05),
            bias: values(4, CLASSES, 0.1),
        }
    }

    pub(super) fn activations(&self, image: &[f32]) -> Vec<f32> {
        let mut means = [[0f64; 3]; 49];
        for (i, &v) in image.iter().enumerate() {
            let (row, column) = (i / 3 / SIDE, i / 3 % SIDE);
            means[row / PATCH * 7 + column / PATCH][i % 3] += f64::from(v) / (PATCH * PATCH) as f64;
        }
        let one = |p: usize, k: usize| (f64::from(self.a[k]) * means[p][k % 3] + f64::from(self.b[k])).max(0.0) as f32;
        (0..49 * FEATURES).map(|i| one(i / FEATURES, i % FEATURES)).collect()
    }

    fn logits(&self, activations: &[f32]) -> Vec<f32> {
        let mut logits: Vec<f64> = self.bias.iter().map(|&b| b.into()).collect();
        for k in 0..FEATURES {
            let mean = activations.iter().skip(k).step_by(FEATURES).map(|&a| f64::from(a)).sum::<f64>() / 49.0;
            let weights = &self.weight[k * CLASSES..][..CLASSES];
            logits.iter_mut().zip(weights).for_each(|(z, &w)| *z += mean * f64::from(w));
        }
        logits.into_iter().map(|z| z as f32).collect()
    }

    /// `W^T seed / 49`, `[2048]`.
    fn gradient(&self, seed: &[f32]) -> Vec<f32> {
        let dot = |weights: &[f32]| weights.iter().zip(seed).map(|(&w, &s)| f64::from(w) * f64::from(s)).sum::<f64>();
        self.weight.chunks_exact(CLASSES).map(|weights| (dot(weights) / 49.0) as f32).collect()
    }
}

impl Engine for Fake {
    fn info(&self) -> EngineInfo {
        EngineInfo { name: "fake", precision: Precision::F64, isa: "portable".into(), threads: 1 }
    }

    fn network(&self) -> &'static Network {
        Network::of(Variant::V1)
    }

    fn predict(&self, images: Images<'_>) -> Result<Logits, EngineError> {
        let one = |i| self.logits(&self.activations(images.get(i).data()));
        Ok(Logits { data: (0..images.len()).flat_map(one).collect() })
    }

    fn gradient(&self, images: Images<'_>, seeds: Seeds<'_>, _rule: Rule) -> Result<Gradients, EngineError> {
        let (mut logits, mut gradient) = (Vec::new(), Vec::new());
        for i in 0..images.len() {
            let activations = self.activations(images.get(i).data());
            let row = self.logits(&activations);
            for seed in seeds.rows(i, &row)?.chunks_exact(CLASSES) {
                let mut patches = [[0f64; 3]; 49];
                for (k, g) in self.gradient(seed).into_iter().enumerate() {
                    for (p, patch) in patches.iter_mut().enumerate() {
                        let open = activations[p * FEATURES + k] > 0.0;
                        patch[k % 3] += if open { f64::from(g) * f64::from(self.a[k]) } else { 0.0 };
                    }
                }
                let at = |i: usize| patches[i / 3 / SIDE / PATCH * 7 + i / 3 % SIDE / PATCH][i % 3];
                gradient.extend((0..IMAGE_LEN).map(|i| (at(i) / (PATCH * PATCH) as f64) as f32));
            }
            logits.extend(row);
        }
        Ok(Gradients { logits, gradient, seeds_per_image: seeds.per_image() })
    }

    fn features(&self, images: Images<'_>) -> Result<Features, EngineError> {
        let data: Vec<f32> = (0..images.len()).flat_map(|i| self.activations(images.get(i).data())).collect();
        Ok(Features { logits: self.predict(images)?.data, data })
    }

    fn gradient_at(&self, images: Images<'_>, seeds: Seeds<'_>, _: Rule, _: Tap) -> Result<TapGradients, EngineError> {
        let Features { logits, data: activation } = self.features(images)?;
        let mut gradient = Vec::new();
        for i in 0..images.len() {
            for seed in seeds.rows(i, &logits[i * CLASSES..][..CLASSES])?.chunks_exact(CLASSES) {
                gradient.extend(self.gradient(seed).repeat(49));
            }
        }
        Ok(TapGradients {
            logits,
            side: 7,
            channels: FEATURES,
            activation,
            gradient,
            seeds_per_image: seeds.per_image(),
        })
    }

    /// The gradient at the one convolution that there is.
    fn conv_gradients(
        &self,
        image: Images<'_>,
        seeds: Seeds<'_>,
        rule: Rule,
        see: &mut (dyn FnMut(ConvGradient<'_>) + Send),
    ) -> Result<Gradients, EngineError> {
        let found = Engine::gradient(self, image, seeds, rule)?;
        let activations = self.activations(image.data());
        for (seed, row) in seeds.rows(0, &found.logits)?.chunks_exact(CLASSES).enumerate() {
            let g = self.gradient(row);
            let gradient: Vec<f32> =
                activations.iter().enumerate().map(|(i, &a)| if a > 0.0 { g[i % FEATURES] } else { 0.0 }).collect();
            see(ConvGradient { conv: 0, seed, bias: &self.b, gradient: &gradient });
        }
        Ok(found)
    }

    fn head(&self) -> Result<Head<'_>, EngineError> {
        Ok(Head { weight: self.weight.as_slice().into(), bias: self.bias.as_slice().into() })
    }

    fn resume(&self, tap: Tap, activations: &[f32]) -> Result<Logits, EngineError> {
        // Every tap is the last one here.
        Tap::LAST.outputs_in(self.network(), activations)?;
        tap.block()?;
        let rows: Vec<Vec<f32>> = activations.par_chunks_exact(49 * FEATURES).map(|a| self.logits(a)).collect();
        Ok(Logits { data: rows.concat() })
    }
}

/// 8-bit pixels and the network's input: patches that differ.
pub(super) fn picture(seed: u64) -> (Vec<u8>, Vec<f32>) {
    let random = Random::new(seed);
    let tone = |i: usize| random.bits(i / 3 / SIDE / PATCH * 21 + i / 3 % SIDE / PATCH * 3 + i % 3) as u8;
    let rgb: Vec<u8> = (0..IMAGE_LEN).map(|i| tone(i).saturating_add((i % 7) as u8)).collect();
    let mut tensor = vec![0.0; IMAGE_LEN];
    Preprocessing::Caffe.apply(&rgb, &mut tensor);
    (rgb, tensor)
}

pub(super) fn class(index: usize) -> Objective {
    Objective::logit(Target::class(index).unwrap())
}

/// What a recipe says about one picture.
pub(super) fn ask(
    engine: &dyn Engine,
    (rgb, tensor): &(Vec<u8>, Vec<f32>),
    objectives: &[Objective],
    recipe: Recipe,
    run: &Run<'_>,
) -> Result<Vec<Attribution>, MethodError> {
    let subject = Subject { rgb, tensor, preprocessing: Preprocessing::Caffe };
    let explained = explain(engine, &[subject], objectives, &[recipe], run)?.remove(0)?;
    Ok(explained.attributions.into_iter().next().unwrap())
}
