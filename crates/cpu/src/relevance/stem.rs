//! The stem's rules. Unlike every other convolution it reads values of both signs.
//!
//! Under z+ both halves of z are not negative: x+ w+ and bias+, and x- w-. So the stem's own kernels, which end in a
//! ReLU, compute them as they are.

use backlit_net::arch::Conv;
use backlit_net::relevance::Composite;
use backlit_net::weights::FoldedConv;

use super::elementwise::{add, divide, half, multiply};
use super::positive_part;
use crate::buffers::{Buffer, Buffers};
use crate::isa::Token;
use crate::ops::stem::Stem;

/// Weights of the stem's rules.
pub(super) struct StemRules {
    positive: Stem,
    negative: Stem,
    ones: Stem,
}

impl StemRules {
    pub(super) fn new(token: Token, conv: &Conv, folded: &FoldedConv) -> StemRules {
        let no_bias = vec![0.0; folded.bias.len()];
        let negative = folded.weight.iter().map(|w| w.min(0.0)).collect();
        let ones = FoldedConv { weight: vec![1.0; folded.weight.len()], bias: no_bias.clone() };
        StemRules {
            positive: Stem::new(token, conv, &positive_part(folded)),
            negative: Stem::new(token, conv, &FoldedConv { weight: negative, bias: no_bias }),
            ones: Stem::new(token, conv, &ones),
        }
    }

    /// For each relevance of the stem's outputs, `[n, 112, 112, 64]`, that of the images, `[n, 224, 224, 3]`.
    pub(super) fn run<'a>(
        &self,
        token: Token,
        buffers: &'a Buffers,
        images: &[f32],
        composite: Composite,
        stabiliser: f32,
        relevance: Vec<Buffer<'_>>,
    ) -> Vec<Buffer<'a>> {
        let (x, weights): (Vec<Vec<f32>>, Vec<&Stem>) = match composite {
            Composite::EpsilonPlus => {
                (vec![half(images, true), half(images, false)], vec![&self.positive, &self.negative])
            }
            Composite::EpsilonPlusFlat => (vec![vec![1.0; images.len()]], vec![&self.ones]),
        };
        let len = relevance.first().map_or(0, |r| r.len());
        let (mut z, mut part) = (buffers.take(len), buffers.take(len));
        z.fill(0.0);
        for (x, stem) in x.iter().zip(&weights) {
            stem.forward(token, x, &mut part);
            add(&mut z, &part);
        }
        drop(part);
        let one = |mut r: Buffer<'_>| {
            divide(&mut r, &z, stabiliser);
            let (mut out, mut part) = (buffers.take(images.len()), buffers.take(images.len()));
            out.fill(0.0);
            for (x, stem) in x.iter().zip(&weights) {
                stem.dgrad(token, &r, &mut part);
                multiply(&mut part, x);
                add(&mut out, &part);
            }
            out
        };
        relevance.into_iter().map(one).collect()
    }
}
