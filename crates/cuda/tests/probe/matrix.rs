//! Models of mma.sync: d = a b + d, summed in float64.

pub(crate) fn f16(bits: u32) -> f64 {
    half::f16::from_bits(bits as u16).to_f64()
}

pub(crate) fn bf16(bits: u32) -> f64 {
    half::bf16::from_bits(bits as u16).to_f64()
}

/// m16n8kK with 16-bit operands.
pub(crate) fn mma(input: &[u32], k: usize, value: fn(u32) -> f64) -> Vec<u32> {
    let word = |lane: usize, i: usize| input[lane * 10 + i];
    // Row r, column c of a: which lane holds it, in which register and which half.
    let a = |r: usize, c: usize| {
        let register = r / 8 + c / 8 * 2;
        value(word(r % 8 * 4 + c % 8 / 2, register) >> (16 * (c % 2)))
    };
    let b = |r: usize, c: usize| value(word(c * 4 + r % 8 / 2, 4 + r / 8) >> (16 * (r % 2)));
    finish(input, |r, c| (0..k).map(|q| a(r, q) * b(q, c)).sum())
}

/// m16n8k8 in tf32: the lower 13 bits of the operands are not looked at.
pub(crate) fn mma_tf32(input: &[u32]) -> Vec<u32> {
    let value = |lane: usize, i: usize| f64::from(f32::from_bits(input[lane * 10 + i] & !0x1fff));
    let a = |r: usize, c: usize| value(r % 8 * 4 + c % 4, r / 8 + c / 4 * 2);
    let b = |r: usize, c: usize| value(c * 4 + r % 4, 4 + r / 4);
    finish(input, |r, c| (0..8).map(|q| a(r, q) * b(q, c)).sum())
}

fn finish(input: &[u32], product: impl Fn(usize, usize) -> f64) -> Vec<u32> {
    (0..128)
        .map(|i| {
            let (lane, e) = (i / 4, i % 4);
            let before = f64::from(f32::from_bits(input[lane * 10 + 6 + e]));
            let sum = before + product(lane / 4 + e / 2 * 8, lane % 4 * 2 + e % 2);
            (sum as f32).to_bits()
        })
        .collect()
}
