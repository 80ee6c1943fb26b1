//! The head as numbers, and what is checked before a network is entered in the middle.

use std::borrow::Cow;

use super::{EngineError, Tap};
use crate::arch::Network;

/// The fully connected layer: `logits = bias + weight^T . mean over 7 x 7 of the last block's output`.
#[derive(Clone, Debug, PartialEq)]
pub struct Head<'a> {
    /// `[2048, 1000]`.
    pub weight: Cow<'a, [f32]>,
    /// `[1000]`.
    pub bias: Cow<'a, [f32]>,
}

impl Tap {
    /// Index of the block, and how many of its outputs `activations` holds: for [`Engine::resume`](super::Engine::resume).
    ///
    /// # Errors
    /// [`EngineError::NoSuchBlock`], [`EngineError::ActivationLength`] unless it is a whole number of outputs and at
    /// least one, [`EngineError::NonFiniteActivation`].
    pub fn outputs_in(self, network: &Network, activations: &[f32]) -> Result<(usize, usize), EngineError> {
        let index = self.block()?;
        let block = &network.blocks[index];
        let (side, channels, found) = (block.side_out(), block.c_out(), activations.len());
        let len = block.expand.output_len();
        if found == 0 || !found.is_multiple_of(len) {
            return Err(EngineError::ActivationLength { index, found, side, channels });
        }
        if let Some(&value) = activations.iter().find(|v| !v.is_finite()) {
            return Err(EngineError::NonFiniteActivation { value });
        }
        Ok((index, found / len))
    }
}
