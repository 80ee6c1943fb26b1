//! A toy engine: a few classes whose scores are formulas, so that what a method should find is known exactly.

use backlit_net::arch::Network;
use backlit_net::engine::{EngineInfo, Features, Gradients, Logits, Precision, TapGradients};
use backlit_net::{CLASSES, Engine, EngineError, IMAGE_LEN, Images, Rule, Seeds, Tap, Variant};

/// Value and gradient, `[224, 224, 3]`, of a score at an image `[224, 224, 3]`.
pub type Formula = Box<dyn Fn(&[f32]) -> (f64, Vec<f32>) + Send + Sync>;

/// An engine whose class c has the score `formulas[c]`; all other classes have 0. Every rule gives the true gradient;
/// there are no features and no taps.
pub struct Toy {
    formulas: Vec<Formula>,
}

impl Toy {
    /// One formula a class, from class 0 on.
    pub fn new(formulas: Vec<Formula>) -> Toy {
        Toy { formulas }
    }

    /// Class 0 has the score `<weight, image>`, with weight `[224, 224, 3]`.
    pub fn linear(weight: Vec<f32>) -> Toy {
        assert_eq!(weight.len(), IMAGE_LEN);
        let formula =
            move |x: &[f32]| (x.iter().zip(&weight).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum(), weight.clone());
        Toy::new(vec![Box::new(formula)])
    }

    /// Class 0 has the score `sum of weight x^2 / 2`: its gradient is `weight x`, and grows along a path from 0.
    pub fn quadratic(weight: Vec<f32>) -> Toy {
        assert_eq!(weight.len(), IMAGE_LEN);
        let formula = move |x: &[f32]| {
            let value = x.iter().zip(&weight).map(|(&x, &w)| f64::from(w) * f64::from(x).powi(2) / 2.0).sum();
            (value, x.iter().zip(&weight).map(|(x, w)| x * w).collect())
        };
        Toy::new(vec![Box::new(formula)])
    }

    /// Its formulas, to build another toy with.
    pub fn into_formulas(self) -> Vec<Formula> {
        self.formulas
    }

    fn logits(&self, image: &[f32]) -> Vec<f32> {
        let mut row = vec![0.0; CLASSES];
        row.iter_mut().zip(&self.formulas).for_each(|(out, formula)| *out = formula(image).0 as f32);
        row
    }
}

impl Engine for Toy {
    fn info(&self) -> EngineInfo {
        EngineInfo { name: "toy", precision: Precision::F64, isa: "portable".into(), threads: 1 }
    }

    fn network(&self) -> &'static Network {
        Network::of(Variant::V1)
    }

    fn predict(&self, images: Images<'_>) -> Result<Logits, EngineError> {
        Ok(Logits { data: (0..images.len()).flat_map(|i| self.logits(images.get(i).data())).collect() })
    }

    fn gradient(&self, images: Images<'_>, seeds: Seeds<'_>, _rule: Rule) -> Result<Gradients, EngineError> {
        seeds.check(images.len())?;
        let (mut logits, mut gradient) = (Vec::new(), Vec::new());
        for i in 0..images.len() {
            let image = images.get(i).data();
            let row = self.logits(image);
            for seed in seeds.rows(i, &row)?.chunks_exact(CLASSES) {
                let mut sum = vec![0f64; IMAGE_LEN];
                for (formula, &s) in self.formulas.iter().zip(seed).filter(|(_, s)| **s != 0.0) {
                    let found = formula(image).1;
                    sum.iter_mut().zip(found).for_each(|(sum, g)| *sum += f64::from(s) * f64::from(g));
                }
                gradient.extend(sum.into_iter().map(|v| v as f32));
            }
            logits.extend(row);
        }
        Ok(Gradients { logits, gradient, seeds_per_image: seeds.per_image() })
    }

    fn features(&self, _images: Images<'_>) -> Result<Features, EngineError> {
        Err(EngineError::Sampler("a toy has no features".into()))
    }

    fn gradient_at(&self, _: Images<'_>, _: Seeds<'_>, _: Rule, _: Tap) -> Result<TapGradients, EngineError> {
        Err(EngineError::Sampler("a toy has no taps".into()))
    }
}
