//! A layer with its speed both ways.

use backlit_cpu::isa::Token;

use super::{Case, Layer, Pass};
use crate::stopwatch::Effort;
use crate::{BenchError, Measured, measure};

/// One pass of a layer, measured.
#[derive(Clone, Copy, Debug)]
pub struct LayerPass {
    /// Speed and error of the batch.
    pub measured: Measured,
    /// What computed it: `direct`, ...
    pub algorithm: &'static str,
    /// Multiply-adds of one image that it executed; the table has the nominal ones.
    pub executed: u64,
}

/// One distinct convolution.
#[derive(Clone, Debug)]
pub struct LayerRow {
    /// Which, and how many of it.
    pub layer: Layer,
    /// Images that go through together.
    pub batch: usize,
    /// Activations.
    pub forward: LayerPass,
    /// Gradient with respect to the input.
    pub dgrad: LayerPass,
}

impl LayerRow {
    /// Checks and times both passes.
    ///
    /// # Errors
    /// [`BenchError`] if one is wrong.
    pub fn measure(layer: Layer, token: Token, batch: usize, effort: Effort) -> Result<LayerRow, BenchError> {
        let one = |pass| -> Result<LayerPass, BenchError> {
            let mut case = Case::new(&layer, pass, token, batch);
            let (algorithm, executed) = case.algorithm();
            Ok(LayerPass { measured: measure(&mut case, effort)?, algorithm, executed })
        };
        let (forward, dgrad) = (one(Pass::Forward)?, one(Pass::Dgrad)?);
        Ok(LayerRow { layer, batch, forward, dgrad })
    }

    /// One of the two.
    pub fn pass(&self, pass: Pass) -> &LayerPass {
        match pass {
            Pass::Forward => &self.forward,
            Pass::Dgrad => &self.dgrad,
        }
    }

    /// Nominal operations of the whole batch in one pass.
    pub fn flops(&self) -> f64 {
        (self.batch as u64 * self.layer.flops()) as f64
    }

    /// Nominal operations a second, by the middle run.
    pub fn speed(&self, pass: Pass) -> f64 {
        self.flops() / self.pass(pass).measured.times().median
    }
}
