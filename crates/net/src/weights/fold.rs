//! BatchNorm folded into the convolution before it, in double precision.
//!
//! BatchNorm computes `gamma (y - mean) / sqrt(variance + epsilon) + beta` of `y = w x + b`. With
//! `scale = gamma / sqrt(variance + epsilon)` this is a convolution again:
//! weights `w scale`, bias `(b - mean) scale + beta`, channel by channel.

use super::tensor::Numbers;
use super::{ConvTensors, DenseTensors, Layout};
use crate::arch::{Conv, Dense};

/// A convolution that contains its BatchNorm.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldedConv {
    /// Filters `[row, column, c_in, c_out]`.
    pub weight: Vec<f64>,
    /// One number an output channel, `[c_out]`.
    pub bias: Vec<f64>,
}

/// The head.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldedDense {
    /// The matrix `[2048, 1000]`: a row a feature, a column a class.
    pub weight: Vec<f64>,
    /// One number a class, `[1000]`.
    pub bias: Vec<f64>,
}

pub(super) fn conv(conv: &Conv, from: &ConvTensors, layout: Layout, epsilon: f64, data: &[u8]) -> FoldedConv {
    let gamma = from.gamma.values(data);
    let variance = from.variance.values(data);
    let scale: Vec<f64> = gamma.iter().zip(&variance).map(|(g, v)| g / (v + epsilon).sqrt()).collect();

    let bias = from.bias.as_ref().map_or(vec![0.0; conv.c_out], |b| b.values(data));
    let mean = from.mean.values(data);
    let beta = from.beta.values(data);
    let bias = (0..conv.c_out).map(|o| (bias[o] - mean[o]) * scale[o] + beta[o]).collect();

    let taps = conv.kernel * conv.kernel;
    let filters = Filters { layout, taps, c_in: conv.c_in, c_out: conv.c_out, scale: &scale };
    FoldedConv { weight: from.kernel.with(data, filters), bias }
}

pub(super) fn dense(head: &Dense, from: &DenseTensors, layout: Layout, data: &[u8]) -> FoldedDense {
    let ones = vec![1.0; head.c_out];
    let matrix = Filters { layout, taps: 1, c_in: head.c_in, c_out: head.c_out, scale: &ones };
    FoldedDense { weight: from.kernel.with(data, matrix), bias: from.bias.values(data) }
}

/// Filters brought into the order `[tap, c_in, c_out]` and scaled by output channel.
struct Filters<'a> {
    layout: Layout,
    taps: usize,
    c_in: usize,
    c_out: usize,
    scale: &'a [f64],
}

/// Output channels transposed together: two cache lines written for each line read from as many streams.
const TRANSPOSED: usize = 16;

impl Numbers<Vec<f64>> for Filters<'_> {
    fn call(self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let Filters { layout, taps, c_in, c_out, scale } = self;
        let len = taps * c_in * c_out;
        match layout {
            Layout::Hwio => {
                let mut weight = Vec::with_capacity(len);
                for row in 0..taps * c_in {
                    weight.extend(scale.iter().enumerate().map(|(o, s)| value(row * c_out + o) * s));
                }
                weight
            }
            Layout::Oihw => {
                let mut weight = vec![0.0; len];
                for first in (0..c_out).step_by(TRANSPOSED) {
                    let channels = first..(first + TRANSPOSED).min(c_out);
                    for i in 0..c_in {
                        for tap in 0..taps {
                            for o in channels.clone() {
                                weight[(tap * c_in + i) * c_out + o] = value((o * c_in + i) * taps + tap) * scale[o];
                            }
                        }
                    }
                }
                weight
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Element `[o, i, tap]` is `100 o + 10 i + tap` in both layouts.
    #[test]
    fn both_layouts_give_the_same_order() {
        let (taps, c_in, c_out) = (9, 5, 35);
        let scale: Vec<f64> = (0..c_out).map(|o| 1.0 + o as f64).collect();
        let filters = |layout| Filters { layout, taps, c_in, c_out, scale: &scale };
        let number = |o, i, tap| (100 * o + 10 * i + tap) as f64;
        let hwio = filters(Layout::Hwio).call(|n| number(n % c_out, n / c_out % c_in, n / c_out / c_in));
        let oihw = filters(Layout::Oihw).call(|n| number(n / taps / c_in, n / taps % c_in, n % taps));
        assert_eq!(hwio, oihw);
        assert_eq!(hwio[(4 * c_in + 3) * c_out + 20], number(20, 3, 4) * 21.0);
    }
}
