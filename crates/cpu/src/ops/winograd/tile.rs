//! The tiles: how many outputs each makes, at which points, and the additions that this takes.
//!
//! A filter of three and IN = OUT + 2 inputs are polynomials; their product at IN points (the last at infinity) is
//! IN multiplications, and what is known at IN points gives the OUT outputs (Toom and Cook; Winograd 1980; for
//! convolutional networks Lavin and Gray 2015, arXiv:1509.09308). In two dimensions each step is done along both axes.
//!
//! The points decide the rounding error. Lavin and Gray take 0, 1, -1, 2, -2 for F(4,3). A search over pairs ±a, ±b
//! found the least error at 5/8 and 3/2: half of theirs (9e-7 of the output's norm against 2.0e-6, 128 channels of
//! random data), at the same cost, and all the constants below are exact in float32.

use crate::isa::Isa;

/// Transforms along one axis, IN inputs and points, OUT outputs.
pub(super) trait Transform<const IN: usize, const OUT: usize> {
    /// The points but infinity, which is the last.
    const POINTS: &'static [f64];

    /// Values of the inputs' polynomial: row j is the product of (x - p) over all points p but the j-th.
    fn input<I: Isa>(isa: I, d: [I::Vector; IN]) -> [I::Vector; IN];

    /// Outputs from products: `y[i] = sum over j of p_j^i m[j]`, and the product at infinity for the last.
    fn output<I: Isa>(isa: I, m: [I::Vector; IN]) -> [I::Vector; OUT];
}

/// F(4x4, 3x3): 36 multiplications for 16 outputs, where a direct sum takes 144.
pub(super) struct Four;

/// F(2x2, 3x3): 16 multiplications for 4 outputs, where a direct sum takes 36.
pub(super) struct Two;

/// The inner and outer pair of points of [`Four`].
const A: f32 = 5.0 / 8.0;
const B: f32 = 3.0 / 2.0;

impl Transform<6, 4> for Four {
    const POINTS: &'static [f64] = &[0.0, A as f64, -A as f64, B as f64, -B as f64];

    #[inline(always)]
    fn input<I: Isa>(isa: I, d: [I::Vector; 6]) -> [I::Vector; 6] {
        // (x^2 - a^2)(x^2 - b^2) for 0 and, times x, for infinity; (x^2 ± a x)(x^2 - b^2) for ±a.
        let (even_a, odd_a) = (add_mul(isa, d[4], -(B * B), d[2]), add_mul(isa, d[3], -(B * B), d[1]));
        let (even_b, odd_b) = (add_mul(isa, d[4], -(A * A), d[2]), add_mul(isa, d[3], -(A * A), d[1]));
        [
            add_mul(isa, add_mul(isa, d[4], -(A * A + B * B), d[2]), A * A * B * B, d[0]),
            add_mul(isa, even_a, A, odd_a),
            add_mul(isa, even_a, -A, odd_a),
            add_mul(isa, even_b, B, odd_b),
            add_mul(isa, even_b, -B, odd_b),
            add_mul(isa, add_mul(isa, d[5], -(A * A + B * B), d[3]), A * A * B * B, d[1]),
        ]
    }

    #[inline(always)]
    fn output<I: Isa>(isa: I, m: [I::Vector; 6]) -> [I::Vector; 4] {
        let (sum_a, less_a) = (isa.add(m[1], m[2]), isa.sub(m[1], m[2]));
        let (sum_b, less_b) = (isa.add(m[3], m[4]), isa.sub(m[3], m[4]));
        [
            isa.add(isa.add(m[0], sum_a), sum_b),
            add_mul(isa, isa.mul(isa.splat(A), less_a), B, less_b),
            add_mul(isa, isa.mul(isa.splat(A * A), sum_a), B * B, sum_b),
            add_mul(isa, add_mul(isa, m[5], A * A * A, less_a), B * B * B, less_b),
        ]
    }
}

impl Transform<4, 2> for Two {
    const POINTS: &'static [f64] = &[0.0, 1.0, -1.0];

    #[inline(always)]
    fn input<I: Isa>(isa: I, d: [I::Vector; 4]) -> [I::Vector; 4] {
        // (x^2 - 1) for 0 and, times x, for infinity; x^2 ± x for ±1.
        [isa.sub(d[2], d[0]), isa.add(d[2], d[1]), isa.sub(d[2], d[1]), isa.sub(d[3], d[1])]
    }

    #[inline(always)]
    fn output<I: Isa>(isa: I, m: [I::Vector; 4]) -> [I::Vector; 2] {
        [isa.add(isa.add(m[0], m[1]), m[2]), isa.add(isa.sub(m[1], m[2]), m[3])]
    }
}

/// The filter's transform along one axis, in double precision: row j is p_j^i / product over the other points q of
/// (p_j - q); the row of infinity is the last coefficient.
pub(super) fn filter<T: Transform<IN, OUT>, const IN: usize, const OUT: usize>() -> [[f64; 3]; IN] {
    std::array::from_fn(|j| match T::POINTS.get(j) {
        None => [0.0, 0.0, 1.0],
        Some(&p) => {
            let others = T::POINTS.iter().enumerate().filter(|&(k, _)| k != j);
            let scale: f64 = others.map(|(_, q)| p - q).product();
            [1.0 / scale, p / scale, p * p / scale]
        }
    })
}

/// `a + factor * b`.
#[inline(always)]
fn add_mul<I: Isa>(isa: I, a: I::Vector, factor: f32, b: I::Vector) -> I::Vector {
    isa.fused(isa.splat(factor), b, a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Portable;

    /// One axis against the sum that it stands for. All steps are sums of exact products of small numbers.
    fn one_axis<T: Transform<IN, OUT>, const IN: usize, const OUT: usize>() {
        let d: [f64; IN] = std::array::from_fn(|i| [3.0, -1.0, 4.0, 1.0, -5.0, 9.0][i]);
        let g = [2.0, -7.0, 1.5];
        let v = T::input(Portable, d.map(|d| [d as f32; 4]));
        let u = filter::<T, IN, OUT>().map(|row| (0..3).map(|r| row[r] * g[r]).sum::<f64>());
        let products = std::array::from_fn(|j| [(f64::from(v[j][0]) * u[j]) as f32; 4]);
        let y = T::output(Portable, products);
        for i in 0..OUT {
            let expected: f64 = (0..3).map(|r| d[i + r] * g[r]).sum();
            let error = (f64::from(y[i][0]) - expected).abs();
            assert!(error <= 1e-4, "output {i} of {OUT}: {}, expected {expected}", y[i][0]);
        }
    }

    #[test]
    fn both_tiles_compute_the_sum_of_three() {
        one_axis::<Four, 6, 4>();
        one_axis::<Two, 4, 2>();
    }
}
