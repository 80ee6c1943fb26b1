//! Models: accesses, copies, conversions, arithmetic, bits.

use half::{bf16, f16};

pub(crate) fn access(input: &[u32]) -> Vec<u32> {
    (0..32)
        .flat_map(|lane| {
            let other = (31 - lane) * 4;
            let mut out = input[other..other + 4].to_vec();
            out.extend(&input[other + 2..other + 4]);
            out.extend(&input[other..other + 2]);
            out
        })
        .collect()
}

/// The first `keep` bytes of some words; zeros behind.
fn cut(words: &[u32], keep: usize) -> Vec<u32> {
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    let kept: Vec<u8> = bytes.iter().enumerate().map(|(i, &b)| if i < keep { b } else { 0 }).collect();
    kept.chunks(4).map(|c| u32::from_le_bytes(c.try_into().expect("four"))).collect()
}

pub(crate) fn cp_async(input: &[u32]) -> Vec<u32> {
    (0..32)
        .flat_map(|lane| {
            let row = &input[lane * 4..lane * 4 + 4];
            [cut(row, lane % 17), cut(&row[2..], lane % 9), cut(&row[1..2], lane % 5)].concat()
        })
        .collect()
}

fn tf32(v: f32) -> u32 {
    // Ten bits of fraction, ties away from zero, in exact arithmetic.
    if !v.is_finite() {
        return v.to_bits();
    }
    let low = v.to_bits() & 0x1fff;
    let cut = v.to_bits() - low;
    if low >= 0x1000 { cut + 0x2000 } else { cut }
}

pub(crate) fn convert(input: &[u32]) -> Vec<u32> {
    let n = input.len();
    let pair = |low: u16, high: u16| u32::from(low) | u32::from(high) << 16;
    let clamp = |v: f32, most: f32| v.clamp(-most, most).to_bits();
    (0..n)
        .flat_map(|i| {
            let (bits, v, w) = (input[i], f32::from_bits(input[i]), f32::from_bits(input[(i + 1) % n]));
            let (h, b) = (|x| f16::from_f32(x).to_bits(), |x| bf16::from_f32(x).to_bits());
            let widened = |half: u32| f16::from_bits(half as u16).to_f32().to_bits();
            [
                u32::from(h(v)),
                u32::from(b(v)),
                tf32(v),
                pair(h(v), h(w)),
                pair(b(v), b(w)),
                widened(bits),
                widened(bits >> 16),
                bits << 16,
                clamp(v, 65504.0),
                clamp(v, f32::from_bits(0x7f7f_0000)),
            ]
        })
        .collect()
}

/// Of a number and NaN, the number; of zeros, -0 below +0.
fn least(a: f32, b: f32) -> f32 {
    if a.is_nan() || (b < a) || (a == b && b.is_sign_negative()) { b } else { a }
}

pub(crate) fn arithmetic(input: &[u32]) -> Vec<u32> {
    input
        .chunks(3)
        .flat_map(|x| {
            let [a, b, c] = [0, 1, 2].map(|i| f32::from_bits(x[i]));
            let wide = f64::from(a).mul_add(f64::from(b), f64::from(c)).to_bits();
            let root = (f64::from(a).abs().sqrt() / f64::from(b)) as f32;
            [
                (a + b).to_bits(),
                (a * b + c).to_bits(),
                a.mul_add(b, c).to_bits(),
                (a / b).to_bits(),
                a.abs().sqrt().to_bits(),
                least(a, b).to_bits(),
                (-least(-a, -b)).to_bits(),
                (wide >> 32) as u32,
                wide as u32,
                root.to_bits(),
            ]
        })
        .collect()
}

fn byte_perm(a: u32, b: u32, selectors: u32) -> u32 {
    let bytes = [a.to_le_bytes(), b.to_le_bytes()].concat();
    let pick = |i: u32| {
        let selector = selectors >> (4 * i) & 15;
        let byte = bytes[(selector & 7) as usize];
        if selector < 8 { byte } else { (byte as i8 >> 7) as u8 }
    };
    u32::from_le_bytes([pick(0), pick(1), pick(2), pick(3)])
}

pub(crate) fn bits(input: &[u32]) -> Vec<u32> {
    input
        .chunks(3)
        .flat_map(|x| {
            let [a, b, c] = [x[0], x[1], x[2]];
            let (wide, other) = (u64::from(a) << 32 | u64::from(b), u64::from(c) << 32 | u64::from(a));
            let high = ((u128::from(wide) * u128::from(other)) >> 64) as u64;
            let shifted = a << (c & 31);
            let both = u64::from(b) << 32 | u64::from(a);
            [
                a.reverse_bits(),
                (a >> (c & 31)).leading_zeros(),
                if shifted == 0 { 0 } else { shifted.trailing_zeros() + 1 },
                a.count_ones(),
                ((u64::from(a) * u64::from(b)) >> 32) as u32,
                byte_perm(a, b, c),
                (both << (c & 31) >> 32) as u32,
                (both >> (c & 31)) as u32,
                high as u32,
                (high >> 32) as u32,
                ((a as i32).min(b as i32) as u32) ^ a.max(b),
                (wide.wrapping_mul(u64::from(c)) >> 7) as u32,
            ]
        })
        .collect()
}
