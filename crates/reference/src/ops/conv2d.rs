//! Convolution with any filter, stride and zero padding.
//!
//! ```text
//! forward         y[p,q,k] = bias[k] + sum over r,s,c of  x[h,w,c] * weight[r,s,c,k]
//! input gradient  dx[h,w,c] =          sum over r,s,k of dy[p,q,k] * weight[r,s,c,k]
//! where           h = p * stride - pad + r,   w = q * stride - pad + s   lie inside the input
//! ```

use backlit_net::arch::Conv;

use crate::Real;

/// Shapes of a convolution: x `[height, width, c_in]`, weight `[kernel, kernel, c_in, c_out]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Input rows.
    pub height: usize,
    /// Input columns.
    pub width: usize,
    /// Input channels.
    pub c_in: usize,
    /// Output channels.
    pub c_out: usize,
    /// Rows and columns of the filter.
    pub kernel: usize,
    /// Step in rows and columns.
    pub stride: usize,
    /// Zero border on every side.
    pub pad: usize,
}

impl From<&Conv> for Conv2d {
    fn from(c: &Conv) -> Conv2d {
        let (height, width) = (c.side_in, c.side_in);
        Conv2d { height, width, c_in: c.c_in, c_out: c.c_out, kernel: c.kernel, stride: c.stride, pad: c.pad }
    }
}

impl Conv2d {
    /// Rows and columns of the output.
    pub fn output(&self) -> (usize, usize) {
        let side = |n: usize| (n + 2 * self.pad - self.kernel) / self.stride + 1;
        (side(self.height), side(self.width))
    }

    /// Floats of x.
    pub fn input_len(&self) -> usize {
        self.height * self.width * self.c_in
    }

    /// Floats of y.
    pub fn output_len(&self) -> usize {
        let (height, width) = self.output();
        height * width * self.c_out
    }

    /// Calls `f(output pixel, input pixel, tap)` for all that meet; pixels and taps as flat indices.
    fn for_each_meeting(&self, mut f: impl FnMut(usize, usize, usize)) {
        let (height, width) = self.output();
        for p in 0..height {
            for q in 0..width {
                for r in 0..self.kernel {
                    for s in 0..self.kernel {
                        // Shifted by `pad` so that nothing goes below zero.
                        let (h, w) = (p * self.stride + r, q * self.stride + s);
                        let inside = |at: usize, size: usize| (self.pad..self.pad + size).contains(&at);
                        if inside(h, self.height) && inside(w, self.width) {
                            let input = (h - self.pad) * self.width + (w - self.pad);
                            f(p * width + q, input, r * self.kernel + s);
                        }
                    }
                }
            }
        }
    }
}

/// Forward. `bias` is `[c_out]`; `y` is overwritten.
///
/// # Panics
/// If a slice has the wrong length.
pub fn conv2d_fwd<T: Real>(shape: &Conv2d, x: &[T], weight: &[T], bias: &[T], y: &mut [T]) {
    let (c_in, c_out) = (shape.c_in, shape.c_out);
    assert_eq!(x.len(), shape.input_len());
    assert_eq!(weight.len(), shape.kernel * shape.kernel * c_in * c_out);
    assert_eq!(bias.len(), c_out);
    assert_eq!(y.len(), shape.output_len());
    for pixel in y.chunks_exact_mut(c_out) {
        pixel.copy_from_slice(bias);
    }
    shape.for_each_meeting(|output, input, tap| {
        let y = &mut y[output * c_out..][..c_out];
        let x = &x[input * c_in..][..c_in];
        let weight = &weight[tap * c_in * c_out..][..c_in * c_out];
        for (&x, weight) in x.iter().zip(weight.chunks_exact(c_out)) {
            for (y, &w) in y.iter_mut().zip(weight) {
                *y += x * w;
            }
        }
    });
}

/// Gradient with respect to the input. `dx` is overwritten.
///
/// # Panics
/// If a slice has the wrong length.
pub fn conv2d_dgrad<T: Real>(shape: &Conv2d, dy: &[T], weight: &[T], dx: &mut [T]) {
    let (c_in, c_out) = (shape.c_in, shape.c_out);
    assert_eq!(dy.len(), shape.output_len());
    assert_eq!(weight.len(), shape.kernel * shape.kernel * c_in * c_out);
    assert_eq!(dx.len(), shape.input_len());
    dx.fill(T::ZERO);
    shape.for_each_meeting(|output, input, tap| {
        let dy = &dy[output * c_out..][..c_out];
        let dx = &mut dx[input * c_in..][..c_in];
        let weight = &weight[tap * c_in * c_out..][..c_in * c_out];
        for (dx, weight) in dx.iter_mut().zip(weight.chunks_exact(c_out)) {
            *dx += dot(dy, weight);
        }
    });
}

/// Inner product in eight partial sums, which a compiler may keep side by side in one register.
fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let mut sums = [T::ZERO; 8];
    let (a_blocks, a_rest) = a.as_chunks::<8>();
    let (b_blocks, b_rest) = b.as_chunks::<8>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    let rest: T = a_rest.iter().zip(b_rest).map(|(&a, &b)| a * b).sum();
    sums.into_iter().sum::<T>() + rest
}
