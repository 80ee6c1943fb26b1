//! From a coarse grid to the size of the picture, as each of the peers does it.
//!
//! Every rule is linear and treats rows and columns alike, so each is a list of weights for one axis: output row i is
//! `sum over j of weight[i][j] * row j`, and the same then goes for columns.

use backlit_net::named;

use super::spline;

/// How a coarse map is brought to 224 x 224.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Upsample {
    /// Bilinear, half-pixel centres: OpenCV's `resize`, PyTorch's `interpolate` without aligned corners.
    #[default]
    Bilinear,
    /// Bilinear with the end points aligned: SciPy's `zoom` of order 1, PyTorch's `interpolate` with aligned corners.
    BilinearAligned,
    /// Nearest neighbour: PyTorch's `interpolate` by default.
    Nearest,
    /// Pillow's bicubic, a = -0.5, half-pixel centres. It overshoots at edges.
    Bicubic,
    /// Cubic spline through the values, end points aligned: SciPy's `zoom` of order 3. It overshoots at edges.
    Spline,
}

named!(Upsample, "up-sampling", {
    Bilinear = "bilinear",
    BilinearAligned = "bilinear-aligned" | "bilinear_aligned",
    Nearest = "nearest",
    Bicubic = "bicubic",
    Spline = "spline",
});

impl Upsample {
    /// Brings `grid`, `[from, from]`, to `[to, to]`; sums are taken in double precision and rounded once.
    ///
    /// # Panics
    /// If `grid` has another length, a side is 0, or `to` is less than `from`.
    pub fn square(self, grid: &[f32], from: usize, to: usize) -> Vec<f32> {
        let grid: Vec<f64> = grid.iter().map(|&v| v.into()).collect();
        Axis::new(self, from, to).square(&grid).into_iter().map(|v| v as f32).collect()
    }
}

/// The weights of one axis, made once and used for many grids.
pub(super) struct Axis {
    from: usize,
    /// For every output position the first input position that counts, and the weights from there on.
    taps: Vec<(usize, Vec<f64>)>,
}

impl Axis {
    pub(super) fn new(rule: Upsample, from: usize, to: usize) -> Axis {
        assert!(0 < from && from <= to, "{from} positions cannot be brought to {to}");
        let taps = |out: usize| match rule {
            Upsample::Bilinear => linear((out as f64 + 0.5) * from as f64 / to as f64 - 0.5, from),
            Upsample::BilinearAligned => linear(aligned(out, from, to), from),
            Upsample::Nearest => (out * from / to, vec![1.0]),
            Upsample::Bicubic => bicubic((out as f64 + 0.5) * from as f64 / to as f64, from),
            Upsample::Spline => unreachable!("made below, all rows together"),
        };
        let taps = match rule {
            Upsample::Spline => {
                let positions: Vec<f64> = (0..to).map(|out| aligned(out, from, to)).collect();
                spline::weights(from, &positions).into_iter().map(|row| (0, row)).collect()
            }
            _ => (0..to).map(taps).collect(),
        };
        Axis { from, taps }
    }

    /// `[from, from]` to `[to, to]`.
    pub(super) fn square(&self, grid: &[f64]) -> Vec<f64> {
        let (from, to) = (self.from, self.taps.len());
        assert_eq!(grid.len(), from * from, "not a square grid of side {from}");
        let mut wide = Vec::with_capacity(from * to);
        for row in grid.chunks_exact(from) {
            let across = |(first, weights): &(usize, Vec<f64>)| -> f64 {
                row[*first..].iter().zip(weights).map(|(v, w)| v * w).sum()
            };
            wide.extend(self.taps.iter().map(across));
        }
        let mut out = vec![0.0; to * to];
        for ((first, weights), out) in self.taps.iter().zip(out.chunks_exact_mut(to)) {
            for (row, weight) in wide.chunks_exact(to).skip(*first).zip(weights) {
                out.iter_mut().zip(row).for_each(|(out, v)| *out += v * weight);
            }
        }
        out
    }
}

/// The position of an output among the inputs when first and last coincide.
fn aligned(out: usize, from: usize, to: usize) -> f64 {
    if to < 2 { 0.0 } else { out as f64 * (from - 1) as f64 / (to - 1) as f64 }
}

/// The two neighbours of a position; beyond the ends the end value holds.
fn linear(position: f64, from: usize) -> (usize, Vec<f64>) {
    let position = position.clamp(0.0, (from - 1) as f64);
    let first = (position as usize).min(from.saturating_sub(2));
    let second = position - first as f64;
    (first, if from == 1 { vec![1.0] } else { vec![1.0 - second, second] })
}

/// Keys' cubic (1981) with a = -0.5 around `centre`, in units of input pixels; what falls outside is left out and
/// the rest is brought to a sum of 1, as in Pillow.
fn bicubic(centre: f64, from: usize) -> (usize, Vec<f64>) {
    const A: f64 = -0.5;
    let cubic = |x: f64| match x.abs() {
        x if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
        _ => 0.0,
    };
    // Conversion to usize takes a negative start to zero.
    let first = (centre - 1.5) as usize;
    let end = ((centre + 2.5) as usize).min(from);
    let weights: Vec<f64> = (first..end).map(|j| cubic(j as f64 - centre + 0.5)).collect();
    let sum: f64 = weights.iter().sum();
    (first, weights.into_iter().map(|w| w / sum).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `sin(1 + 0.9 i + 1.7 j) + 0.1 i j` on 7 x 7.
    fn grid() -> Vec<f64> {
        let value = |i: usize, j: usize| (1.0 + 0.9 * i as f64 + 1.7 * j as f64).sin() + 0.1 * (i * j) as f64;
        (0..49).map(|p| value(p / 7, p % 7)).collect()
    }

    const PIXELS: [(usize, usize); 13] = [
        (0, 0),
        (0, 223),
        (223, 0),
        (3, 5),
        (16, 16),
        (47, 48),
        (100, 37),
        (111, 112),
        (127, 200),
        (150, 99),
        (200, 128),
        (222, 1),
        (223, 223),
    ];

    /// Sums over 224 x 224 and values at [`PIXELS`], as the libraries' own code gives them (OpenCV 4.13 and PyTorch 2.11,
    /// SciPy 1.17, Pillow 12; all in double precision but for Pillow's, which is in single).
    const KNOWN: [(Upsample, f64, f64, [f64; 13]); 5] = [
        (
            Upsample::Bilinear,
            1e-11,
            45163.4397827,
            [
                0.841470984808,
                -0.979177729151,
                0.11654920485,
                0.841470984808,
                0.836425209043,
                -0.335283974101,
                -0.463098320002,
                1.46854845788,
                2.69946169588,
                1.19828723587,
                1.79948259574,
                0.11654920485,
                2.82164792147,
            ],
        ),
        (
            Upsample::BilinearAligned,
            1e-11,
            44600.1817472,
            [
                0.841470984808,
                -0.979177729151,
                0.11654920485,
                0.784726643259,
                0.546227015976,
                -0.435322332591,
                -0.565697263695,
                1.47081834099,
                2.18209381635,
                1.20601711293,
                1.3780334806,
                0.133928705185,
                2.82164792147,
            ],
        ),
        (
            Upsample::Nearest,
            1e-11,
            45163.4397827,
            [
                0.841470984808,
                -0.979177729151,
                0.11654920485,
                0.841470984808,
                0.841470984808,
                -0.342520443295,
                -0.472764487556,
                1.48491719289,
                2.77200750139,
                0.928239373589,
                2.99207351471,
                0.11654920485,
                2.82164792147,
            ],
        ),
        (
            Upsample::Bicubic,
            1e-6,
            45166.6516307,
            [
                0.866364002228,
                -1.25244867802,
                0.0466971285641,
                0.862295687199,
                0.839140295982,
                -0.345272600651,
                -0.642980933189,
                1.48178684711,
                2.86668753624,
                1.2334600687,
                1.79930269718,
                0.0479979962111,
                2.68042707443,
            ],
        ),
        (
            Upsample::Spline,
            1e-11,
            44600.0563524,
            [
                0.841470984808,
                -0.979177729151,
                0.11654920485,
                0.842298804838,
                0.767878484878,
                -0.79737799176,
                -0.643607759945,
                1.47665636377,
                2.4317573162,
                1.31349123193,
                1.2660893544,
                0.117951641191,
                2.82164792147,
            ],
        ),
    ];

    #[test]
    fn as_the_libraries_do_it() {
        for (rule, tolerance, sum, values) in KNOWN {
            let found = Axis::new(rule, 7, 224).square(&grid());
            for ((i, j), expected) in PIXELS.into_iter().zip(values) {
                let error = (found[i * 224 + j] - expected).abs();
                assert!(error <= tolerance, "{rule} at {i}, {j}: {} for {expected}", found[i * 224 + j]);
            }
            let error = (found.iter().sum::<f64>() - sum).abs();
            assert!(error <= 224.0 * 224.0 * tolerance, "{rule}: sum off by {error}");
        }
        assert_eq!(Upsample::ALL.len(), KNOWN.len());
    }

    #[test]
    fn constants_stay_and_sides_may_be_anything() {
        for &rule in Upsample::ALL {
            for (from, to) in [(1, 1), (1, 5), (2, 2), (2, 9), (3, 4), (5, 5), (14, 224), (28, 224), (56, 224)] {
                let found = rule.square(&vec![2.5; from * from], from, to);
                assert_eq!(found.len(), to * to);
                assert!(found.iter().all(|v| (v - 2.5).abs() <= 1e-6), "{rule} {from} to {to}");
                let ramp: Vec<f32> = (0..from * from).map(|p| (p % 5) as f32).collect();
                let found = rule.square(&ramp, from, to);
                assert!(found.iter().all(|v| v.is_finite()));
                if from == to {
                    assert!(
                        found.iter().zip(&ramp).all(|(f, e)| (f - e).abs() <= 1e-6),
                        "{rule}: {from} is not the identity"
                    );
                }
            }
        }
    }
}
