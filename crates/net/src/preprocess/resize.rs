//! Resampling of 8-bit RGB, bit for bit as `Image.resize` of Pillow 13 does it.
//!
//! Bilinear and bicubic are separable convolutions whose support widens with the reduction (antialiasing). Pixel `i`
//! of the output, in one direction, is
//!
//! ```text
//! scale   = length_in / length_out            stretch = max(scale, 1)
//! centre  = (i + 0.5) * scale                 support = radius * stretch
//! weight  = filter((j - centre + 0.5) / stretch),   floor(centre - support + 0.5) <= j < floor(centre + support + 0.5)
//! out[i]  = sum_j in[j] * weight[j] / sum_j weight[j]
//! ```
//!
//! with weights in fixed point of 22 bits. The first direction is rounded to 8 bits before the second, so the order
//! of the two shows in the last bit; Pillow up to 12 always resampled along the rows first, Pillow 13 (which is followed
//! here) goes down the columns first when the height shrinks by more than twice what the width does.

/// Fraction bits of a weight: 32, less 8 for the sample and 2 for sums beyond 1 (bicubic overshoots).
const PRECISION_BITS: u32 = 32 - 8 - 2;

/// A resampling filter, named as in Pillow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// The pixel under the centre.
    Nearest,
    /// A triangle of radius 1, widened when the picture shrinks.
    Bilinear,
    /// Keys' cubic with a = -0.5, radius 2, widened when the picture shrinks.
    Bicubic,
}

crate::named!(Filter, "filter", { Nearest = "nearest", Bilinear = "bilinear", Bicubic = "bicubic" });

/// One direction of the output: of `total` resampled pixels, the `len` from `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Pixels that the whole side becomes.
    pub(super) total: usize,
    /// First one kept.
    pub(super) start: usize,
    /// How many are kept.
    pub(super) len: usize,
}

impl Window {
    /// All of them.
    pub(super) fn whole(total: usize) -> Window {
        Window { total, start: 0, len: total }
    }

    fn range(self) -> std::ops::Range<usize> {
        self.start..self.start + self.len
    }
}

/// Resamples `rgb` (`[height, width, 3]`) to `columns.total` x `rows.total` pixels and keeps the windows:
/// `[rows.len, columns.len, 3]`. Only what the windows need is computed; the bytes are those of the whole.
pub(super) fn resize(
    rgb: &[u8],
    width: usize,
    height: usize,
    columns: Window,
    rows: Window,
    filter: Filter,
) -> Vec<u8> {
    let kernel: Kernel = match filter {
        Filter::Nearest => return nearest(rgb, width, height, columns, rows),
        Filter::Bilinear => Kernel { radius: 1.0, weight: triangle },
        Filter::Bicubic => Kernel { radius: 2.0, weight: cubic },
    };
    let (across, down) = (kernel.taps(width, columns), kernel.taps(height, rows));
    if down_first(width, height, columns.total, rows.total) {
        let short = resize_down(rgb, width, 0, &down);
        return resize_across(&short, width, &across);
    }
    // Only the rows of the input that some row of the output reads.
    let (first, last) = (down[0].first, down[down.len() - 1].end());
    let narrow = resize_across(&rgb[first * width * 3..last * width * 3], width, &across);
    resize_down(&narrow, columns.len, first, &down)
}

/// Whether the columns are resampled before the rows.
fn down_first(width: usize, height: usize, new_width: usize, new_height: usize) -> bool {
    let lost = |old: usize, new: usize| old as i64 - new as i64;
    lost(height, new_height) > 0 && lost(height, new_height) > 2 * lost(width, new_width)
}

/// A filter: its radius at the scale of the output, and its value at a distance.
struct Kernel {
    radius: f64,
    weight: fn(f64) -> f64,
}

/// The pixels that one output pixel reads, in one direction.
struct Tap {
    /// The first.
    first: usize,
    /// Their weights, in units of 2^-22.
    weights: Vec<i32>,
}

impl Tap {
    fn end(&self) -> usize {
        self.first + self.weights.len()
    }
}

impl Kernel {
    /// What each output pixel of the window reads from a side of `length` pixels.
    fn taps(&self, length: usize, window: Window) -> Vec<Tap> {
        let scale = length as f64 / window.total as f64;
        let stretch = scale.max(1.0);
        let support = self.radius * stretch;
        let inverse = 1.0 / stretch;
        let tap = |i: usize| {
            let centre = (i as f64 + 0.5) * scale;
            // Conversion to usize takes a negative start to zero.
            let first = (centre - support + 0.5) as usize;
            let end = ((centre + support + 0.5) as usize).min(length);
            let weight = |j: usize| (self.weight)((j as f64 - centre + 0.5) * inverse);
            let weights: Vec<f64> = (first..end).map(weight).collect();
            let sum: f64 = weights.iter().sum();
            let fixed = |weight: f64| fixed_point(if sum != 0.0 { weight / sum } else { weight });
            Tap { first, weights: weights.into_iter().map(fixed).collect() }
        };
        window.range().map(tap).collect()
    }
}

/// Rounded to units of 2^-22, halves away from zero.
fn fixed_point(weight: f64) -> i32 {
    let half = if weight < 0.0 { -0.5 } else { 0.5 };
    (half + weight * f64::from(1 << PRECISION_BITS)) as i32
}

/// Bilinear: a triangle.
fn triangle(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 { 1.0 - x } else { 0.0 }
}

/// Bicubic (R. Keys 1981) with a = -0.5, in Pillow's order of operations.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

/// What a sum starts from, so that the shift below rounds to nearest.
const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// The integer part of a sum, clipped to a byte.
fn byte(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// Along each row: `[rows, width, 3]` to `[rows, taps.len(), 3]`.
fn resize_across(rgb: &[u8], width: usize, taps: &[Tap]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rgb.len() / width * taps.len());
    for row in rgb.chunks_exact(width * 3) {
        for tap in taps {
            let mut sum = [HALF; 3];
            let pixels = row[tap.first * 3..tap.end() * 3].chunks_exact(3);
            for (pixel, weight) in pixels.zip(&tap.weights) {
                for c in 0..3 {
                    sum[c] += i32::from(pixel[c]) * weight;
                }
            }
            out.extend(sum.map(byte));
        }
    }
    out
}

/// Down each column: `[rows, width, 3]`, whose first row is row `offset` of the picture, to `[taps.len(), width, 3]`.
fn resize_down(rgb: &[u8], width: usize, offset: usize, taps: &[Tap]) -> Vec<u8> {
    let pitch = width * 3;
    let mut out = Vec::with_capacity(taps.len() * pitch);
    let mut sums = vec![0i32; pitch];
    for tap in taps {
        sums.fill(HALF);
        let rows = &rgb[(tap.first - offset) * pitch..(tap.end() - offset) * pitch];
        for (row, weight) in rows.chunks_exact(pitch).zip(&tap.weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(value) * weight;
            }
        }
        out.extend(sums.iter().map(|&sum| byte(sum)));
    }
    out
}

/// The pixel under each centre.
fn nearest(rgb: &[u8], width: usize, height: usize, columns: Window, rows: Window) -> Vec<u8> {
    let columns = under_centres(width, columns);
    let mut out = Vec::with_capacity(rows.len * columns.len() * 3);
    for row in under_centres(height, rows) {
        let row = &rgb[row * width * 3..][..width * 3];
        for column in &columns {
            out.extend_from_slice(&row[column * 3..][..3]);
        }
    }
    out
}

/// The input pixel under the centre of each output pixel. The position is a running sum, as in Pillow: its rounding
/// errors decide where a centre falls on the border of two pixels.
fn under_centres(length: usize, window: Window) -> Vec<usize> {
    let scale = length as f64 / window.total as f64;
    let mut position = 0.5 * scale;
    let mut under = Vec::with_capacity(window.len);
    for i in 0..window.start + window.len {
        if i >= window.start {
            under.push((position as usize).min(length - 1));
        }
        position += scale;
    }
    under
}
