//! The oracle behind the [`Engine`] contract.

use backlit_net::arch::Network;
use backlit_net::engine::{
    Answer, Ask, ConvGradient, EngineInfo, Features, Gradients, Head, Logits, Precision, TapGradients, check_logits,
};
use backlit_net::relevance::Propagate;
use backlit_net::weights::Weights;
use backlit_net::{CLASSES, Engine, EngineError, Images, Rule, Seeds, Tap};
use rayon::prelude::*;

use crate::answer::{Found, Question, answer, to_f32};
use crate::{Model, Real, Trace};

/// [`Model`] as an [`Engine`]: one image a thread, each computed alone by plain loops.
pub struct Reference<T> {
    model: Model<T>,
}

impl<T: Real> Reference<T> {
    /// Folds and converts a weights file.
    pub fn new(weights: &Weights) -> Reference<T> {
        Reference { model: Model::new(weights) }
    }

    /// The model, for those who want to see every activation.
    pub fn model(&self) -> &Model<T> {
        &self.model
    }

    fn forward(&self, image: Images<'_>) -> Trace<T> {
        let image: Vec<T> = image.data().iter().map(|&v| T::from_f64(v.into())).collect();
        self.model.forward(&image)
    }

    fn answer(&self, images: Images<'_>, question: &Question<'_>) -> Result<Found, EngineError> {
        let one = |i| {
            let trace = self.forward(images.get(i));
            check_logits(i, &to_f32(&trace.logits))?;
            answer(&self.model, i, &trace, question)
        };
        let rows = (0..images.len()).into_par_iter().map(one).collect::<Result<Vec<Found>, EngineError>>()?;
        let mut all = Found::default();
        rows.into_iter().for_each(|row| all.extend(row));
        Ok(all)
    }
}

/// Seeds for a question that sends nothing back.
const NO_SEEDS: Seeds<'_> = Seeds::Rows { data: &[], per_image: 0 };

impl<T: Real> Engine for Reference<T> {
    fn info(&self) -> EngineInfo {
        let precision = if size_of::<T>() == 8 { Precision::F64 } else { Precision::F32 };
        EngineInfo { name: "reference", precision, isa: "portable".into(), threads: rayon::current_num_threads() }
    }

    fn network(&self) -> &'static Network {
        self.model.network()
    }

    fn propagator(&self) -> Result<&dyn Propagate, EngineError> {
        Ok(self)
    }

    fn predict(&self, images: Images<'_>) -> Result<Logits, EngineError> {
        let ask = Ask { seeds: NO_SEEDS, input: &[], taps: &[], features: false };
        Ok(Logits { data: self.ask(images, &ask)?.logits })
    }

    fn gradient(&self, images: Images<'_>, seeds: Seeds<'_>, rule: Rule) -> Result<Gradients, EngineError> {
        let found = self.ask(images, &Ask { seeds, input: &[rule], taps: &[], features: false })?;
        let gradient = found.input.into_iter().next().unwrap_or_default();
        Ok(Gradients { logits: found.logits, gradient, seeds_per_image: found.seeds_per_image })
    }

    fn features(&self, images: Images<'_>) -> Result<Features, EngineError> {
        let found = self.ask(images, &Ask { seeds: NO_SEEDS, input: &[], taps: &[], features: true })?;
        Ok(Features { logits: found.logits, data: found.features.unwrap_or_default() })
    }

    fn gradient_at(
        &self,
        images: Images<'_>,
        seeds: Seeds<'_>,
        rule: Rule,
        tap: Tap,
    ) -> Result<TapGradients, EngineError> {
        let index = tap.block()?;
        seeds.check(images.len())?;
        let question = Question { seeds, input: &[], taps: (rule, &[index]), features: false };
        let mut found = self.answer(images, &question)?;
        let pair = found.taps.pop().unwrap_or_default();
        Ok(self.at_tap(index, found.logits, pair, seeds.per_image()))
    }

    fn ask(&self, images: Images<'_>, ask: &Ask<'_>) -> Result<Answer, EngineError> {
        let taps = ask.check(images.len())?;
        let Ask { seeds, input, features, .. } = *ask;
        let found = self.answer(images, &Question { seeds, input, taps: (Rule::Plain, &taps), features })?;
        let per_image = seeds.per_image();
        let at_tap = |(&index, pair)| self.at_tap(index, found.logits.clone(), pair, per_image);
        Ok(Answer {
            taps: taps.iter().zip(found.taps).map(at_tap).collect(),
            logits: found.logits.clone(),
            input: found.input,
            features: features.then_some(found.features),
            seeds_per_image: per_image,
        })
    }

    fn head(&self) -> Result<Head<'_>, EngineError> {
        let (weight, bias) = self.model.head();
        Ok(Head { weight: to_f32(weight).into(), bias: to_f32(bias).into() })
    }

    fn resume(&self, tap: Tap, activations: &[f32]) -> Result<Logits, EngineError> {
        let (block, _) = tap.outputs_in(self.network(), activations)?;
        let len = self.network().blocks[block].expand.output_len();
        let one = |output: &[f32]| {
            let output: Vec<T> = output.iter().map(|&v| T::from_f64(v.into())).collect();
            to_f32(&self.model.resume(block, &output))
        };
        let rows: Vec<Vec<f32>> = activations.par_chunks_exact(len).map(one).collect();
        let data = rows.concat();
        check_logits(0, &data)?;
        Ok(Logits { data })
    }

    fn conv_gradients(
        &self,
        image: Images<'_>,
        seeds: Seeds<'_>,
        rule: Rule,
        see: &mut (dyn FnMut(ConvGradient<'_>) + Send),
    ) -> Result<Gradients, EngineError> {
        image.check_one()?;
        seeds.check(1)?;
        let trace = self.forward(image);
        let logits = to_f32(&trace.logits);
        check_logits(0, &logits)?;
        let mut gradient = Vec::new();
        for (seed, row) in seeds.rows(0, &logits)?.chunks_exact(CLASSES).enumerate() {
            let row: Vec<T> = row.iter().map(|&v| T::from_f64(v.into())).collect();
            let back = self.model.backward_seen(&trace, &row, rule, None, &mut |conv, gradient| {
                let (bias, gradient) = (to_f32(self.model.bias(conv)), to_f32(gradient));
                see(ConvGradient { conv: conv.index, seed, bias: &bias, gradient: &gradient });
            });
            gradient.extend(to_f32(&back.input));
        }
        Ok(Gradients { logits, gradient, seeds_per_image: seeds.per_image() })
    }
}

impl<T: Real> Reference<T> {
    fn at_tap(
        &self,
        index: usize,
        logits: Vec<f32>,
        (activation, gradient): (Vec<f32>, Vec<f32>),
        seeds_per_image: usize,
    ) -> TapGradients {
        let block = &self.network().blocks[index];
        TapGradients { logits, side: block.side_out(), channels: block.c_out(), activation, gradient, seeds_per_image }
    }
}
