//! Bulk tensor copies: boxes, strides, borders, swizzles, im2col, and the way back.

use backlit_cuda::ops::probe::TMA;
use backlit_cuda::{Buffer, Grid};
use backlit_cuda_emu::maps::{Tensor, TensorMap, im2col, tiled};
use backlit_cuda_emu::with;
use bytemuck::{Pod, Zeroable};

#[repr(C, align(64))]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    map: TensorMap,
    bytes_at: u64,
    bytes: u32,
    kind: u32,
    at: [i32; 4],
    offset: [u32; 2],
    pad: [u32; 6],
}

const TILED: u32 = 0;
const IM2COL: u32 = 1;
const STORE: u32 = 2;

/// n, h, w, c of the tensor of 16-bit values; element i holds i + 1.
const DIMS: [usize; 4] = [3, 7, 9, 64];

fn tensor(address: u64, steps: &[u32], swizzle: u32) -> Tensor<'_> {
    const ROW: u64 = (DIMS[3] * 2) as u64;
    const SIZES: [u64; 4] = [DIMS[3] as u64, DIMS[2] as u64, DIMS[1] as u64, DIMS[0] as u64];
    const STRIDES: [u64; 3] = [ROW, ROW * DIMS[2] as u64, ROW * (DIMS[2] * DIMS[1]) as u64];
    Tensor { address, element: 2, dims: &SIZES, strides: &STRIDES, steps, swizzle }
}

/// The value at (c, w, h, n), zero outside.
fn at([c, w, h, n]: [i64; 4]) -> u16 {
    let inside = |v: i64, most: usize| v >= 0 && v < most as i64;
    if !(inside(c, DIMS[3]) && inside(w, DIMS[2]) && inside(h, DIMS[1]) && inside(n, DIMS[0])) {
        return 0;
    }
    (((n as usize * DIMS[1] + h as usize) * DIMS[2] + w as usize) * DIMS[3] + c as usize + 1) as u16
}

/// Where value `i` of row `row` lies under a swizzle, in values.
fn turned(row: usize, i: usize, row_bytes: usize, swizzle: u32) -> usize {
    let byte = row * row_bytes + i * 2;
    let (line, chunk) = (byte / 128, byte / 16 % 8);
    (line * 128 + (chunk ^ ((line % 8) & ((1 << swizzle) - 1))) * 16 + byte % 16) / 2
}

/// Runs the probe in every mode; the bytes are read back (or, for a store, given).
fn run(map: impl Fn(u64) -> TensorMap, kind: u32, bytes: usize, coordinates: [i32; 4], offset: [u32; 2]) -> Vec<u16> {
    let (device, stream) = crate::device();
    let kernel = device.kernel(&TMA, "probe_tma").expect("it loads");
    let count: usize = DIMS.iter().product();
    let mut answers = vec![];
    for settings in crate::modes() {
        let values: Vec<u16> = (0..count).map(|i| if kind == STORE { 0 } else { (i + 1) as u16 }).collect();
        let x = Buffer::from_slice(&device, &values).expect("memory");
        let boxed: Vec<u16> = (0..bytes / 2).map(|i| i as u16 + 1).collect();
        let out = if kind == STORE { Buffer::from_slice(&device, &boxed) } else { Buffer::new(&device, bytes / 2) };
        let out = out.expect("memory");
        let map = map(x.address());
        let (at, bytes) = (coordinates, bytes as u32);
        let params = Params { map, bytes_at: out.address(), bytes, kind, at, offset, pad: [0; 6] };
        let grid = Grid { blocks: [1; 3], threads: [32, 1, 1], shared: bytes + 8 };
        // SAFETY: the parameters are the kernel's; the buffers are as large as they say.
        with(settings, || unsafe { kernel.launch(&stream, grid, &params) }).expect("it runs");
        answers.push(if kind == STORE { x.read(&stream) } else { out.read(&stream) }.expect("it is there"));
    }
    assert!(answers.windows(2).all(|w| w[0] == w[1]), "the modes disagree");
    answers.swap_remove(0)
}

#[test]
fn boxes_with_borders_strides_and_swizzles() {
    for swizzle in 0..4 {
        let channels = if swizzle == 0 { 32 } else { 8usize << swizzle };
        for (first, steps) in [([0, -1, 5, 1], [1, 1, 1, 1]), ([16, 2, -1, 2], [1, 2, 2, 1])] {
            let size = [channels as u32, 6, 4, 2];
            let (across, down) = (6usize.div_ceil(steps[1] as usize), 4usize.div_ceil(steps[2] as usize));
            let rows = across * down * 2;
            let bytes = rows * channels * 2;
            let got = run(|x| tiled(&tensor(x, &steps, swizzle), &size), TILED, bytes, first, [0; 2]);
            for row in 0..rows {
                for i in 0..channels {
                    let (w, h, n) = (row % across, row / across % down, row / across / down);
                    let [c0, w0, h0, n0] = first.map(i64::from);
                    let (dw, dh) = (w as i64 * i64::from(steps[1]), h as i64 * i64::from(steps[2]));
                    let expected = at([c0 + i as i64, w0 + dw, h0 + dh, n0 + n as i64]);
                    assert_eq!(got[turned(row, i, channels * 2, swizzle)], expected, "{swizzle} {first:?} {row} {i}");
                }
            }
        }
    }
}

/// One tap of a convolution: rows are output pixels in order, whatever image they are of.
#[test]
fn im2col_is_the_matrix_of_a_convolution() {
    for (kernel, stride, pad) in [(3i64, 1i64, 1i64), (3, 2, 1), (1, 2, 0)] {
        let outputs = |side: usize| (side as i64 + 2 * pad - kernel) / stride + 1;
        let (q, p) = (outputs(DIMS[2]), outputs(DIMS[1]));
        let (lower, upper) = ([-pad as i32; 2], [(pad - (kernel - 1)) as i32; 2]);
        let (channels, pixels, first) = (64usize, 48usize, 5i64); // starts in the middle, runs over images and past the end
        let steps = [1, stride as u32, stride as u32, 1];
        for (r, s) in [(0, 0), (kernel - 1, kernel / 2), (kernel - 1, kernel - 1)] {
            let start =
                [0, (first % q * stride - pad) as i32, (first / q % p * stride - pad) as i32, (first / q / p) as i32];
            let map = |x| im2col(&tensor(x, &steps, 3), &lower, &upper, channels as u32, pixels as u32);
            let got = run(map, IM2COL, channels * pixels * 2, start, [s as u32, r as u32]);
            for row in 0..pixels {
                let m = first + row as i64;
                let (x, y, image) = (m % q * stride - pad + s, m / q % p * stride - pad + r, m / q / p);
                for c in 0..channels {
                    let expected = at([c as i64, x, y, image]);
                    assert_eq!(got[turned(row, c, 128, 3)], expected, "{kernel}/{stride} tap {r},{s} row {row} c {c}");
                }
            }
        }
    }
}

#[test]
fn a_store_writes_the_box_and_nothing_else() {
    let (channels, first) = (64usize, [0, 7, -1, 1]);
    let size = [channels as u32, 4, 3, 1];
    let got = run(|x| tiled(&tensor(x, &[1; 4], 3), &size), STORE, 12 * channels * 2, first, [0; 2]);
    for (i, &value) in got.iter().enumerate() {
        let (c, w, h, n) = (i % 64, i / 64 % 9, i / 64 / 9 % 7, i / 64 / 9 / 7);
        let (dw, dh) = (w as i64 - 7, h as i64 + 1);
        let inside = (0..4).contains(&dw) && (0..3).contains(&dh) && n == 1;
        let expected = if inside { turned(dh as usize * 4 + dw as usize, c, 128, 3) as u16 + 1 } else { 0 };
        assert_eq!(value, expected, "({c}, {w}, {h}, {n})");
    }
}
