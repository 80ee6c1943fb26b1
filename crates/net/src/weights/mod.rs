//! Stand-in.
#![allow(missing_docs)]
use crate::arch::*;
pub struct FoldedConv {
    pub weight: Vec<f64>,
    pub bias: Vec<f64>,
}
pub struct FoldedDense {
    pub weight: Vec<f64>,
    pub bias: Vec<f64>,
}
pub struct Weights;
fn rnd(n: usize, seed: u64, s: f64) -> Vec<f64> {
    let mut x = seed.wrapping_mul(0x9E3779B97F4A7C15) | 1;
    (0..n)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            ((x >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0) * s
        })
        .collect()
}
impl Weights {
    pub fn network(&self) -> &'static Network {
        Network::of(if std::env::var("V15").is_ok() { Variant::V1_5 } else { Variant::V1 })
    }
    pub fn conv(&self, c: &Conv) -> FoldedConv {
        let f = (c.kernel * c.kernel * c.c_in) as f64;
        let g = match c.role {
            Role::Expand => 0.5,
            _ => 1.0,
        };
        FoldedConv {
            weight: rnd(c.weight_len(), c.index as u64 + 1, (6.0 / f).sqrt() * g),
            bias: rnd(c.c_out, c.index as u64 + 77, 0.1),
        }
    }
    pub fn dense(&self) -> FoldedDense {
        FoldedDense { weight: rnd(2048000, 991, 0.03), bias: rnd(1000, 992, 0.1) }
    }
}
