//! Models of wgmma: where operands lie in shared memory, and the product in float64.

use backlit_cuda::ops::probe::{Fill, Probe};

use crate::matrix;

/// (N, swizzle, b MN-major, a MN-major, a in registers) of a probe.
fn shape(kernel: &str) -> (usize, u32, bool, bool, bool) {
    match kernel {
        "probe_wgmma_8" => (8, 3, false, false, false),
        "probe_wgmma_64" => (64, 3, false, false, false),
        "probe_wgmma_128" => (128, 3, false, false, false),
        "probe_wgmma_256" => (256, 3, false, false, false),
        "probe_wgmma_swizzle0" => (64, 0, false, false, false),
        "probe_wgmma_swizzle1" => (64, 1, false, false, false),
        "probe_wgmma_swizzle2" => (96, 2, false, false, false),
        "probe_wgmma_mn0" => (64, 0, true, true, false),
        "probe_wgmma_mn1" => (64, 1, true, true, false),
        "probe_wgmma_mn2" => (64, 2, true, true, false),
        "probe_wgmma_mn3" => (128, 3, true, true, false),
        "probe_wgmma_b_mn3" => (192, 3, true, false, false),
        "probe_wgmma_registers" => (64, 1, false, false, true),
        "probe_wgmma_registers_mn" => (128, 1, true, false, true),
        _ => panic!("{kernel} has no model"),
    }
}

/// Byte of element (mn, k) of an operand that starts at 0, as the header of the kernel lays it out.
fn place(mn: usize, k: usize, depth: usize, swizzle: u32, mn_major: bool) -> usize {
    let row = 16 << swizzle; // bytes of one row of the swizzle
    let flat = if mn_major {
        let across = row / 2; // values along MN in one row
        (mn / across) * (depth * row) + k * row + mn % across * 2
    } else if swizzle == 0 {
        mn / 8 * 256 + k / 8 * 128 + mn % 8 * 16 + k % 8 * 2
    } else {
        mn * row + k * 2
    };
    // The chunk of 16 bytes is exchanged by the number of the 128-byte line, modulo the chunks of a row.
    let (line, chunk) = (flat / 128, flat / 16 % 8);
    let turned = chunk ^ ((line % 8) & ((1 << swizzle) - 1));
    line * 128 + turned * 16 + flat % 16
}

pub(crate) fn product(kernel: &str, probe: &Probe, input: &[u32]) -> Vec<u32> {
    let (n, swizzle, b_mn, a_mn, registers) = shape(kernel);
    let depth = if swizzle < 2 { 16 } else { 8usize << swizzle };
    let value = if probe.fill == Fill::Bf16 { matrix::bf16 } else { matrix::f16 };
    let half = |byte: usize| value(input[byte / 4] >> (8 * (byte % 4)) & 0xffff);
    let start = if registers { 0 } else { 64 * depth * 2 };
    let first = (n * depth * 2) / 4; // where the words of registers begin
    let a = |r: usize, k: usize| {
        if !registers {
            return half(place(r, k, depth, swizzle, a_mn));
        }
        let thread = r / 16 * 32 + r % 8 * 4 + k % 8 / 2;
        value(input[first + thread * 4 + r % 16 / 8 + k / 8 * 2] >> (16 * (k % 2)))
    };
    let b = |c: usize, k: usize| half(start + place(c, k, depth, swizzle, b_mn));
    let mut out = vec![0; 64 * n];
    for (i, word) in out.iter_mut().enumerate() {
        let (thread, e) = (i / (n / 2), i % (n / 2));
        let row = thread / 32 * 16 + thread % 32 / 4 + e / 2 % 2 * 8;
        let column = e / 4 * 8 + thread % 4 * 2 + e % 2;
        let sum: f64 = (0..depth).map(|k| a(row, k) * b(column, k)).sum();
        *word = (sum as f32).to_bits();
    }
    out
}
