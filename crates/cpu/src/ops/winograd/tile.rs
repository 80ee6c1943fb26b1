//! The tiles: how many outputs each makes, at which points, and the additions that this takes.
//!
//! A filter of three and IN = OUT + 2 inputs are polynomials; their product at IN points (the last at infinity) is
//! IN multiplications, and what is known at IN points gives the OUT outputs (Toom and Cook; Winograd 1980; for
//! convolutional networks Lavin and Gray 2015, arXiv:1509.09308). In two dimensions each step is done along both axes.
//!
//! The points decide the rounding error. Lavin and Gray take 0, 1, -1, 2, -2 for F(4,3). A search over pairs ±a, ±b
//! with 64 channels of random data found the least error at 5/8 and 3/2: half of theirs (7.1e-7 against 1.5e-6 of the
//! output's norm), at the same cost, and all the constants below are exact in float32.

use crate::isa::Isa;

/// Floats that a transform works on side by side.
pub(super) type Vector<const W: usize> = [f32; W];

/// Transforms along one axis, IN inputs and points, OUT outputs.
pub(super) trait Tile<const IN: usize, const OUT: usize> {
    /// The points but infinity, which is the last.
    const POINTS: &'static [f64];

    /// Values of the inputs' polynomial: row j is the product of (x - p) over all points p but the j-th.
    fn input<I: Isa, const W: usize>(isa: I, d: [Vector<W>; IN]) -> [Vector<W>; IN];

    /// Outputs from products: y[i] = sum over j of p_j^i m[j], and the product at infinity for the last.
    fn output<I: Isa, const W: usize>(isa: I, m: [Vector<W>; IN]) -> [Vector<W>; OUT];
}

/// F(4x4, 3x3): 36 multiplications for 16 outputs, where a direct sum takes 144.
pub(super) struct Four;

/// F(2x2, 3x3): 16 multiplications for 4 outputs, where a direct sum takes 36.
pub(super) struct Two;

/// The inner and outer pair of points of [`Four`].
const A: f32 = 5.0 / 8.0;
const B: f32 = 3.0 / 2.0;

impl Tile<6, 4> for Four {
    const POINTS: &'static [f64] = &[0.0, A as f64, -A as f64, B as f64, -B as f64];

    #[inline(always)]
    fn input<I: Isa, const W: usize>(isa: I, d: [Vector<W>; 6]) -> [Vector<W>; 6] {
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
    fn output<I: Isa, const W: usize>(isa: I, m: [Vector<W>; 6]) -> [Vector<W>; 4] {
        let (sum_a, less_a) = (add(m[1], m[2]), sub(m[1], m[2]));
        let (sum_b, less_b) = (add(m[3], m[4]), sub(m[3], m[4]));
        [
            add(add(m[0], sum_a), sum_b),
            add_mul(isa, scale(A, less_a), B, less_b),
            add_mul(isa, scale(A * A, sum_a), B * B, sum_b),
            add_mul(isa, add_mul(isa, m[5], A * A * A, less_a), B * B * B, less_b),
        ]
    }
}

impl Tile<4, 2> for Two {
    const POINTS: &'static [f64] = &[0.0, 1.0, -1.0];

    #[inline(always)]
    fn input<I: Isa, const W: usize>(_: I, d: [Vector<W>; 4]) -> [Vector<W>; 4] {
        // (x^2 - 1) for 0 and, times x, for infinity; x^2 ± x for ±1.
        [sub(d[2], d[0]), add(d[2], d[1]), sub(d[2], d[1]), sub(d[3], d[1])]
    }

    #[inline(always)]
    fn output<I: Isa, const W: usize>(_: I, m: [Vector<W>; 4]) -> [Vector<W>; 2] {
        [add(add(m[0], m[1]), m[2]), add(sub(m[1], m[2]), m[3])]
    }
}

/// The filter's transform along one axis, in double precision: row j is p_j^i / product over the other points q of
/// (p_j - q); the row of infinity is the last coefficient.
pub(super) fn filter<T: Tile<IN, OUT>, const IN: usize, const OUT: usize>(g: [f64; 3]) -> [f64; IN] {
    std::array::from_fn(|j| match T::POINTS.get(j) {
        None => g[2],
        Some(&p) => {
            let others = T::POINTS.iter().enumerate().filter(|&(k, _)| k != j);
            (g[0] + p * g[1] + p * p * g[2]) / others.map(|(_, q)| p - q).product::<f64>()
        }
    })
}

// Loops and no closures: a closure would have to be inlined too, and cannot be told to.

#[inline(always)]
fn add<const W: usize>(mut a: Vector<W>, b: Vector<W>) -> Vector<W> {
    for l in 0..W {
        a[l] += b[l];
    }
    a
}

#[inline(always)]
fn sub<const W: usize>(mut a: Vector<W>, b: Vector<W>) -> Vector<W> {
    for l in 0..W {
        a[l] -= b[l];
    }
    a
}

#[inline(always)]
fn scale<const W: usize>(factor: f32, mut a: Vector<W>) -> Vector<W> {
    for l in 0..W {
        a[l] *= factor;
    }
    a
}

/// `a + factor * b`.
#[inline(always)]
fn add_mul<I: Isa, const W: usize>(isa: I, mut a: Vector<W>, factor: f32, b: Vector<W>) -> Vector<W> {
    for l in 0..W {
        a[l] = isa.mul_add(factor, b[l], a[l]);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Portable;

    /// One axis against the sum that it stands for. All steps are sums of exact products of small numbers.
    fn one_axis<T: Tile<IN, OUT>, const IN: usize, const OUT: usize>() {
        let d: [f64; IN] = std::array::from_fn(|i| [3.0, -1.0, 4.0, 1.0, -5.0, 9.0][i]);
        let g = [2.0, -7.0, 1.5];
        let v = T::input(Portable, d.map(|d| [d as f32]));
        let u = filter::<T, IN, OUT>(g);
        let products = std::array::from_fn(|j| [(f64::from(v[j][0]) * u[j]) as f32]);
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
